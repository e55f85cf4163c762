"""Warnings about a completed switch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import KUBE_SYSTEM, SERVICE_OF_SLICE
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.load_balancer_weights import not_switched
from switchyard.gates.rules.node_routing import SEE_KUBE_PROXY
from switchyard.gates.rules.refusal import notice
from switchyard.gates.rules.remedies import setting
from switchyard.manifests.labels import colour_name
from switchyard.release.plan import Plan
from switchyard.release.receipt.balancer_answer import BalancerAnswer
from switchyard.release.receipt.receipt import ALL_NODES, Receipt

NODES_NAMED = 5
"""Number of nodes that a message names."""

ABOUT_NODES = ("nodes: ", "when each NodePort")
"""Prefixes of the entries of a receipt about nodes that were not seen."""

BY_HEALTH = "of some nodes only the health of kube-proxy was seen"


def is_in_doubt(plan: Plan, receipt: Receipt) -> bool:
    """Whether a node or the endpoints may not follow a switch, although the Service has it.

    The load balancer, a node or the endpoints were seen not to follow, or should have been seen and were not. What
    nobody can see on this cluster, for want of a permission or of a kube-proxy, is no reason.

    Args:
        plan: the switch.
        receipt: receipt of the switch.
    """
    return _balancer_is_behind(receipt) or _nodes_are_in_doubt(plan, receipt)


def _balancer_is_behind(receipt: Receipt) -> bool:
    return receipt.balancer is not None and receipt.balancer.follows is False


def _nodes_are_in_doubt(plan: Plan, receipt: Receipt) -> bool:
    if receipt.followed is not None:
        return not receipt.followed
    unknown = receipt.unknown or receipt.nodes_unread
    return receipt.endpoints_after is None or (bool(unknown) and plan.observation.settings.gate.check_nodes)


def judged(plan: Plan, receipt: Receipt) -> Receipt:
    """The receipt with its doubt, and with the reason why nodes could not be checked.

    Args:
        plan: the switch.
        receipt: receipt of the switch.
    """
    return replace(receipt, doubt=doubt(plan, receipt), not_seen=not_seen(plan, receipt))


def doubt(plan: Plan, receipt: Receipt) -> str | None:
    """The message about nodes or endpoints that do not follow, or were not seen to; None without a doubt.

    Args:
        plan: the switch.
        receipt: receipt of the switch.
    """
    balancer, nodes = None, None
    if receipt.balancer is not None and receipt.balancer.follows is False:
        observation, answer = plan.observation, receipt.balancer
        balancer = not_switched(observation.name, observation.settings, answer.service, str(answer.problem))
    if _nodes_are_in_doubt(plan, receipt):
        nodes = not_followed(plan, receipt) or _not_known(plan, receipt)
    return " ".join(filter(None, (balancer, nodes))) or None


def _not_known(plan: Plan, receipt: Receipt) -> str:
    """The message about nodes or endpoints that should have been seen to follow and were not."""
    target, old = plan.target, plan.target.other
    nodes = [f"{node.node}: {node.problem}" for node in receipt.unknown]
    more = [f"and {len(nodes) - NODES_NAMED} more"] if len(nodes) > NODES_NAMED else []
    endpoints = f"its endpoints were not seen to be those of {target}: {receipt.ready_endpoints} ready"
    why = [
        *([endpoints] if receipt.endpoints_after is None else []),
        *(unseen for unseen in receipt.unseen if unseen.startswith(("endpoints: ", ABOUT_NODES[0]))),
        *nodes[:NODES_NAMED],
        *more,
    ]
    return notice(
        Code.FOLLOWING_UNKNOWN,
        key_of(plan.observation.name),
        f"whether every node follows the switch to {target} is not known ({'; '.join(why)})",
        f"The Service selects {target}; what reaches such a node may still get {old}, as long as {old} has pods. "
        f"{_see(plan, receipt)}",
    )


def _see(plan: Plan, receipt: Receipt) -> str:
    """The commands that show the nodes or endpoints which were not seen to follow."""
    name, namespace = plan.observation.name, plan.observation.settings.namespace
    if receipt.endpoints_after is None:
        return f"See: kubectl -n {namespace} get endpointslices -l {SERVICE_OF_SLICE}={name}"
    other = setting(name, "gate.checkNodes", False)
    return f"{SEE_KUBE_PROXY}. Where something other than kube-proxy implements Services: {other}"


def not_seen(plan: Plan, receipt: Receipt) -> str | None:
    """The message that it was not seen whether load balancer or nodes follow; None if they follow or are in doubt.

    Args:
        plan: the switch.
        receipt: receipt of the switch.
    """
    if is_in_doubt(plan, receipt):
        return None
    balancer = None if receipt.balancer is None else _balancer_not_seen(plan, receipt.balancer)
    nodes = None if receipt.followed else _nodes_not_seen(plan, receipt)
    return " ".join(filter(None, (balancer, nodes))) or None


def _balancer_not_seen(plan: Plan, answer: BalancerAnswer) -> str | None:
    if answer.follows is not None:
        return None
    ingress = f"kubectl -n {plan.observation.settings.namespace} describe ingress {key_of(plan.observation.name)}"
    return notice(
        Code.FOLLOWING_NOT_SEEN,
        key_of(plan.observation.name),
        f"it was not seen whether the load balancer follows the switch to {plan.target} ({answer.problem})",
        f"The weights are written, and its controller carries them out. What it reports: {ingress}. To have the "
        "command see it, it needs the AWS credentials of the stack, with which it describes rules and target health.",
    )


def _nodes_not_seen(plan: Plan, receipt: Receipt) -> str:
    denied = next((node.problem for node in receipt.nodes if node.node == ALL_NODES), None)
    about_nodes = (unseen for unseen in receipt.unseen if unseen.startswith(ABOUT_NODES))
    unknown = next((f"{node.node}: {node.problem}" for node in receipt.unknown), None)
    why = denied or unknown or next(about_nodes, BY_HEALTH)
    apply = f"To see it, apply the roles of `{typed('switchyard rbac')}`"
    remedy = apply if denied else "To check, send a request to the service from outside"
    return notice(
        Code.FOLLOWING_NOT_SEEN,
        key_of(plan.observation.name),
        f"it could not be checked whether every node follows the switch to {plan.target} ({why})",
        f"The Service selects {plan.target}, and no failure was seen. {remedy}.",
    )


def not_followed(plan: Plan, receipt: Receipt) -> str | None:
    """The message about the nodes that were seen not to follow a switch; None without any.

    Args:
        plan: the switch.
        receipt: receipt of the switch.
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
    """The message that the old pods are not renewed while nodes may still route to them.

    Args:
        plan: the switch.
        nodes: names of these nodes.
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
    """Warns of Secrets and ConfigMaps that changed since a version last served. The rollback continues.

    Args:
        plan: the rollback.
        keys: the objects that changed, for example ``secret/backend``.
        since: time at which the version began to serve, RFC 3339.
    """
    changed = sorted(keys)
    if not changed:
        return None
    return notice(
        Code.CONTENT_CHANGED_SINCE,
        key_of(plan.observation.name),
        f"{', '.join(changed)} changed since {plan.target} {plan.to_tag} began to serve at {since}",
        "The rollback continues. Pods that run keep the environment that they started with; a volume, and "
        "a pod that starts now, has the new content. If the version does not work with it, restore the old content.",
    )
