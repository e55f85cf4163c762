"""What a switch did, with times, and what was not seen: printed at the end, and kept in the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from switchyard.kube.kube_proxy import Routing
from switchyard.release.drain_report import DrainReport


@dataclass(frozen=True)
class NodeAnswer:
    """What is known of one node after a switch.

    Attributes:
        node: its name.
        follows: whether its kube-proxy reports that it keeps up; None where that could not be seen.
        problem: why it does not follow, or why that could not be seen.
    """

    node: str
    follows: bool | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The node in the JSON form of a receipt."""
        return {"node": self.node, "follows": self.follows, "problem": self.problem}


@dataclass(frozen=True)
class Receipt:
    """What a switch or a rollback did. All durations are seconds since the command began.

    Attributes:
        started: when the command began, RFC 3339.
        patched_after: when the API server had accepted the selector; None where it had it already.
        endpoints_after: when the EndpointSlices of the Service had the ready pods of the new colour, and no other; None
            where that was not seen in time.
        ready_endpoints: ready endpoints of the Service then.
        nodes: what is known of each node that takes traffic.
        drain: what was done about the connections that clients keep to the old colour; None before that.
        requests: requests that were seen since; None where none were counted.
        errors: those of them that failed.
        unseen: what this receipt does not show, and why.
    """

    started: str
    patched_after: float | None = None
    endpoints_after: float | None = None
    ready_endpoints: int = 0
    nodes: tuple[NodeAnswer, ...] = ()
    drain: DrainReport | None = None
    requests: int | None = None
    errors: int | None = None
    unseen: tuple[str, ...] = ()

    @property
    def error_bound(self) -> float | None:
        """The share of failed requests that the sample does not exclude at 95 %, where none failed: 3 in n."""
        return 3 / self.requests if self.requests and self.errors == 0 else None

    def to_json(self) -> dict[str, Any]:
        """The receipt as the record and `--json` have it."""
        return {
            "started": self.started,
            "patchedAfter": _rounded(self.patched_after),
            "endpointsAfter": _rounded(self.endpoints_after),
            "readyEndpoints": self.ready_endpoints,
            "nodes": [node.to_json() for node in self.nodes],
            "drain": None if self.drain is None else self.drain.as_json(),
            "requests": self.requests,
            "errors": self.errors,
            "errorBound": self.error_bound,
            "unseen": list(self.unseen),
        }


def node_answer(node: Routing) -> NodeAnswer:
    """What the kube-proxy of a node says of itself."""
    if node.status == httpx.codes.OK:
        return NodeAnswer(node.node, follows=True)
    if node.status is None:
        return NodeAnswer(node.node, None, "kube-proxy does not answer, so whether it follows is not known")
    return NodeAnswer(node.node, False, f"kube-proxy is behind ({node.status}): it may still send to the old colour")


def lines(receipt: Receipt) -> list[str]:
    """The receipt for people, a line for each thing."""
    return [line for line in (_patched(receipt), _endpoints(receipt), *_nodes(receipt.nodes), *_rest(receipt)) if line]


def connections(drain: DrainReport) -> str:
    """What was done about the connections that clients keep to the old colour, for people."""
    return f"connections   {drain.summary}"


def _patched(receipt: Receipt) -> str:
    if receipt.patched_after is None:
        return "selector      it was as wanted already"
    return f"selector      accepted by the API server after {receipt.patched_after:.2f} s"


def _endpoints(receipt: Receipt) -> str:
    if receipt.endpoints_after is None:
        return f"endpoints     not those of the new colour alone in time ({receipt.ready_endpoints} ready)"
    return (
        f"endpoints     {receipt.ready_endpoints} ready, all of the new colour, after {receipt.endpoints_after:.2f} s"
    )


def _nodes(nodes: Sequence[NodeAnswer]) -> list[str]:
    follow = sum(node.follows is True for node in nodes)
    counted = f"nodes         {follow} of {len(nodes)} report that they follow" if nodes else ""
    return [counted, *(f"              {node.node}: {node.problem}" for node in nodes if not node.follows)]


def _rest(receipt: Receipt) -> list[str]:
    rest = []
    if receipt.drain is not None:
        rest.append(connections(receipt.drain))
    if receipt.requests is not None:
        bound = "" if receipt.error_bound is None else f" (under {receipt.error_bound:.2%} at 95 %)"
        rest.append(f"requests      {receipt.requests} seen, {receipt.errors} failed{bound}")
    return [*rest, *(f"not seen      {limit}" for limit in receipt.unseen)]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
