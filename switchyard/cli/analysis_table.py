"""Output of `switchyard analyze` for a canary: one line for each measurement, or a JSON document."""

from typing import Any

from rich.table import Table
from rich.text import Text

from switchyard.cli.analysis import Judgement

FORM_VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


def document(stack: str, key: str, prometheus: str, judgements: list[Judgement], *, is_good: bool) -> dict[str, Any]:
    """The JSON form of the measurements.

    Args:
        stack: name of the stack.
        key: key of the service.
        prometheus: the address of Prometheus.
        judgements: the measurements.
        is_good: whether all measurements of the version to judge are successes.
    """
    return {
        "version": FORM_VERSION,
        "stack": stack,
        "service": key,
        "strategy": "canary",
        "prometheus": prometheus,
        "succeeded": is_good,
        "measurements": [
            {
                "role": judgement.version.role,
                "hash": judgement.version.pod_hash,
                "metric": judgement.metric.name,
                "unit": judgement.metric.unit,
                "needed": judgement.metric.success,
                "value": judgement.value,
                "verdict": judgement.verdict.value,
                "reason": judgement.reason,
            }
            for judgement in judgements
        ],
    }


def table(title: str, judgements: list[Judgement]) -> Table:
    """The table of the measurements, with one line for each."""
    table = Table(title=Text(title), title_justify="left")
    for column in ("version", "metric", "value", "needed", "verdict", "why"):
        table.add_column(column, overflow="fold")  # a narrow terminal cuts no text
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
