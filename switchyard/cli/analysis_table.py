"""What `switchyard analyze` prints: one line for each measurement."""

from rich.table import Table
from rich.text import Text

from switchyard.cli.analysis import Judgement


def table(title: str, judgements: list[Judgement]) -> Table:
    """The measurements, one a line."""
    table = Table(title=Text(title), title_justify="left")
    for column in ("version", "metric", "value", "needed", "verdict", "why"):
        table.add_column(column)
    for judgement in judgements:
        metric, version = judgement.metric, judgement.version
        table.add_row(
            f"{version.role} {version.pod_hash}",
            f"{metric.name} ({metric.unit})",
            judgement.value or "-",
            metric.success,
            judgement.verdict.value,
            Text(judgement.reason),  # in others' words, which are no markup
        )
    return table
