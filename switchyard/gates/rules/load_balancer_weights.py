"""Refusals and reports about the weights of a load balancer that switches between colours."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import ALB_CONTROLLER
from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.ingresses import IngressRoute, receivers
from switchyard.manifests.labels import colour_name
from switchyard.manifests.weights import weighted_service

CONTROLLER = f"kubectl -n {ALB_CONTROLLER} logs deployment/{ALB_CONTROLLER}"
"""The command that shows the log of the controller."""


def refuse_early_weights(name: str, service: BlueGreenSettings, routes: Iterable[IngressRoute]) -> Refusal | None:
    """Refuses to send the requests to a target group that does not exist yet.

    The controller changes the rule first, and registers the targets of a new group afterwards: requests would fail.
    """
    to = weighted_service(name, service)
    for route in routes:
        if to not in route.weights:
            return Refusal(
                code=Code.NO_TARGET_GROUP,
                step=f"{key_of(name)}: switchEngine {service.engine}",
                observed=f"Ingress {route.ingress} has no target group for Service {to}",
                rule="a target group must exist and be healthy before it gets requests",
                remedy=(
                    f"No weight was changed. Run {setting(name, 'switchEngine', SwitchEngine.ALB_TARGETS)}, "
                    f"`{typed('pulumi up')}`; then "
                    f"{setting(name, 'switchEngine', SwitchEngine.ALB_WEIGHTS)}."
                ),
            )
    return None


def refuse_early_selector(name: str, service: ServiceSettings, reason: str | None) -> Refusal | None:
    """Refuses to remove the target groups of the colours while the load balancer uses them.

    Args:
        name: the service's name.
        service: settings of the service, without an engine of the load balancer.
        reason: why the target groups are still needed; None if they are not.
    """
    if reason is None:
        return None
    return Refusal(
        code=Code.WEIGHTS_STILL_USED,
        step=f"{key_of(name)}: strategy {service.strategy} with switchEngine {service.engine}",
        observed=reason,
        rule=f"the load balancer must send all requests to Service {name} before their target groups are deleted",
        remedy=(
            f"No target group was deleted. Run {setting(name, 'switchEngine', SwitchEngine.ALB_TARGETS)} under "
            f"strategy blueGreen, `{typed('pulumi up')}`; then make this change again."
        ),
    )


def refuse_unhealthy(name: str, to: str, reason: str | None) -> Refusal | None:
    """Refuses to send requests to targets that are not healthy for the load balancer."""
    if reason is None:
        return None
    return Refusal(
        code=Code.TARGETS_NOT_HEALTHY,
        step=f"{key_of(name)}: the switch of the load balancer to Service {to}",
        observed=reason,
        rule="its targets must be healthy for the load balancer before they get requests",
        remedy=(
            "Nothing was switched. Check that the load balancer reaches the NodePort and that the readiness path "
            f"answers 200 there. See: {CONTROLLER}"
        ),
    )


def refuse_still_sent(
    name: str, service: ServiceSettings, colour: Colour, to: str, reason: str | None
) -> Refusal | None:
    """Refuses to remove pods that may still get requests from the load balancer."""
    if reason is None:
        return None
    return Refusal(
        code=Code.RULE_STILL_SENDS,
        step=f"{key_of(name)}: a change of the idle colour {colour}",
        observed=reason,
        rule=f"the old colour is scaled down only when the load balancer sends its requests to Service {to} alone",
        remedy=f"{colour} keeps its pods. {_see_controller(name, service)}",
    )


def not_switched(name: str, service: ServiceSettings, to: str, reason: str) -> str:
    """Reports a load balancer whose rules do not match its Ingress."""
    return notice(
        Code.WEIGHTS_NOT_SWITCHED,
        key_of(name),
        f"the switch of the load balancer to Service {to} is not finished: {reason}",
        f"Both colours keep their pods. {_see_controller(name, service)}",
    )


def _see_controller(name: str, service: ServiceSettings) -> str:
    ingress = f"kubectl -n {service.namespace} describe ingress {key_of(name)}"
    return f"Check that the controller runs. See: {ingress}; {CONTROLLER}; then run `{typed('pulumi up')}` again."


def unwritten(to: str, routes: Sequence[IngressRoute]) -> str | None:
    """The problem with the weights of the Ingresses; None if they send all requests to one Service."""
    if not routes:
        return "its Ingress does not exist"
    for route in routes:
        if route.targets != {to}:
            return (
                f"Ingress {route.ingress} on the cluster routes to {_listed(route.targets)}, but the stack has {to}; "
                f"`{typed('pulumi up --refresh')}` shows the difference and restores it"
            )
    return None


def switched(
    name: str, rules: Iterable[Mapping[str, int]], target_groups: Mapping[str, str]
) -> list[Mapping[str, int]]:
    """The rules of the load balancer that name both colours: for each, the weights by Service.

    A rule that routes straight to one colour belongs to somebody else, and is not part of the switch.

    Args:
        name: the service's name.
        rules: the weights of all rules, by the ARN of each target group.
        target_groups: the Service of each target group.
    """
    colours = {colour_name(name, colour) for colour in Colour}
    by_service = (
        {target_groups[group]: weight for group, weight in rule.items() if group in target_groups} for rule in rules
    )
    return [weights for weights in by_service if colours <= weights.keys()]


def unforwarded(to: str, rules: Sequence[Mapping[str, int]]) -> str | None:
    """The problem with the rules that `switched` returns; None if they send all requests to one Service."""
    if not rules:
        return "the load balancer has no rule with the weights of both colours yet"
    for weights in rules:
        if receivers(weights) != {to}:
            sent = ", ".join(f"{weight} to {service}" for service, weight in sorted(weights.items()))
            return f"a rule of the load balancer sends {sent}"
    return None


def _listed(services: Collection[str]) -> str:
    return " and ".join(sorted(services)) or "no Service"
