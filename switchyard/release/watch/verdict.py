"""The verdict about a new version, from its requests, its pods, and how well they can be observed. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from switchyard.codes import Code
from switchyard.config.models.watch import Watch
from switchyard.manifests.analysis import QUANTILE
from switchyard.release.watch.evidence import ERRORS, Evidence, Finding, percent
from switchyard.release.watch.pod_health import PodHealth
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.sequential import SequentialState


class Outcome(StrEnum):
    """The outcome of a watch.

    Attributes:
        PASS: the requests show that the version is acceptable.
        BREACH: the version is worse than accepted.
        UNDECIDED: the requests do not suffice for a verdict, or cannot be seen.
        NO_TRAFFIC: no request was counted.
    """

    PASS = "pass"  # noqa: S105 - no password
    BREACH = "breach"
    UNDECIDED = "undecided"
    NO_TRAFFIC = "noTraffic"


CODES = {
    Outcome.BREACH: Code.NEW_VERSION_WORSE,
    Outcome.UNDECIDED: Code.EVIDENCE_INSUFFICIENT,
    Outcome.NO_TRAFFIC: Code.NO_TRAFFIC,
}


@dataclass(frozen=True)
class Verdict:
    """The verdict about a version, with the numbers on which it is based.

    Attributes:
        outcome: the verdict.
        sentence: the verdict and its reason as a whole sentence.
        findings: the finding for each question.
        requests: number of requests that the new version has answered since the start of the watch.
        failed: number of these requests that failed.
        p95: 95th percentile of their durations in seconds; None if unknown.
        restarts: number of container restarts since the start of the watch.
        seconds: since the watch began.
        source: why the metrics of some pod cannot be read; empty if they can.
        past: requests of the old colour with which the new version was compared.
        scraped: whether Prometheus, and not a pod, lacks the metrics.
    """

    outcome: Outcome
    sentence: str
    findings: tuple[Finding, ...] = ()
    requests: int = 0
    failed: int = 0
    p95: float | None = None
    restarts: int = 0
    seconds: float = 0.0
    source: str = ""
    past: Counts = Counts()  # noqa: RUF009 - it is frozen
    scraped: bool = False

    @property
    def code(self) -> Code | None:
        """The stable code of the message; None when the version passes."""
        if self.outcome is Outcome.UNDECIDED and self.source:
            return Code.PROMETHEUS_UNREADABLE if self.scraped else Code.METRICS_UNREADABLE
        return CODES.get(self.outcome)


def judge(
    watch: Watch, evidence: Evidence, health: PodHealth, *, seconds: float, source: str, scraped: bool = False
) -> Verdict:
    """The verdict at the present moment.

    Args:
        watch: the settings.
        evidence: evidence from the requests.
        health: restarts and readiness of the pods.
        seconds: since the watch began.
        source: why the metrics cannot be read now; empty if they can.
        scraped: whether Prometheus, and not a pod, lacks the metrics.
    """
    findings = evidence.findings
    outcome, sentence = _decided(watch, findings, health, evidence, source)
    return Verdict(
        outcome,
        sentence,
        findings,
        requests=round(evidence.counts.requests),
        failed=round(evidence.counts.failed),
        p95=evidence.counts.quantile(QUANTILE),
        restarts=health.restarts,
        seconds=seconds,
        source=source,
        past=evidence.past,
        scraped=scraped,
    )


def _decided(
    watch: Watch, findings: tuple[Finding, ...], health: PodHealth, evidence: Evidence, source: str
) -> tuple[Outcome, str]:
    worse = [finding.text for finding in findings if finding.state is SequentialState.WORSE]
    if health.problem is not None:
        worse.append(health.problem)
    if worse:
        return Outcome.BREACH, f"The new version is worse than accepted: {'; '.join(worse)}."
    if source:
        return Outcome.UNDECIDED, f"The new version is not judged, because its metrics cannot be read: {source}."
    if not evidence.counts.requests:
        return Outcome.NO_TRAFFIC, (
            f"The new version has answered no request: no pod has counted one in {watch.requests_metric} with the "
            f"label {watch.status_label}."
        )
    if evidence.counts.requests <= evidence.possibly_own:
        return Outcome.NO_TRAFFIC, (
            f"The new version has answered no request of users: what its pods have counted in {watch.requests_metric} "
            f"may all be the {round(evidence.possibly_own)} requests of this watch for their metrics."
        )
    if health.unready:
        return Outcome.UNDECIDED, f"The new version does not pass while {health.unready}."
    if missing := [_missing(finding) for finding in findings if finding.state is SequentialState.OPEN]:
        return Outcome.UNDECIDED, f"The evidence does not suffice for a verdict: {'; '.join(missing)}."
    return Outcome.PASS, f"The new version is acceptable: {'; '.join(finding.text for finding in findings)}."


def _missing(finding: Finding) -> str:
    if not finding.needed or not finding.total:
        return finding.text
    bad = "fails" if finding.question == ERRORS else "is slow"
    shown = f"to show a share below {percent(finding.condemned)}"
    return f"{finding.text}; it takes {finding.needed} more if none {bad} {shown}"


def in_words(verdict: Verdict) -> str:
    """The text of a verdict with its code, for the record of the phase."""
    code = f" ({verdict.code})" if verdict.code else ""
    watched = f"{verdict.seconds:.0f} s watched. " if verdict.seconds else ""
    return f"{watched}{verdict.sentence.removesuffix('.')}{code}"
