"""Checks before a retirement that the old colour gets no more requests, and the outcome of a retirement."""

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.gates.base import raise_refusal
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy.protocol import Ended
from switchyard.release.deploy.refusals import refuse_requests, refuse_retirement, refuse_unread
from switchyard.release.deploy.switch_doubt import refuse_in_doubt
from switchyard.release.drain.old_traffic import old_traffic
from switchyard.release.phases import Event
from switchyard.release.plan import Observation
from switchyard.release.record.release_record import ReleaseRecord


async def check_unused(
    cluster: Cluster, record: ReleaseRecord, observation: Observation, *, configured: bool
) -> str | None:
    """Checks that the old colour of a release may be retired.

    Args:
        cluster: the cluster.
        record: record of the release.
        observation: the service on the cluster.
        configured: whether the configuration has the new colour as the one that serves.

    Returns:
        Why the application does not show whether the old colour gets requests; None if it gets none.

    Raises:
        GateRefusedError: the old colour serves, gets requests, or may get some.
        switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
    """
    raise_refusal(refuse_retirement(record, observation, configured=configured))
    traffic = await old_traffic(cluster, observation.name, observation.settings, Colour(record.source))
    if traffic.used is not None:
        raise_refusal(refuse_requests(record, observation, traffic.used))
    if traffic.unread is not None:
        raise_refusal(refuse_unread(record, observation, traffic.unread))
    if (refusal := await refuse_in_doubt(cluster, record, observation)) is not None:
        raise GateRefusedError(refusal)
    return traffic.unseen


def retired(record: ReleaseRecord, unseen: str | None) -> Ended:
    """The outcome of a retirement that has deleted the pods of the old colour.

    Args:
        record: record of the release.
        unseen: why it could not be seen whether the old colour still got requests; None if it got none.
    """
    old = record.source
    detail = " ".join(filter(None, (old, record.from_tag, "no longer has pods")))
    if unseen is None:
        return Ended(Event.PASSED, detail)
    receipt = record.receipt or {}
    limit = f"requests to {old} before its retirement: {unseen}"
    return Ended(
        Event.PASSED,
        f"{detail}. It was not seen whether {old} still got requests: {unseen}",
        {**receipt, "unseen": [*receipt.get("unseen", ()), limit]},
    )
