"""Whether the nodes send new connections where the Service says: kube-proxy's own word, node by node.

The API server can have the switch, and a node's kube-proxy, stopped or cut off, still route to the old colour. Its
pods must not go before that node has followed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.decisions import Refusal
from settings.service import Colour

HEALTH_PORT = 10256
"""Where kube-proxy answers on every node: the default of its `healthzBindAddress`, which kubeadm leaves as it is."""

HEALTH_PATH = "/healthz"


@dataclass(frozen=True)
class Routing:
    """What one node's kube-proxy says.

    Attributes:
        node: its name.
        ready: whether Kubernetes has the node Ready.
        age: seconds since kube-proxy last wrote its rules, by the node's own clock; None without an answer.
    """

    node: str
    ready: bool
    age: float | None


def routing_of(node: Mapping[str, Any], age: float | None) -> Routing:
    """A node of the API server, with the age that its kube-proxy gave."""
    conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", ())}
    return Routing(node["metadata"]["name"], conditions.get("Ready") == "True", age)


def age_in(body: str) -> float | None:
    """Seconds since the last write of the rules, from an answer of kube-proxy; None if it is none of its answers."""
    try:
        found = json.loads(body)
        current, updated = (datetime.fromisoformat(found[key]) for key in ("currentTime", "lastUpdated"))
    except (ValueError, KeyError, TypeError):
        return None
    return (current - updated).total_seconds()


def can_be_asked(nodes: Sequence[Routing]) -> bool:
    """Whether there is a kube-proxy at all that answers: other implementations of Services do not."""
    return any(node.age is not None for node in nodes)


def behind(nodes: Sequence[Routing], since_switch: float | None) -> list[str]:
    """Says of each node that has not followed the switch why one must think so.

    Args:
        nodes: what their kube-proxies say. One that is not Ready gets no traffic from a load balancer, and a machine
            that is lost must not hold up a release for ever.
        since_switch: seconds since the Service was switched; None if that was not in this update.
    """
    if not can_be_asked(nodes):
        return []
    found = []
    for node in nodes:
        if not node.ready:
            continue
        if node.age is None:
            found.append(f"kube-proxy on {node.node} does not answer")
        elif since_switch is not None and node.age > since_switch:
            found.append(f"kube-proxy on {node.node} last wrote its rules {node.age:.0f} s ago, before the switch")
    return found


def refuse_unfollowed(name: str, colour: Colour, reasons: Sequence[str]) -> Refusal | None:
    """Refuses to take pods from the idle colour while a node may still route to it."""
    if not reasons:
        return None
    return Refusal(
        step=f"{name}: a change of the idle colour {colour}",
        found="; ".join(reasons),
        rule=f"a node that still sends new connections to {colour} needs its pods",
        remedy="See: kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy. Then run `pulumi up` again.",
    )


def warn_unfollowed(name: str, active: Colour, reasons: Sequence[str]) -> str:
    """The line on an update that has switched, and on nodes that have not followed."""
    return (
        f"{name}: the Service has switched to {active}, and not every node has followed: {'; '.join(reasons)}. New "
        f"connections over such a node still go to {active.other}, whose pods must stay until it follows. "
        "See: kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy"
    )


def warn_unknown(name: str, why: str) -> str:
    """The line on an update that cannot know whether the nodes have followed."""
    return (
        f"{name}: whether every node has followed the switch is not known: {why}. If something else than kube-proxy "
        f"implements Services here, set services.{name}.gate.checkNodes to false."
    )
