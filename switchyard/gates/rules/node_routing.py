"""Whether the nodes can follow a switch: kube-proxy's own word, node by node.

The API server can have the switch, and a node's kube-proxy, stopped or stuck, still route to the old colour. Its pods
must not go while a node may be like that.
"""

from collections.abc import Sequence

import httpx

from switchyard.config.models.service import Colour, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.kube_proxy import Routing

LOOK = "See: kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy"


def not_following(nodes: Sequence[Routing]) -> list[str]:
    """Says of each node why one must think that it does not follow.

    A node that is not Ready is left out: it gets no traffic from a load balancer, and a machine that is lost must not
    hold up a release for ever.
    """
    return [
        f"kube-proxy on {node.node} " + ("does not answer" if node.status is None else f"is unwell ({node.status})")
        for node in nodes
        if node.ready and node.status != httpx.codes.OK
    ]


def refuse_unfollowed(name: str, colour: Colour, reasons: Sequence[str]) -> Refusal | None:
    """Refuses to take pods from the idle colour while a node may still route to it."""
    if not reasons:
        return None
    return Refusal(
        step=f"{key_of(name)}: a change of the idle colour {colour}",
        found="; ".join(reasons),
        rule=f"a node that still sends new connections to {colour} needs its pods",
        remedy=(
            f"{LOOK}. Then run `pulumi up` again. Where something else than kube-proxy implements Services: "
            f"{setting(name, 'gate.checkNodes', False)}"
        ),
    )


def warn_unfollowed(name: str, active: Track, reasons: Sequence[str]) -> str:
    """The line on an update that has switched, and on nodes that may not follow."""
    return (
        f"{key_of(name)}: the Service has switched to {active}, and not every node follows: {'; '.join(reasons)}. New "
        f"connections over such a node may still go to the pods that served before, which must stay until it does. "
        f"{LOOK}"
    )
