"""Checks a switch in doubt again, before a release counts as done and before the old colour is retired."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy.protocol import Ended
from switchyard.release.deploy.refusals import refuse_requests
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.receipt.warnings import NODES_NAMED, judged
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.switch.following import recheck_following

FOLLOWS_NOW = "Every node follows the switch by now"


def receipt_in_doubt(record: ReleaseRecord, error: Exception) -> dict[str, Any]:
    """The receipt of a switch whose answer was lost and that is done: what followed it was not seen.

    Args:
        record: record of the release.
        error: the error in place of the answer.
    """
    doubt = f"what followed the switch was not seen: {error}"
    return Receipt(record.started, unseen=(f"endpoints, nodes and requests: {error}",), doubt=doubt).to_json()


async def recheck_after_watch(
    ended: Ended, cluster: Cluster, record: ReleaseRecord, observe: Callable[[], Awaitable[Observation]]
) -> Ended:
    """The outcome of a watch after a switch in doubt was checked again. If that fails, the doubt remains.

    Args:
        ended: outcome of the watch.
        cluster: the cluster.
        record: record of the release.
        observe: reads the service of the release.
    """
    try:
        now = await _look_again(cluster, record, await observe())
    except ClusterError:
        return ended
    detail = ended.detail if now.doubt else f"{(ended.detail or '').removesuffix('.')}. {FOLLOWS_NOW}"
    return replace(
        ended, detail=detail, receipt={**(record.receipt or {}), "doubt": now.doubt, "notSeen": now.not_seen}
    )


async def refuse_in_doubt(cluster: Cluster, record: ReleaseRecord, observation: Observation) -> str | None:
    """Refuses to retire a colour that nodes may still route to; None if every node was seen to follow.

    Args:
        cluster: the cluster.
        record: record of the release.
        observation: observation of the service.
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
    """Observes the switch of a release again. Returns the receipt, and what does not follow."""
    plan = Plan(Act.SWITCH, observation, Colour(record.target), patch=False)
    return judged(plan, await recheck_following(cluster, plan))
