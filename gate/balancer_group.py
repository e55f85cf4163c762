"""Whether the load balancer does what its Ingresses say, by the words of its controller and the rules at AWS.

An Ingress is written when the API server has taken it. What its controller or Elastic Load Balancing refuse is only in
events: FailedBuildModel, FailedDeployModel and others, on every Ingress of the group, whichever of them is the cause.
What was observed goes in, a verdict comes out; `gate.balancer_wait` observes and waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gate.balancer import ListenerRule
from gate.weights import CONTROLLER
from render.ingress import GROUP_INGRESS, GROUP_NAMESPACE, PREFIX
from render.labels import FIELD_MANAGER
from render.routes import Part
from render.weights import goes_by_weights, weights
from settings.ec2 import LoadBalancer
from settings.service import BlueGreenSettings, ServiceSettings

RECONCILED = "SuccessfullyReconciled"
"""Reason of the event that the controller writes when the load balancer is as all Ingresses of its group say."""

SHOWN_ROUTES = 3
"""Routes that a message names; of more it gives the number."""

ServiceKey = tuple[str, str]
"""Namespace and name of a Service."""


@dataclass(frozen=True)
class ExpectedRule:
    """What a listener has for one route.

    Attributes:
        ingress: namespace and name of the Ingress that asks for it.
        host: of the request; None for every host.
        path: prefix, as the settings have it.
        services: those whose target groups get its requests.
    """

    ingress: str
    host: str | None
    path: str
    services: frozenset[ServiceKey]

    @property
    def patterns(self) -> frozenset[str]:
        """The patterns that the controller makes of the prefix."""
        prefix = self.path.removesuffix("/")
        return frozenset({prefix, f"{prefix}/*"} if prefix else {"/*"})

    def __str__(self) -> str:
        return f"{self.host or 'every host'} {self.path} (Ingress {self.ingress})"


@dataclass(frozen=True)
class Word:
    """What the controller said last of the group.

    Attributes:
        version: of the event; a later one is larger.
        failed: whether it is a complaint.
        text: reason and message.
        ingress: namespace and name of an Ingress that has it.
    """

    version: int
    failed: bool
    text: str
    ingress: str


@dataclass(frozen=True)
class Observation:
    """What there is at one moment.

    Attributes:
        changed: version of the Ingress that was changed last, by whomever.
        word: what the controller said last; None where it said nothing, or more than an hour ago.
        missing: routes without their rule at AWS; None where AWS could not be asked.
        unknown: why AWS could not be asked.
        leaving: Ingresses of this program in the group that the stack has no more.
    """

    changed: int
    word: Word | None
    missing: Sequence[ExpectedRule] | None
    unknown: str | None = None
    leaving: Sequence[str] = ()


class State(Enum):
    """How far the controller is."""

    DONE = "done"
    QUIET = "the rules are there, and the controller has not said that it is done"
    WAITING = "waiting"
    FAILING = "failing"


@dataclass(frozen=True)
class Verdict:
    """What an observation means, and why."""

    state: State
    reason: str = ""


def expected_rules(
    alb: LoadBalancer, parts: Iterable[Part], services: Mapping[str, ServiceSettings]
) -> list[ExpectedRule]:
    """A rule for each route of the settings.

    Args:
        alb: settings of the load balancer.
        parts: its Ingresses.
        services: settings of all services.
    """
    return [
        ExpectedRule(
            f"{services[part.service].namespace}/{part.name}",
            route.host,
            route.path,
            _receivers(part.service, services[part.service]),
        )
        for part in parts
        for route in part.routes
        if route in alb.routes
    ]


def _receivers(name: str, service: ServiceSettings) -> frozenset[ServiceKey]:
    names = [name]
    if isinstance(service, BlueGreenSettings) and goes_by_weights(service):
        names = [each for each, weight in weights(name, service).items() if weight > 0]
    return frozenset((service.namespace, each) for each in names)


def listener_port(alb: LoadBalancer) -> int:
    """The port whose listener has the rules; with a certificate, 80 only redirects."""
    return 80 if alb.certificate is None else 443


def members(group: str, ingresses: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The Ingresses of a group, by namespace and name."""
    return {
        f"{ingress['metadata']['namespace']}/{ingress['metadata']['name']}": ingress
        for ingress in ingresses
        if (ingress["metadata"].get("annotations") or {}).get(f"{PREFIX}/group.name") == group
    }


