"""Whether the nodes follow a switch, by the health that each kube-proxy reports.

The API server can have the switch while the kube-proxy of a node has stopped and still routes to the old colour. The
pods of the old colour must not be removed while that is possible.
"""

from collections.abc import Sequence

import httpx

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.config.models.service import Colour, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.kube_proxy import Routing

SEE_KUBE_PROXY = f"See: kubectl -n {KUBE_SYSTEM} get pods -o wide -l k8s-app=kube-proxy"


def not_following(nodes: Sequence[Routing]) -> list[str]:
    """The reason for each node that may not follow the switch.

    A node that is not Ready is left out: it gets no traffic from a load balancer, and a lost machine must not block a
    release without end.
    """
    return [
        f"kube-proxy on {node.node} "
        + ("does not answer" if node.status is None else f"is not healthy ({node.status})")
        for node in nodes
        if node.ready and node.status != httpx.codes.OK
    ]


def refuse_unfollowed(name: str, colour: Colour, reasons: Sequence[str]) -> Refusal | None:
    """Refuses to remove pods of the idle colour while a node may still route to them."""
    if not reasons:
        return None
    return Refusal(
        code=Code.NODES_DO_NOT_FOLLOW,
        step=f"{key_of(name)}: a change of the idle colour {colour}",
        observed="; ".join(reasons),
        rule=f"a node that still sends new connections to {colour} needs its pods",
        remedy=(
            f"{colour} keeps its pods. {SEE_KUBE_PROXY}. Then run `{typed('pulumi up')}` again. Where something "
            f"other than kube-proxy implements Services: {setting(name, 'gate.checkNodes', False)}"
        ),
    )


def warn_unfollowed(name: str, active: Track, reasons: Sequence[str]) -> str:
    """Warns after a switch of nodes that may not follow it."""
    return notice(
        Code.NODES_DO_NOT_FOLLOW,
        key_of(name),
        f"the Service has switched to {active}, and not every node follows: {'; '.join(reasons)}",
        "New connections over such a node may still go to the pods that served before, which must stay until it "
        f"follows. {SEE_KUBE_PROXY}",
    )
