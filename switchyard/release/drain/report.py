"""The result of a drain, and its messages. Pure functions."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import below, set_value
from switchyard.config.models.drain import Drain, DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.kube.api import ProxyAnswer, is_status

NOT_FOUND = 404

REFUSED = "connection refused"
"""The API server's text about a pod that does not listen on a port. Another attempt does not help."""

SHOWN = 80
"""Number of characters of an answer's body that a message shows."""

PODS_NAMED = 3
"""Number of pods that a message names."""


@dataclass(frozen=True)
class PodDrainReport:
    """The answer of one pod to a drain.

    Attributes:
        pod: name of the pod.
        connections: number of its open connections; None if unknown.
        reason: why it was not reached; None if it was.
        again: whether another attempt may succeed.
    """

    pod: str
    connections: int | None = None
    reason: str | None = None
    again: bool = False


@dataclass(frozen=True)
class DrainReport:
    """The result of a drain of the connections that clients keep to a colour.

    Attributes:
        colour: colour of the pods.
        method: the method that closes the connections; `none` if nothing has to or may be done.
        pods: number of pods of the colour.
        reached: names of the pods that close their connections, or that were replaced.
        failed: names of the other pods.
        connections_left: number of open connections at the end; None if unknown.
        seconds: from the start to the end of the drain.
        problem: the message about an incomplete drain; None if it is complete.
        by_request: whether a load balancer chooses the colour of each request, so that nothing has to be drained.
    """

    colour: Colour
    method: DrainMethod
    pods: int = 0
    reached: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    connections_left: int | None = None
    seconds: float = 0
    problem: str | None = None
    by_request: bool = False

    @property
    def summary(self) -> str:
        """The result in one line."""
        if self.problem is not None:
            return self.problem
        if self.by_request:
            return "None has to be drained: the load balancer chooses a colour for each request."
        if self.method is DrainMethod.NONE:
            return f"Kept connections to {self.colour} are left open."
        if self.method is DrainMethod.RENEW and self.failed:
            return (
                f"The renewal of {self.pods} pods of {self.colour} has begun: each ends its connections once another "
                "pod of the same version has taken its place."
            )
        done = "close their connections" if self.method is DrainMethod.ENDPOINT else "were replaced"
        left = {None: "how many connections are left is not known", 0: "no connection is left"}.get(
            self.connections_left, f"{self.connections_left} connections are left, idle or long-lived"
        )
        return f"{len(self.reached)} of {self.pods} pods of {self.colour} {done}; {left} after {self.seconds:.1f} s."

    def as_json(self) -> dict[str, Any]:
        """The JSON of the report in the receipt of a switch."""
        return {
            "colour": self.colour.value,
            "method": self.method.value,
            "pods": self.pods,
            "reached": list(self.reached),
            "failed": list(self.failed),
            "connectionsLeft": self.connections_left,
            "seconds": round(self.seconds, 3),
            "problem": self.problem,
        }


def renews(service: BlueGreenSettings) -> bool:
    """Whether the pods of the old colour are replaced to end kept connections to them.

    Under weights they are not: the load balancer chooses the colour of each request, on whatever connection it comes.
    """
    return service.release.drain.method is DrainMethod.RENEW and service.engine is not SwitchEngine.ALB_WEIGHTS


def answered(pod: str, answer: ProxyAnswer, drain: Drain, *, draining: bool) -> PodDrainReport:
    """Parses the answer of a pod to the start or the end of a drain.

    Args:
        pod: name of the pod.
        answer: the answer through the API server's proxy.
        drain: the drain settings of the service.
        draining: whether the drain was started, and not ended.
    """
    if answer.status == NOT_FOUND and is_status(answer):
        return PodDrainReport(pod, connections=0)  # the API server knows no such pod: it has ended meanwhile
    if is_status(answer) or answer.status >= 500:
        listens = REFUSED not in answer.body
        where = f"at port {drain.port}: {_excerpt(answer.body)}" if listens else f"does not listen at port {drain.port}"
        return PodDrainReport(pod, reason=f"answered {answer.status} {where}" if listens else where, again=listens)
    try:
        state = json.loads(answer.body)
    except ValueError:
        state = None
    connections = state.get("connections") if isinstance(state, dict) else None
    counted = isinstance(connections, int) and not isinstance(connections, bool) and connections >= 0
    if answer.status != 200 or not counted or state.get("draining") is not draining:
        reason = f"answered {answer.status}: {_excerpt(answer.body)}"
        expected = f'{{"draining": {str(draining).lower()}, "connections": N}}'
        return PodDrainReport(pod, reason=f"{reason}, expected 200 and {expected} at port {drain.port}{drain.path}")
    return PodDrainReport(pod, connections=connections)


def not_drained(name: str, colour: Colour, serving: str, lines: Collection[str]) -> str:
    """The message that pods of the old colour keep their connections."""
    method = below("switchyard:services", name, "release", "drain", "method")
    return (
        f"{Code.CONNECTIONS_STAY}: kept connections stay with {colour}: {'; '.join(lines)}. {serving} gets every new "
        f"connection, and nothing has failed. Those kept end when their clients close them or {colour} is retired. "
        f"Let the application answer as docs/kept-connections.md says, or: {set_value(method, 'renew')}"
    )


def still_serves(name: str, namespace: str, colour: Colour) -> str:
    """The message that the colour serves, so its connections stay."""
    return (
        f"{Code.CONNECTIONS_STAY}: Service {name} selects {colour}, so that {colour} serves and its pods keep their "
        "connections. After a rollback nothing else is to be done. If the other colour was to serve, see: "
        f"kubectl -n {namespace} get service {name} -o yaml"
    )


def not_renewed(namespace: str, deployment: str, colour: Colour, serving: str, why: str) -> str:
    """The message that pods of the old colour were not replaced."""
    return (
        f"{Code.CONNECTIONS_STAY}: kept connections stay with {colour}: {why}. {serving} gets every new connection, "
        f"and nothing has failed; {colour} is still complete. See: kubectl -n {namespace} rollout status deployment "
        f"{deployment}"
    )


def not_replaced(namespace: str, deployment: str, colour: Colour, serving: str, why: str) -> str:
    """The message that the pods of the old colour could not be ended."""
    return (
        f"{Code.CONNECTIONS_STAY}: kept connections stay with {colour}: {why}. {serving} gets every new connection, "
        f"and nothing has failed. Those kept end when their clients close them or {colour} is retired. To end them "
        f"before: kubectl -n {namespace} rollout restart deployment {deployment}"
    )


def not_undrained(colour: Colour, lines: Collection[str]) -> str:
    """The message that pods of the serving colour may still close each connection."""
    return (
        f"{Code.CONNECTIONS_SHORT_LIVED}: pods of {colour} may close each connection after one answer for some minutes "
        f"more: {'; '.join(lines)}. They answer every request, which takes longer over new connections. It ends by "
        "itself if the application does as docs/kept-connections.md says, or when these pods are deleted one by one."
    )


def unreached(pods: Collection[PodDrainReport]) -> list[str]:
    """The lines of a message: one for each reason, with its pods."""
    by_reason: dict[str, list[str]] = {}
    for pod in pods:
        if pod.reason is not None:
            by_reason.setdefault(pod.reason, []).append(pod.pod)
    lines = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - PODS_NAMED} more" if len(names) > PODS_NAMED else ""
        lines.append(f"{', '.join(names[:PODS_NAMED])}{more} {reason}")
    return lines


def _excerpt(body: str) -> str:
    text = " ".join(body.split())
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
