"""Notices that the old colour serves again, because somebody else has changed the selector during a release."""

from switchyard.errors import ClusterError, GateRefusedError
from switchyard.release import retries
from switchyard.release.deploy.protocol import Ended, ReleaseSteps
from switchyard.release.phases import Event
from switchyard.release.record.release_record import ReleaseRecord

SERVES_AGAIN = "the old colour serves again"
"""Reason of a rollback that somebody else has begun."""


async def unless_reverted(steps: ReleaseSteps, record: ReleaseRecord, ended: Ended) -> Ended:
    """The outcome of a watch, unless the old colour serves again: then it says nothing about the new version.

    `pulumi up` of a previous configuration, for example, may have changed the selector, and the pods as well.

    Args:
        steps: steps of the release.
        record: record of the release.
        ended: outcome of the watch and of the hooks beside it.
    """
    is_bad = ended.event is Event.BREACHED  # whose rollback reads what serves, and does not wait here
    try:
        live = await retries.until_answered(steps.live, unless=lambda: is_bad or steps.is_condemned())
    except ClusterError:
        return ended
    except GateRefusedError as error:
        return ended if is_bad else Ended(Event.NO_VERDICT, str(error))
    return Ended(Event.REVERTED, SERVES_AGAIN) if live.serving == record.source else ended
