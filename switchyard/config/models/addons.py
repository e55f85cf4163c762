"""Helm charts that a stack installs beside its services, and the one place that pins their versions."""

from typing import Annotated

from pydantic import Field

from switchyard.config.kubernetes import ALB_CONTROLLER, ARGO_ROLLOUTS, CALICO_CHART, METRICS_SERVER_CHART
from switchyard.config.models.base import Bool, Model, redefined
from switchyard.config.types.text import Url, matching

ChartVersion = Annotated[
    str,
    matching(
        r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?",
        "must be one version of a chart, not a range | Example: 2.41.0; see: "
        f"helm search repo {ARGO_ROLLOUTS} --versions",
    ),
]


class Chart(Model):
    """One Helm chart: its version, its name and where it is downloaded from."""

    version: ChartVersion = Field(description="Version of the chart, one version and not a range.", examples=["2.41.0"])
    chart: str = Field(
        min_length=1,
        description=(
            "Name of the chart in the repository, or the path of a directory, relative to Pulumi.yaml, that "
            "begins with `./` or `/`."
        ),
        examples=[ARGO_ROLLOUTS, f"./charts/{ARGO_ROLLOUTS}"],
    )
    repository: Url = Field(
        description="Address of the Helm repository. It is not read when `chart` is a path.",
        examples=["https://argoproj.github.io/argo-helm"],
    )

    @property
    def is_path(self) -> bool:
        """Whether `chart` is the path of a directory."""
        return self.chart.startswith(("./", "/"))


class RemovableChart(Chart):
    """The chart of an add-on that the settings may leave out."""

    retain_on_delete: Bool = Field(
        default=False,
        description=(
            "Whether the add-on stays on the cluster when it is removed from the settings, or when the stack is "
            "destroyed. Set it and run an update first, then remove the chart."
        ),
    )


class ArgoRolloutsChart(RemovableChart):
    """Argo Rollouts, installed from its Helm chart: CustomResourceDefinitions and controller, at one version."""

    chart: Annotated[str, Field(min_length=1)] = redefined(Chart, "chart", ARGO_ROLLOUTS)
    repository: Url = redefined(Chart, "repository", "https://argoproj.github.io/argo-helm")
    dashboard: Bool = Field(default=False, description="Whether the dashboard of Argo Rollouts is installed as well.")
    aws_verify_target_group: Bool = Field(
        default=False,
        description=(
            "Whether the controller verifies with AWS that the weights are in force before it continues. Its role must "
            "permit that. It is refused on `kind: ec2`, where the controller's pods have no role."
        ),
    )


CALICO = Chart.model_construct(version="v3.31.7", chart=CALICO_CHART, repository="https://docs.tigera.io/calico/charts")
"""Calico's operator, which installs its CustomResourceDefinitions.

3.31 is tested by Calico on Kubernetes 1.32 to 1.35 (docs.tigera.io/calico/3.31, system requirements), and 3.31.7 is the
patch release of 2026-08-21. The chart has the v in its version, and without it the state would differ. From 3.32 on
the CustomResourceDefinitions are a chart of their own, crd.projectcalico.org.v1 (github.com/projectcalico/calico,
release v3.32.2), which then has to be installed before this one.
"""

LOAD_BALANCER_CONTROLLER = RemovableChart.model_construct(
    version="3.4.2", chart=ALB_CONTROLLER, repository="https://aws.github.io/eks-charts"
)
"""AWS Load Balancer Controller 3.4.2 (github.com/aws/eks-charts/pull/1347, 2026-07-13).

Chart and controller have the same version since 3.0. Version 2 ended with 2.17.1.
"""

METRICS_SERVER = RemovableChart.model_construct(
    version="3.13.1", chart=METRICS_SERVER_CHART, repository="https://kubernetes-sigs.github.io/metrics-server"
)
"""metrics-server 0.8.1 (github.com/kubernetes-sigs/metrics-server, charts/metrics-server/CHANGELOG.md, 2026-02-27)."""
