"""Looks again at a switch that was not seen to be followed: before a release counts as done, and before it retires."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy_protocol import Ended
from switchyard.release.deploy_refusals import refuse_requests
from switchyard.release.following import ask_again
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt import Receipt
from switchyard.release.receipt_warnings import NODES_NAMED, judged
from switchyard.release.record import ReleaseRecord

FOLLOWS_NOW = "Every node follows the switch by now"


async def seen_by_now(
    ended: Ended, cluster: Cluster, record: ReleaseRecord, observe: Callable[[], Awaitable[Observation]]
) -> Ended:
    """The outcome of a watch, with what is seen now of a switch that was in doubt. An error leaves the doubt.

    Args:
        ended: the outcome.
        cluster: the cluster.
        record: of the release.
        observe: reads its service.
    """
    try:
        now = await _look_again(cluster, record, await observe())
    except ClusterError:
        return ended
    known = record.receipt or {**now.to_json(), "started": record.started}
    detail = ended.detail if now.doubt else f"{(ended.detail or '').removesuffix('.')}. {FOLLOWS_NOW}"
    return replace(ended, detail=detail, receipt={**known, "doubt": now.doubt, "notSeen": now.not_seen})


async def refuse_in_doubt(cluster: Cluster, record: ReleaseRecord, observation: Observation) -> str | None:
    """Refuses to retire a colour that nodes may still send to; None where every node was seen to follow, then or now.

    Args:
        cluster: the cluster.
        record: of the release.
        observation: its service.
    """
    if record.doubt is None:
        return None
    now = await _look_again(cluster, record, observation)
    if now.doubt is None:
        return None
    nodes = ", ".join(now.may_send_to_old[:NODES_NAMED])
    refusal = refuse_requests(record, observation, f"its switch is in doubt: {nodes} may still send to it")
    return f"{refusal}\n{now.doubt}"


async def _look_again(cluster: Cluster, record: ReleaseRecord, observation: Observation) -> Receipt:
    """What is seen now of the switch of a release, and what does not follow it."""
    plan = Plan(Act.SWITCH, observation, Colour(record.target), patch=False)
    return judged(plan, await ask_again(cluster, plan))
