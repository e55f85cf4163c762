"""What a stack may bring to a cluster besides its services: charts, and the one place that pins their versions."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Bool, Model
from switchyard.config.types.text import Url, matching

ChartVersion = Annotated[
    str,
    matching(
        r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?",
        "must be one version of a chart, not a range | Example: 2.41.0; see: helm search repo argo-rollouts --versions",
    ),
]


class Chart(Model):
    """One chart of Helm.

    Attributes:
        version: of the chart.
        chart: its name in the repository, or a path from the project's directory that begins with ``./`` or ``/``.
        repository: where it is; not asked for a path.
    """

    version: ChartVersion
    chart: str = Field(min_length=1)
    repository: Url

    @property
    def is_path(self) -> bool:
        """Whether the chart is in a directory."""
        return self.chart.startswith(("./", "/"))


class ArgoRolloutsChart(Chart):
    """Argo Rollouts by its chart: the definitions and the controller, at one version.

    Attributes:
        version: of the chart, which says that of the controller.
        chart: its name in the repository, or a path from the project's directory that begins with ``./`` or ``/``.
        repository: where it is; not asked for a path.
        dashboard: whether the dashboard runs as well.
        aws_verify_target_group: whether the controller asks AWS if weights are in force; its role must allow that.
            Refused on `kind: ec2`, where its pods have no role.
    """

    chart: str = Field(default="argo-rollouts", min_length=1)
    repository: Url = "https://argoproj.github.io/argo-helm"
    dashboard: Bool = False
    aws_verify_target_group: Bool = False


CALICO = Chart(version="v3.31.7", chart="tigera-operator", repository="https://docs.tigera.io/calico/charts")
"""Calico's operator, which brings the definitions with it.

3.31 is tested by Calico on Kubernetes 1.32 to 1.35 (docs.tigera.io/calico/3.31, system requirements), and 3.31.7 is the
patch release of 2026-08-21. The chart has the v in its version, and the state would not be alike without. From 3.32 on
the definitions are a chart of their own, crd.projectcalico.org.v1 (github.com/projectcalico/calico, release
v3.32.2), which has to be an add-on before this one then.
"""

LOAD_BALANCER_CONTROLLER = Chart(
    version="3.4.2", chart="aws-load-balancer-controller", repository="https://aws.github.io/eks-charts"
)
"""AWS Load Balancer Controller 3.4.2 (github.com/aws/eks-charts/pull/1347, 2026-07-13).

Chart and controller have the same version since 3.0. Version 2 ended with 2.17.1.
"""

METRICS_SERVER = Chart(
    version="3.13.1", chart="metrics-server", repository="https://kubernetes-sigs.github.io/metrics-server"
)
"""metrics-server 0.8.1 (github.com/kubernetes-sigs/metrics-server, charts/metrics-server/CHANGELOG.md, 2026-02-27)."""
