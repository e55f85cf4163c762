"""The numbers of a verdict, for the record of a release."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from switchyard.config.models.watch import Watch
from switchyard.kube.clock import to_text
from switchyard.manifests.analysis import QUANTILE
from switchyard.release.watch.evidence import Finding
from switchyard.release.watch.verdict import Outcome, Verdict


class WatchedVerdict:
    """Follows a watch, and remembers the reading at which the new version was judged bad.

    Args:
        now: the time by the API server's clock.
        on_tick: is called after each reading as well.
    """

    def __init__(self, now: Callable[[], datetime], on_tick: Callable[[Verdict], None]) -> None:
        self._now = now
        self._on_tick = on_tick
        self._condemned: datetime | None = None

    def __call__(self, verdict: Verdict) -> None:
        """Receives the verdict after each reading."""
        if verdict.outcome is Outcome.BREACH and self._condemned is None:
            self._condemned = self._now()
        self._on_tick(verdict)

    def numbers(self, verdict: Verdict, watch: Watch) -> dict[str, Any]:
        """The numbers of the verdict that the release acts on.

        Args:
            verdict: the verdict at the end of the watch.
            watch: settings of the watch.
        """
        condemned = self._condemned if verdict.outcome is Outcome.BREACH else None
        return numbers_of(verdict, watch, None if condemned is None else to_text(condemned), to_text(self._now()))


def numbers_of(verdict: Verdict, watch: Watch, problem_seen: str | None, decided: str) -> dict[str, Any]:
    """The numbers of a verdict, in the form of the record.

    Args:
        verdict: the verdict at the end of the watch.
        watch: settings of the watch.
        problem_seen: time of the reading at which the new version was judged bad; None if it was not.
        decided: time at which the release began to act on the verdict.
    """
    return {
        "outcome": verdict.outcome.value,
        "seconds": round(verdict.seconds, 1),
        "new": {
            "requests": verdict.requests,
            "errors": verdict.failed,
            "p95": _rounded(verdict.p95),
            "restarts": verdict.restarts,
        },
        "old": {
            "requests": round(verdict.past.requests),
            "errors": round(verdict.past.failed),
            "p95": _rounded(verdict.past.quantile(QUANTILE)),
        },
        "bounds": {
            "falseRollback": watch.false_rollback,
            "missed": watch.missed,
            "seconds": watch.seconds,
            "errorsAccepted": watch.errors.accepted,
            "errorsCondemned": watch.errors.condemned,
            "p95Seconds": watch.latency_p95.max_seconds if watch.latency_p95.enabled else None,
        },
        "questions": [_question(finding) for finding in verdict.findings],
        "problemSeen": problem_seen,
        "decided": decided,
    }


def _question(finding: Finding) -> dict[str, Any]:
    return {
        "question": finding.question,
        "state": finding.state.value,
        "requests": finding.total,
        "hits": finding.hits,
        "accepted": round(finding.accepted, 6),
        "condemned": round(finding.condemned, 6),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
