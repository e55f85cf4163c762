"""DORA's five measures of software delivery, from the records of releases. Pure functions.

Sources: the definitions at https://dora.dev/guides/dora-metrics/
"""

from collections.abc import Iterable, Sequence

from switchyard.release.phases import Phase
from switchyard.release.report.events import Deployment, Status
from switchyard.release.report.measure import Distribution, Measure, at_most, seconds, share
from switchyard.release.report.values import moment

FAILED = (Status.FAILED, Status.ROLLED_BACK)
"""Statuses of a failed deployment."""


def dora(deployments: Sequence[Deployment], weeks: float) -> tuple[Measure, ...]:
    """Computes DORA's five measures.

    Args:
        deployments: deployments in the period.
        weeks: length of the period in weeks.
    """
    return (
        _frequency(deployments, weeks),
        _lead_time(),
        _change_failure(deployments),
        _recovery(deployments),
        _rework(deployments),
    )


def weekly(deployments: Sequence[Deployment], weeks: float, target: str) -> tuple[float, str, bool | None, int, str]:
    """The measure of deployments a week, without a judgement of its target."""
    count = sum(deployment.has_switched for deployment in deployments)
    return round(count / weeks, 3), target, None, count, "deployments that reached users"


def _frequency(deployments: Sequence[Deployment], weeks: float) -> Measure:
    return Measure("deploymentFrequency", "deployment frequency", "perWeek", *weekly(deployments, weeks, ""))


def _lead_time() -> Measure:
    note = "unknown: a record has the tag and not the time of its commit; the repository has it"
    return Measure("leadTimeForChanges", "lead time for changes", "seconds", note=note)


def _ended(deployments: Iterable[Deployment]) -> list[Deployment]:
    """Deployments that reached users and have ended."""
    counted = {*FAILED, Status.SUCCEEDED}
    return [deployment for deployment in deployments if deployment.reached and deployment.status in counted]


def _change_failure(deployments: Iterable[Deployment]) -> Measure:
    ended = _ended(deployments)
    failed = sum(deployment.status in FAILED for deployment in ended)
    return Measure(
        "changeFailureRate",
        "change failure rate",
        "share",
        share(failed, len(ended)),
        size=len(ended),
        of="deployments that reached users and have ended",
        bound=at_most(failed, len(ended)),
        note="" if ended else "unknown: none has ended in this time",
        counts={"failed": failed},
    )


def _recovery(deployments: Iterable[Deployment]) -> Measure:
    failed = [deployment for deployment in _ended(deployments) if deployment.status in FAILED]
    spread = Distribution.of("switched -> endpoints of the version before", map(_recovered, failed))
    return Measure(
        "failedDeploymentRecoveryTime",
        "failed deployment recovery time",
        "seconds",
        spread.median,
        size=spread.size,
        of="failed deployments whose switch and rollback are in the records",
        note="the median" if spread.size else "unknown: no failed deployment with both times",
        parts=(spread,),
        counts={"failed": len(failed)},
    )


def _recovered(deployment: Deployment) -> float | None:
    """Seconds from the switch to a failed version until the previous version served again."""
    served = deployment.rollback.serving_at if deployment.rollback is not None else None
    phases = deployment.record.phases
    switch = next((part for part in phases if part.phase is Phase.SWITCH and part.outcome == "passed"), None)
    began = moment(switch.ended) if switch is not None else None
    if served is None or began is None or served < began:
        return None
    return seconds((served - began).total_seconds())


def _rework(deployments: Iterable[Deployment]) -> Measure:
    reached = [
        deployment for deployment in deployments if deployment.reached and deployment.status is not Status.CONTINUED
    ]
    hotfixes = sum(deployment.record.hotfix for deployment in reached)
    if not hotfixes:  # nobody may have marked them
        note = "unknown: no deployment is marked as an unplanned fix, by --hotfix"
        return Measure("reworkRate", "rework rate", "share", note=note)
    return Measure(
        "reworkRate",
        "rework rate",
        "share",
        share(hotfixes, len(reached)),
        size=len(reached),
        of="deployments that reached users",
        note="those with --hotfix",
        counts={"hotfixes": hotfixes},
    )
