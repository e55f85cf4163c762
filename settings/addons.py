"""What a stack may bring to a cluster besides its services."""

from typing import Annotated

from pydantic import Field

from settings.model import Bool, Model
from settings.text import Url, matching

ChartVersion = Annotated[
    str,
    matching(
        r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?",
        "must be one version of a chart, not a range | Example: 2.40.5; see: helm search repo argo-rollouts --versions",
    ),
]


class ArgoRolloutsChart(Model):
    """Argo Rollouts by its chart: the definitions and the controller, at one version.

    Attributes:
        version: of the chart, which says that of the controller.
        chart: its name in the repository, or a path from the project's directory that begins with ``./`` or ``/``.
        repository: where it is; not asked for a path.
        dashboard: whether the dashboard runs as well.
        aws_verify_target_group: whether the controller asks AWS if weights are in force; its role must allow that.
    """

    version: ChartVersion
    chart: str = Field(default="argo-rollouts", min_length=1)
    repository: Url = "https://argoproj.github.io/argo-helm"
    dashboard: Bool = False
    aws_verify_target_group: Bool = False

    @property
    def is_path(self) -> bool:
        """Whether the chart is in a directory."""
        return self.chart.startswith(("./", "/"))
