"""Judges whether the load balancer has the rules of its Ingresses, by the controller's events and AWS.

The write of an Ingress succeeds when the API server accepts it. What the controller or Elastic Load Balancing refuse is
only in events: FailedBuildModel, FailedDeployModel and others, on every Ingress of the group, whichever of them is the
cause. `switchyard.gates.load_balancer` observes and waits; the functions here judge an observation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from switchyard.aws.elbv2 import ListenerRule
from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.load_balancer import LoadBalancerSettings
from switchyard.config.models.service import ServiceSettings
from switchyard.gates.rules.load_balancer_weights import CONTROLLER
from switchyard.gates.rules.refusal import notice
from switchyard.kube.ingresses import routes_to, targets_of
from switchyard.manifests.ingress import GROUP_INGRESS, GROUP_NAMESPACE
from switchyard.manifests.ingress_routes import RoutePart
from switchyard.manifests.labels import MANAGED

RECONCILED = "SuccessfullyReconciled"
"""Reason of the event that the controller writes when the load balancer matches all Ingresses of its group."""

REPEATED_WITHIN = timedelta(minutes=20)
"""Time within which a controller that still fails writes another event: it retries after 1000 s at most (client-go,
DefaultTypedControllerRateLimiter). An event of its success may have been dropped."""

SHOWN_ROUTES = 3
"""Number of routes that a message names; further routes are counted."""

ServiceKey = tuple[str, str]
"""Namespace and name of a Service."""


@dataclass(frozen=True)
class ExpectedRule:
    """The rule that a listener needs for one path of an Ingress.

    Attributes:
        ingress: namespace and name of the Ingress that asks for it.
        host: host of the request; None for every host.
        path: prefix, as the Ingress has it.
        services: the Services whose target groups get its requests.
    """

    ingress: str
    host: str | None
    path: str
    services: frozenset[ServiceKey]

    @property
    def patterns(self) -> frozenset[str]:
        """The path patterns that the controller derives from the prefix."""
        prefix = self.path.removesuffix("/")
        return frozenset({prefix, f"{prefix}/*"} if prefix else {"/*"})

    def __str__(self) -> str:
        return f"{self.host or 'every host'} {self.path} (Ingress {self.ingress})"


@dataclass(frozen=True)
class ControllerEvent:
    """The last event of the controller on the group.

    Attributes:
        version: version of the event; a later one is larger.
        failed: whether it reports a failure.
        text: reason and message.
        ingress: namespace and name of an Ingress that has it.
        time: time of its last occurrence; None if the event does not have it.
    """

    version: int
    failed: bool
    text: str
    ingress: str
    time: datetime | None = None

    def is_old(self, now: datetime) -> bool:
        """Whether the event is older than the longest pause of a controller that still fails."""
        return self.time is not None and self.time < now - REPEATED_WITHIN


@dataclass(frozen=True)
class RouteObservation:
    """The Ingresses, the last event and the rules at one moment.

    Attributes:
        changed: version of the Ingress that was changed last.
        event: the last event of the controller; None if it wrote none in the last hour, for which events are kept.
        missing: routes without their rule at AWS; None if AWS did not answer.
        unknown: the reason why AWS did not answer.
        leaving: Ingresses of this program in the group that are no longer in the stack.
        old: whether the event is too old for a controller that still fails.
    """

    changed: int
    event: ControllerEvent | None
    missing: Sequence[ExpectedRule] | None
    unknown: str | None = None
    leaving: Sequence[str] = ()
    old: bool = False


class RouteState(Enum):
    """State of the controller's work on a group of Ingresses."""

    DONE = "done"
    QUIET = "the rules exist, and the controller has not reported success"
    WAITING = "waiting"
    FAILING = "failing"


@dataclass(frozen=True)
class RouteVerdict:
    """The judgement of an observation, and its reason."""

    state: RouteState
    reason: str = ""


def expected_rules(ingresses: Iterable[Mapping[str, Any]]) -> list[ExpectedRule]:
    """A rule for each path of these Ingresses, as they are on the cluster."""
    return [
        ExpectedRule(full_name(ingress), rule.get("host"), path.get("path", "/"), _receivers(ingress, path))
        for ingress in ingresses
        for rule in ingress["spec"].get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    ]


def _receivers(ingress: Mapping[str, Any], path: Mapping[str, Any]) -> frozenset[ServiceKey]:
    """The Services that get the requests of a path, by themselves or by the weights of its action."""
    names = targets_of(routes_to(path["backend"]["service"]["name"], [ingress]))
    return frozenset((ingress["metadata"]["namespace"], name) for name in names)


def full_name(ingress: Mapping[str, Any]) -> str:
    """Namespace and name of an Ingress, joined by a slash."""
    return f"{ingress['metadata']['namespace']}/{ingress['metadata']['name']}"


def configured_ingresses(parts: Iterable[RoutePart], services: Mapping[str, ServiceSettings]) -> frozenset[str]:
    """Namespace and name of each Ingress that the stack has.

    Args:
        parts: the services' Ingresses.
        services: settings of all services.
    """
    own = {f"{services[part.service].namespace}/{part.name}" for part in parts}
    return frozenset(own | {f"{GROUP_NAMESPACE}/{GROUP_INGRESS}"})


def listener_port(alb: LoadBalancerSettings) -> int:
    """The port whose listener has the rules; with a certificate, 80 only redirects."""
    return 80 if alb.certificate is None else 443


