"""What an operator must know of a switch that is done."""

from collections.abc import Iterable, Sequence

from switchyard.codes import Code
from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.manifests.labels import colour_name
from switchyard.release.plan import Plan
from switchyard.release.receipt import Receipt

NODES_NAMED = 5
"""Nodes that a message names."""


def not_followed(plan: Plan, receipt: Receipt) -> str | None:
    """Names the nodes that were seen not to follow a switch; None where there are none.

    Args:
        plan: the switch.
        receipt: of it.
    """
    behind = receipt.behind
    if not behind:
        return None
    names = [node.node for node in behind]
    shown = ", ".join(f"{node.node}: {node.problem}" for node in behind[:NODES_NAMED])
    more = f", and {len(names) - NODES_NAMED} more" if len(names) > NODES_NAMED else ""
    old = plan.target.other
    return notice(
        Code.NODE_BEHIND,
        key_of(plan.observation.name),
        f"{len(names)} of {len(receipt.nodes)} nodes do not follow the switch to {plan.target} ({shown}{more})",
        f"The Service selects {plan.target}; what reaches these nodes gets {old}, as long as {old} has pods. "
        f"Restart kube-proxy there: kubectl -n {KUBE_SYSTEM} delete pod -l k8s-app=kube-proxy "
        f"--field-selector spec.nodeName={names[0]}",
    )


def not_renewed_yet(plan: Plan, nodes: Sequence[str]) -> str:
    """Says that the old pods are not renewed while nodes still send to them.

    Args:
        plan: the switch.
        nodes: the names of those nodes.
    """
    old, settings = plan.target.other, plan.observation.settings
    shown = ", ".join(nodes[:NODES_NAMED]) + (f" and {len(nodes) - NODES_NAMED} more" if nodes[NODES_NAMED:] else "")
    return (
        f"{Code.CONNECTIONS_STAY}: kept connections stay with {old}: its pods are not renewed, because {shown} "
        "may still send new connections to them and would not know the new ones. Nothing has failed. Once these nodes "
        "follow: "
        f"kubectl -n {settings.namespace} rollout restart deployment {colour_name(plan.observation.name, old)}"
    )


def content_changed(plan: Plan, keys: Iterable[str], since: str) -> str | None:
    """Warns of Secrets and ConfigMaps that changed since a version served last, which stops no rollback.

    Args:
        plan: the rollback.
        keys: the objects that changed, for example ``secret/backend``.
        since: when the version began to serve, RFC 3339.
    """
    changed = sorted(keys)
    if not changed:
        return None
    return notice(
        Code.CONTENT_CHANGED_SINCE,
        key_of(plan.observation.name),
        f"{', '.join(changed)} changed since {plan.target} {plan.to_tag} began to serve at {since}",
        "The rollback is not stopped by that. Pods that run keep the environment that they started with; a volume, and "
        "a pod that starts now, has the new content. If the version does not work with it, restore the old content.",
    )
