"""Checks before a switch that the metrics of the new version can be read."""

import asyncio

from switchyard.config.models.service import Track
from switchyard.gates.base import raise_refusal
from switchyard.kube.polling import poll_until
from switchyard.release.deploy.watch_refusals import (
    refuse_unwatched,
    report_unwatched,
    unreadable,
    warn_not_compared,
    warn_some_unread,
)
from switchyard.release.plan import Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.release_context import ReleaseContext
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.source import sources_of
from switchyard.release.watch.watch import simulated_nodes

READ_SECONDS = 5.0
"""Seconds for which a source that does not answer is read again, because it may be restarting."""


async def check_metrics(place: ReleaseContext, plan: Plan, record: ReleaseRecord) -> str | None:
    """Reads the metrics of both colours as the watch will, and refuses a version that the watch could not judge.

    A hotfix gets a warning instead of the refusal. Metrics that are readable and still empty are a warning as well.

    Args:
        place: the cluster and the stack of the release.
        plan: the planned switch.
        record: the record of the release.

    Returns:
        The metrics that cannot be read, as text; None if the watch can start, or there will be none.

    Raises:
        GateRefusedError: no metrics of the new version can be read.
        switchyard.errors.ClusterError: the API server does not answer, or denies the login.
    """
    observation = plan.observation
    if not observation.settings.release.watch.seconds or await simulated_nodes(
        place.cluster, observation.name, observation.settings, Track(plan.target)
    ):
        return None
    new, old = await _readings(place, plan)
    if problem := unreadable(new):
        if not record.hotfix:
            raise_refusal(refuse_unwatched(plan, record, new, place.versions))
        place.warn(report_unwatched(plan, record, new))
        return f"Its metrics cannot be read: {problem}"
    for warning in (warn_some_unread(plan, new), warn_not_compared(plan, old)):
        if warning is not None:
            place.warn(warning)
    return None


async def _readings(place: ReleaseContext, plan: Plan) -> tuple[Reading, Reading]:
    """Readings of both colours, once the new one is readable, or after the time limit."""
    observation = plan.observation
    tracks = (Track(plan.target), Track(plan.target.other))
    sources = sources_of(await place.access.api(), observation.name, observation.settings, tracks)

    async def read() -> tuple[Reading, Reading]:
        new, old = await asyncio.gather(*(source.read() for source in sources))
        return new, old

    return await poll_until(read, lambda both: not unreadable(both[0]), seconds=READ_SECONDS, every=1)