def members(group: str, ingresses: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The Ingresses of a group, by namespace and name."""
    return {
        full_name(ingress): ingress
        for ingress in ingresses
        if (ingress["metadata"].get("annotations") or {}).get(f"{ALB_ANNOTATIONS}/group.name") == group
    }


def written_by_program(group: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The Ingresses of a group that this program has written."""
    return {
        name: ingress
        for name, ingress in group.items()
        if MANAGED.items() <= (ingress["metadata"].get("labels") or {}).items()
    }


def last_event(names: Iterable[str], events: Iterable[Mapping[str, Any]]) -> ControllerEvent | None:
    """The controller's last event on any of these Ingresses.

    A repeated event is counted up in its object, so that the version of the object says when it happened last.
    """
    known = set(names)
    candidates = map(_controller_event, events)
    own = [event for event in candidates if event is not None and event.ingress in known]
    return max(own, key=lambda event: event.version, default=None)


def _controller_event(event: Mapping[str, Any]) -> ControllerEvent | None:
    about = event.get("involvedObject", {})
    failed = event.get("type") == "Warning"
    if about.get("kind") != "Ingress" or not (failed or event.get("reason") == RECONCILED):
        return None
    return ControllerEvent(
        version=int(event["metadata"]["resourceVersion"]),
        failed=failed,
        text=f"{event.get('reason')}: {event.get('message', '')}",
        ingress=f"{about.get('namespace', '')}/{about.get('name', '')}",
        time=_time(event),
    )


def _time(event: Mapping[str, Any]) -> datetime | None:
    text = event.get("lastTimestamp") or event.get("eventTime")
    return None if text is None else datetime.fromisoformat(str(text))


def missing_rules(
    expected: Iterable[ExpectedRule], rules: Iterable[ListenerRule], port: int, services: Mapping[str, ServiceKey]
) -> list[ExpectedRule]:
    """The routes for which the load balancer has no rule, or one that sends requests elsewhere.

    Args:
        expected: the rules that the Ingresses ask for.
        rules: the rules that the load balancer has.
        port: port of the listener that has to have them.
        services: the Service of each target group, by its ARN.
    """
    present = {(rule.hosts, rule.paths, _reached(rule.weights, services)) for rule in rules if rule.port == port}
    return [
        rule
        for rule in expected
        if (frozenset({rule.host} if rule.host else ()), rule.patterns, rule.services) not in present
    ]


def _reached(weights: Mapping[str, int], services: Mapping[str, ServiceKey]) -> frozenset[ServiceKey]:
    """The Services that get requests, or the ARN of a target group that has no binding to a Service."""
    return frozenset(services.get(arn, ("", arn)) for arn, weight in weights.items() if weight > 0)


def verdict(observation: RouteObservation, *, written: bool) -> RouteVerdict:
    """Judges an observation.

    Args:
        observation: the Ingresses, events and rules.
        written: whether this run has written an Ingress, so that only a later event of the controller counts.
    """
    event = observation.event
    counts = event is not None and (not written or event.version > observation.changed)
    outdated = observation.old and observation.missing is not None and not observation.missing
    if event is not None and counts and event.failed and not outdated:
        return RouteVerdict(RouteState.FAILING, event.text)
    if observation.missing:
        return RouteVerdict(
            RouteState.WAITING, f"the load balancer has no such rule for {_listed(observation.missing)}"
        )
    if not written or counts:
        return RouteVerdict(RouteState.DONE)
    if observation.missing is None:
        return RouteVerdict(RouteState.WAITING, f"the controller has not reported success, and {observation.unknown}")
    return RouteVerdict(RouteState.QUIET)


def refusal(group: str, observation: RouteObservation, outcome: RouteVerdict, seconds: float) -> str:
    """The line for a load balancer that does not have the rules of its Ingresses.

    Args:
        group: name of the group of Ingresses.
        observation: the state at the end of the wait.
        outcome: the verdict about the observation.
        seconds: how long the gate waited.
    """
    after = f", after {seconds:.0f} s" if seconds else ""
    if outcome.state is RouteState.FAILING:
        observed = f"its controller refuses the Ingresses of the group{after}: {outcome.reason}"
    else:
        observed = f"{outcome.reason}{after}"
        if observation.event is not None:
            observed += f" (last event of the controller: {observation.event.text})"
    routes = observation.missing
    serves = (
        "The load balancer continues to serve with its present rules"
        if routes is None
        else f"{_listed(routes)} has no rule at AWS; the other routes serve"
        if routes
        else "All routes have their rules and serve"
    )
    ingress = observation.event.ingress if observation.event is not None else f"{GROUP_NAMESPACE}/{GROUP_INGRESS}"
    namespace, _, name = ingress.partition("/")
    failing = outcome.state is RouteState.FAILING
    return notice(
        Code.CONTROLLER_REFUSES_INGRESS if failing else Code.LISTENER_RULE_MISSING,
        f"load balancer of {group}",
        observed,
        f"{serves}. No change of any route is carried out until the controller accepts them all. Correct what it names "
        f"and run `{typed('pulumi up')}` again. See: kubectl -n {namespace} describe ingress {name}; {CONTROLLER}",
    )


def _listed(rules: Sequence[ExpectedRule]) -> str:
    shown = "; ".join(map(str, rules[:SHOWN_ROUTES]))
    return shown if len(rules) <= SHOWN_ROUTES else f"{shown}; and {len(rules) - SHOWN_ROUTES} more"
