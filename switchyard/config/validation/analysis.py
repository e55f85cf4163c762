"""Rules across the fields of one analysis."""

from collections.abc import Iterator

from switchyard.config.errors import Problem, set_command
from switchyard.config.models.canary import Analysis


def analysis_problems(at: str, analysis: Analysis, *, counted: bool) -> Iterator[Problem]:
    """Rules within one analysis.

    Args:
        at: path of the analysis in the configuration.
        analysis: settings of the analysis.
        counted: whether the analysis ends after `count` measurements.
    """
    if not analysis.enabled:
        remedy = set_command(f"{at}.successRate.enabled", "true")
        yield Problem(at, "neither successRate nor latencyP95", "an analysis measures something", remedy)
    limits = analysis.failure_limit + analysis.inconclusive_limit
    if counted and limits >= analysis.count:
        # Argo Rollouts takes `count` measurements for a success when each limit is kept by itself.
        yield Problem(
            f"{at}.count",
            str(analysis.count),
            f"must be above failureLimit and inconclusiveLimit together, {limits}, or a version could be promoted "
            "without one measurement that succeeds",
            set_command(f"{at}.count", str(limits + 1)),
        )