def leaving(found: Mapping[str, Mapping[str, Any]], expected: Iterable[ExpectedRule]) -> list[str]:
    """Ingresses of this program in a group that the stack has no more: the end of the update deletes them."""
    kept = {rule.ingress for rule in expected} | {f"{GROUP_NAMESPACE}/{GROUP_INGRESS}"}
    ours = (
        name
        for name, ingress in found.items()
        if (ingress["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == FIELD_MANAGER
    )
    return sorted(set(ours) - kept)


def last_word(names: Iterable[str], events: Iterable[Mapping[str, Any]]) -> Word | None:
    """What the controller said last of any of these Ingresses.

    A repeated event is counted up and not written anew, so that the version of its object says when it was said last.
    """
    known = set(names)
    words = [word for event in events if (word := _word(event)) is not None and word.ingress in known]
    return max(words, key=lambda word: word.version, default=None)


def _word(event: Mapping[str, Any]) -> Word | None:
    about = event.get("involvedObject", {})
    failed = event.get("type") == "Warning"
    if about.get("kind") != "Ingress" or not (failed or event.get("reason") == RECONCILED):
        return None
    return Word(
        version=int(event["metadata"]["resourceVersion"]),
        failed=failed,
        text=f"{event.get('reason')}: {event.get('message', '')}",
        ingress=f"{about.get('namespace', '')}/{about.get('name', '')}",
    )


def missing_rules(
    expected: Iterable[ExpectedRule], rules: Iterable[ListenerRule], port: int, services: Mapping[str, ServiceKey]
) -> list[ExpectedRule]:
    """The routes for which the load balancer has no rule, or one that sends requests elsewhere.

    Args:
        expected: what the settings ask for.
        rules: what the load balancer has.
        port: of the listener that has to have them.
        services: the Service of each target group, by its ARN.
    """
    there = {(rule.hosts, rule.paths, _reached(rule.weights, services)) for rule in rules if rule.port == port}
    return [
        rule
        for rule in expected
        if (frozenset({rule.host} if rule.host else ()), rule.patterns, rule.services) not in there
    ]


def _reached(weights: Mapping[str, int], services: Mapping[str, ServiceKey]) -> frozenset[ServiceKey]:
    """The Services that get requests; a target group of nobody's is one of its own."""
    return frozenset(services.get(arn, ("", arn)) for arn, weight in weights.items() if weight > 0)


def verdict(observation: Observation, *, written: bool) -> Verdict:
    """What an observation means.

    Args:
        observation: what there is.
        written: whether this run has written an Ingress, so that only a later word of the controller counts.
    """
    word = observation.word
    counts = word is not None and (not written or word.version > observation.changed)
    if word is not None and counts and word.failed:
        return Verdict(State.FAILING, word.text)
    if observation.missing:
        return Verdict(State.WAITING, f"the load balancer has no such rule for {_listed(observation.missing)}")
    if not written or counts:
        return Verdict(State.DONE)
    if observation.missing is None:
        return Verdict(State.WAITING, f"the controller has not said that it is done, and {observation.unknown}")
    return Verdict(State.QUIET)


def refusal(group: str, observation: Observation, found: Verdict, seconds: float) -> str:
    """The line for a load balancer that does not do what its Ingresses say.

    Args:
        group: name of the group.
        observation: what there is.
        found: what that means.
        seconds: how long it was waited for.
    """
    after = f", after {seconds:.0f} s" if seconds else ""
    if found.state is State.FAILING:
        what = f"its controller refuses what the Ingresses of the group say{after}: {found.reason}"
    else:
        what = f"{found.reason}{after}"
        if observation.word is not None:
            what += f" (the controller said last: {observation.word.text})"
    routes = observation.missing
    serves = (
        "The load balancer goes on with the rules that it has"
        if routes is None
        else f"Without its rule at AWS is {_listed(routes)}; the other routes serve"
        if routes
        else "All routes have their rules and serve"
    )
    ingress = observation.word.ingress if observation.word is not None else f"{GROUP_NAMESPACE}/{GROUP_INGRESS}"
    namespace, _, name = ingress.partition("/")
    return (
        f"load balancer of {group}: {what}. {serves}. No change of any route is carried out until the controller takes "
        "them all. Correct what it says and run `pulumi up` again. "
        f"See: kubectl -n {namespace} describe ingress {name}; {CONTROLLER}"
    )


def _listed(rules: Sequence[ExpectedRule]) -> str:
    shown = "; ".join(map(str, rules[:SHOWN_ROUTES]))
    return shown if len(rules) <= SHOWN_ROUTES else f"{shown}; and {len(rules) - SHOWN_ROUTES} more"
