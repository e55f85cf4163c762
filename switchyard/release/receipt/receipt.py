"""The receipt of a switch: its observations with times, and what could not be observed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from switchyard.kube.kube_proxy import Routing
from switchyard.release.drain.report import DrainReport
from switchyard.release.receipt.balancer_answer import BalancerAnswer

NODES_SHOWN = 10
"""Number of following nodes whose time is printed; `--json` has all of them."""

UNREAD_NODES = "nodes that were not seen to get the new endpoints"
"""Text that replaces the names of nodes if the API server did not list them, or did not show the new endpoints."""

LOAD_BALANCER = "the load balancer"
"""Listed with the names of nodes for a load balancer that still sends requests to the old colour."""

ALL_NODES = "all"
"""Text that replaces the names of nodes if none could be checked without a permission."""


@dataclass(frozen=True)
class NodeAnswer:
    """The observations of one node after a switch. Times are seconds since the command began.

    Attributes:
        node: name of the node.
        follows: whether its NodePort answers with the new version, or, where that could not be asked, whether its
            kube-proxy reports that it keeps up; None where neither could be seen.
        problem: why the node does not follow, or why that is not known.
        answered_after: time of the first answer of the new version at its NodePort; None if not seen.
        last_old_after: time of the last answer of the old version over a new connection; None if not seen.
        probes: number of requests that were sent to the node.
    """

    node: str
    follows: bool | None
    problem: str | None = None
    answered_after: float | None = None
    last_old_after: float | None = None
    probes: int = 0

    def to_json(self) -> dict[str, Any]:
        """The JSON of the node in a receipt."""
        return {
            "node": self.node,
            "follows": self.follows,
            "problem": self.problem,
            "answeredAfter": _rounded(self.answered_after),
            "lastOldAfter": _rounded(self.last_old_after),
            "probes": self.probes,
        }


@dataclass(frozen=True)
class Receipt:
    """The observations of a switch or a rollback. All times are seconds since the command began.

    Attributes:
        started: start of the command, RFC 3339.
        patched_after: time at which the API server had accepted the selector; None if it was not
            changed. Where a load balancer switches, the weights too.
        endpoints_after: when the EndpointSlices of the Service had the ready pods of the new colour, and no other; None
            where that was not seen in time.
        ready_endpoints: number of ready endpoints of the Service at that time.
        nodes: observations of each node that takes traffic.
        balancer: what AWS reports of the load balancer; None if it does not choose the colour.
        drain: report about the connections that clients keep to the old colour; None before the drain.
        requests: number of requests that the new colour has counted since; None if not readable.
        errors: number of these requests that failed.
        last_old_kept: when the pods of the old colour had counted their last request, however it reached them; None
            where that was not seen.
        content: versions of the Secrets and ConfigMaps that the pods of the new colour read, by kind and name.
        content_warning: warning about objects that changed since the version of a rollback last served.
        nodes_unread: whether the API server did not list the nodes, or did not show their answers.
        unseen: the missing observations, each with its reason.
        doubt: what was seen not to follow the switch, or should have been seen to and was not, in words; None where
            there is nothing, or the switch is not judged.
        not_seen: the message that this cluster does not show whether nodes follow; None if it does.
    """

    started: str
    patched_after: float | None = None
    endpoints_after: float | None = None
    ready_endpoints: int = 0
    nodes: tuple[NodeAnswer, ...] = ()
    balancer: BalancerAnswer | None = None
    drain: DrainReport | None = None
    requests: int | None = None
    errors: int | None = None
    last_old_kept: float | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    content_warning: str | None = None
    nodes_unread: bool = False
    unseen: tuple[str, ...] = ()
    doubt: str | None = None
    not_seen: str | None = None

    @property
    def behind(self) -> tuple[NodeAnswer, ...]:
        """The nodes that were seen not to follow."""
        return tuple(node for node in self.nodes if node.follows is False)

    @property
    def unknown(self) -> tuple[NodeAnswer, ...]:
        """The nodes that can be checked and of which it is not known whether they follow."""
        return tuple(node for node in self.nodes if node.follows is None and node.node != ALL_NODES)

    @property
    def may_send_to_old(self) -> tuple[str, ...]:
        """What may still send to the old colour: nodes that were not seen to follow, and the load balancer."""
        balancer = (LOAD_BALANCER,) if self.balancer is not None and self.balancer.follows is False else ()
        if self.nodes_unread or self.endpoints_after is None:
            return (*balancer, UNREAD_NODES)
        return balancer + tuple(node.node for node in self.nodes if node.follows is not True and node.node != ALL_NODES)

    @property
    def followed(self) -> bool | None:
        """Whether every node was seen to answer with the new version; None if that is not known of some."""
        if self.behind:
            return False
        asked = [node.answered_after is not None for node in self.nodes]
        return True if asked and all(asked) else None

    @property
    def last_old_new(self) -> float | None:
        """Time of the last answer of the old version over a new connection on any node; None if not seen."""
        return max((node.last_old_after for node in self.nodes if node.last_old_after is not None), default=None)

    @property
    def error_bound(self) -> float | None:
        """The upper bound of the share of failed requests at 95 % if none failed: 3 in n.

        None if some failed, and for three requests or fewer.
        """
        requests = self.requests or 0
        return 3 / requests if self.errors == 0 and requests > 3 else None

    @property
    def bound(self) -> str | None:
        """A clause with the upper bound of failed requests; None without counted requests."""
        if not self.requests or self.errors is None:
            return None
        counted = f"{self.errors} of {self.requests} failed"
        if self.error_bound is None:
            return counted if self.errors else f"{counted}, too few for a bound"
        return f"{counted}: under {self.error_bound:.2%} at 95 %"

    def to_json(self) -> dict[str, Any]:
        """The JSON of the receipt in the record and in `--json`."""
        return {
            "started": self.started,
            "patchedAfter": _rounded(self.patched_after),
            "endpointsAfter": _rounded(self.endpoints_after),
            "readyEndpoints": self.ready_endpoints,
            "nodes": [node.to_json() for node in self.nodes],
            "loadBalancer": None if self.balancer is None else self.balancer.to_json(),
            "drain": None if self.drain is None else self.drain.as_json(),
            "requests": self.requests,
            "errors": self.errors,
            "errorBound": self.error_bound,
            "bound": self.bound,
            "followed": self.followed,
            "lastOldOnNewConnections": _rounded(self.last_old_new),
            "lastOldOnKeptConnections": _rounded(self.last_old_kept),
            "content": dict(self.content),
            "unseen": list(self.unseen),
            "doubt": self.doubt,
            "notSeen": self.not_seen,
        }


def node_answer(node: Routing) -> NodeAnswer:
    """The observation of a node from the health of its kube-proxy."""
    if node.status == httpx.codes.OK:
        return NodeAnswer(node.node, follows=True)
    if node.status is None:
        return NodeAnswer(node.node, None, "kube-proxy does not answer, so whether it follows is not known")
    return NodeAnswer(node.node, False, f"kube-proxy is behind ({node.status}): it may still send to the old colour")


def lines(receipt: Receipt) -> list[str]:
    """The lines of the receipt for people."""
    return [*first_lines(receipt), *later_lines(receipt)]


def first_lines(receipt: Receipt) -> list[str]:
    """What is known once the nodes have been asked, before configuration and state follow."""
    balancer = [] if receipt.balancer is None else [f"balancer      {receipt.balancer.line}"]
    return [_patched(receipt), _endpoints(receipt), *balancer, *_nodes(receipt)]


def later_lines(receipt: Receipt) -> list[str]:
    """The lines that are known at the end of the command."""
    return list(_rest(receipt))


def _patched(receipt: Receipt) -> str:
    if receipt.patched_after is None:
        return "selector      it was already as requested"
    weights = "" if receipt.balancer is None else "and weights "
    return f"selector      {weights}accepted by the API server after {receipt.patched_after:.2f} s"


def _endpoints(receipt: Receipt) -> str:
    if receipt.endpoints_after is None:
        return f"endpoints     not those of the serving colour alone in time ({receipt.ready_endpoints} ready)"
    ready = f"{receipt.ready_endpoints} ready, all of the serving colour"
    return f"endpoints     {ready}, after {receipt.endpoints_after:.2f} s"


def _nodes(receipt: Receipt) -> list[str]:
    nodes = receipt.nodes
    if not nodes:
        return []
    answered = [node for node in nodes if node.answered_after is not None]
    follow = sum(node.follows is True for node in nodes)
    counted = f"{follow} of {len(nodes)} report that they follow"
    if answered:
        counted = f"{len(answered)} of {len(nodes)} answered with the new version at their own NodePort"
        counted += f", {follow - len(answered)} more report that they follow" if follow > len(answered) else ""
    return [
        f"nodes         {counted}",
        *(f"              {node.node}: after {node.answered_after:.2f} s" for node in answered[:NODES_SHOWN]),
        *([f"              and {len(answered) - NODES_SHOWN} more"] if len(answered) > NODES_SHOWN else []),
        *(f"              {node.node}: {node.problem}" for node in nodes if node.problem),
    ]


def _rest(receipt: Receipt) -> Iterator[str]:
    if receipt.drain is not None:
        yield f"connections   {receipt.drain.summary}"
    old = [
        f"{seconds:.2f} s on {connections}"
        for seconds, connections in (
            (receipt.last_old_new, "new connections"),
            (receipt.last_old_kept, "kept connections"),
        )
        if seconds is not None
    ]
    if old:
        yield f"old version   last answer after {', '.join(old)}"
    if receipt.requests is not None:
        bound = "" if receipt.error_bound is None else f" (under {receipt.error_bound:.2%} at 95 %)"
        yield f"requests      {receipt.requests} counted, {receipt.errors} failed{bound}"
    yield from (f"not checked   {limit}" for limit in receipt.unseen)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
