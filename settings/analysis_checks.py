"""Rules across the fields of one analysis."""

from collections.abc import Iterator

from settings.canary import Analysis
from settings.problems import Problem, set_command


def analysis_problems(at: str, analysis: Analysis, *, counted: bool) -> Iterator[Problem]:
    """Rules within one analysis.

    Args:
        at: its path in the configuration.
        analysis: its settings.
        counted: whether it ends after `count` measurements.
    """
    if not analysis.enabled:
        remedy = set_command(f"{at}.successRate.enabled", "true")
        yield Problem(at, "neither successRate nor latencyP95", "an analysis measures something", remedy)
    for key, limit in (
        ("failureLimit", analysis.failure_limit),
        ("inconclusiveLimit", analysis.inconclusive_limit),
    ):
        if counted and limit >= analysis.count:
            rule = f"must be less than count, {analysis.count}, or no measurement could ever exceed it"
            yield Problem(f"{at}.{key}", str(limit), rule, set_command(f"{at}.count", str(limit + 2)))
