"""Sends requests to the NodePort of each node, each over a new connection, until the new version answers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.errors import ClusterError
from switchyard.kube.api import BoundedApi, ProxyRequest
from switchyard.kube.new_connection import NewConnectionAnswer, get_over_new_connection
from switchyard.manifests.labels import selector
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.receipt import NodeAnswer, Receipt
from switchyard.release.receipt.version_header import HeaderSide, VersionHeader, version_header

NODES_SECONDS = 5
"""Seconds within which a node must follow. A healthy kube-proxy writes its rules within one."""

ANSWER_SECONDS = 1
"""Seconds within which a node must answer."""

POD_SECONDS = 3
"""Seconds within which a pod must answer a direct request."""

UNANSWERED = 3
"""Number of requests without any answer after which a NodePort is not called again."""

EVERY_SECONDS = 0.1
"""Seconds between two requests to a node that answers with the old version."""

IN_A_ROW = 3
"""Number of consecutive answers of the new version after which a node counts as following."""

AT_ONCE = 10
"""Largest number of requests at the same time, so that many nodes do not overload the API server."""

PODS_ASKED = 3
"""Number of pods of each colour whose response headers are compared."""


@dataclass(frozen=True)
class NodePort:
    """The NodePort of a service, and the request that is sent to it.

    Attributes:
        number: number of the port.
        header: the header that shows the version of an answer.
        new: the colour that should answer.
        request: the request to send.
    """

    number: int
    header: VersionHeader
    new: Colour
    request: ProxyRequest


async def node_port(api: BoundedApi, plan: Plan) -> NodePort | str:
    """The NodePort of a service with a suitable request; or the reason why there is none, as text.

    Args:
        api: the API server.
        plan: the switch.
    """
    observation, old = plan.observation, plan.target.other
    number = _number(observation.live)
    if number is None:
        return f"Service {observation.name} has no NodePort"
    request = _request(observation.settings, ANSWER_SECONDS)
    sides = await asyncio.gather(*(_side(api, observation, colour) for colour in (plan.target, old)))
    header = version_header(sides[0], sides[1], observation.settings.release.receipt.header)
    return header if isinstance(header, str) else NodePort(number, header, plan.target, request)


async def follow_nodes(
    api: BoundedApi,
    port: NodePort,
    nodes: Sequence[str],
    elapsed: Callable[[], float],
) -> list[NodeAnswer]:
    """Sends requests to all nodes at the same time until the new version answers, within a time limit.

    If no node answers at all, for example because a firewall blocks the control plane, the nodes that are left when the
    time is over are skipped.

    Args:
        api: the API server.
        port: the NodePort and its request.
        nodes: names of the nodes.
        elapsed: seconds since the command began.
    """
    turns, end, is_answered = asyncio.Semaphore(AT_ONCE), elapsed() + NODES_SECONDS, False

    async def ask(node: str) -> NewConnectionAnswer | None:
        nonlocal is_answered
        async with turns:
            if not is_answered and ended():
                return None
            answer = await get_over_new_connection(api, "nodes", None, f"{node}:{port.number}", port.request)
            is_answered = is_answered or answer.answered
            return answer

    def ended() -> bool:
        return elapsed() > end

    return list(await asyncio.gather(*(_followed(node, port, ask, elapsed, ended) for node in nodes)))


async def _followed(
    node: str,
    port: NodePort,
    ask: Callable[[str], Any],
    elapsed: Callable[[], float],
    ended: Callable[[], bool],
) -> NodeAnswer:
    first = last_old = None
    in_a_row = probes = 0
    last = NewConnectionAnswer()
    while True:
        answer: NewConnectionAnswer | None = await ask(node)
        if answer is None:
            why = last.problem or f"no node has answered in {NODES_SECONDS} s"
            return NodeAnswer(node, None, f"its NodePort {port.number} was not seen to answer: {why}", probes=probes)
        now, probes = elapsed(), probes + 1
        last = answer if answer.headers or not last.headers else last  # one that is lost takes nothing back
        if port.header.is_new(answer.headers):
            first, in_a_row = (now if first is None else first), in_a_row + 1
            if in_a_row == IN_A_ROW:
                return NodeAnswer(node, follows=True, answered_after=first, last_old_after=last_old, probes=probes)
            continue
        if not answer.headers and first is None and last_old is None and (answer.answered or probes == UNANSWERED):
            # Nothing listens on the NodePort, or its answers cannot be read: more requests would not help.
            return NodeAnswer(node, None, f"its NodePort {port.number} was not seen to answer: {answer.problem}")
        first, in_a_row = None, 0
        if port.header.is_old(answer.headers):
            last_old = now
        if ended():
            return _behind(node, port, last_old, probes, last)
        await asyncio.sleep(EVERY_SECONDS)


def _behind(node: str, port: NodePort, last_old: float | None, probes: int, last: NewConnectionAnswer) -> NodeAnswer:
    """The result for a node on which the new version did not answer in time."""
    if last_old is None or not port.header.is_old(last.headers):
        value = last.headers.get(port.header.name)
        why = last.problem or f"{port.header.name}: {value or 'none'} is neither version's"
        return NodeAnswer(node, None, f"what answers at its NodePort is not clear: {why}", probes=probes)
    problem = f"its NodePort still answers with {port.new.other} after {last_old:.1f} s"
    return NodeAnswer(node, False, problem, last_old_after=last_old, probes=probes)


def requests_sent(receipt: Receipt) -> int:
    """Largest number of requests that the pods of the new colour may have got from the receipt itself."""
    probes = sum(node.probes for node in receipt.nodes)
    return probes + PODS_ASKED if probes else 0


def _number(live: Any) -> int | None:
    ports = [port.get("nodePort") for port in live["spec"].get("ports", ())]
    return next((int(port) for port in ports if port), None)


def _request(settings: BlueGreenSettings, seconds: float) -> ProxyRequest:
    https = settings.gate.smoke.scheme == "HTTPS"
    return ProxyRequest(settings.release.receipt.path, seconds, https=https)


async def _side(api: BoundedApi, observation: Observation, colour: Colour) -> HeaderSide:
    """The answers of the pods of a colour to direct requests."""
    request = _request(observation.settings, POD_SECONDS)
    settings, tag = observation.settings, observation.colours[colour].tag
    try:
        listed = await api.find_all("pods", settings.namespace, selector(observation.name, colour))
    except ClusterError as error:
        return HeaderSide(colour, tag, problem=str(error))
    names = [pod["metadata"]["name"] for pod in listed["items"] if _is_ready(pod)][:PODS_ASKED]
    targets = [f"{name}:{settings.port}" for name in names]
    answers = await asyncio.gather(
        *(get_over_new_connection(api, "pods", settings.namespace, target, request) for target in targets)
    )
    headers = [answer.headers for answer in answers if answer.headers]
    return HeaderSide(colour, tag, headers, next((answer.problem for answer in answers if answer.problem), ""))


def _is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
