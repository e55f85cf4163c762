"""Whether a load balancer may send its requests to another colour, and whether it does; as pure functions.

What was seen goes in, a refusal, a line or None comes out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.ingresses import IngressRoute, _above_zero
from switchyard.manifests.addons import ALB_CONTROLLER
from switchyard.manifests.labels import colour_name
from switchyard.manifests.weights import weighed

CONTROLLER = f"kubectl -n {ALB_CONTROLLER} logs deployment/{ALB_CONTROLLER}"
"""The command that shows what the controller says."""


def refuse_early_weights(name: str, service: BlueGreenSettings, found: Iterable[IngressRoute]) -> Refusal | None:
    """Refuses to send the requests to target groups that are to be made in the same moment.

    The controller changes the rule, and registers the targets of a new group afterwards: requests would find none.
    """
    to = weighed(name, service)
    for route in found:
        if to not in route.weights:
            return Refusal(
                step=f"{key_of(name)}: switchEngine {service.engine}",
                found=f"Ingress {route.ingress} has no target group for Service {to}",
                rule="it must be there and healthy before it gets a request",
                remedy=(
                    f"Run {setting(name, 'switchEngine', SwitchEngine.ALB_TARGETS)}, `pulumi up`; and then "
                    f"{setting(name, 'switchEngine', SwitchEngine.ALB_WEIGHTS)}."
                ),
            )
    return None


def refuse_early_selector(name: str, service: ServiceSettings, found: str | None) -> Refusal | None:
    """Refuses to leave the colours' target groups while users come by them.

    Args:
        name: the service's name.
        service: its settings, without an engine of the load balancer.
        found: why it may not; None if it may.
    """
    if found is None:
        return None
    return Refusal(
        step=f"{key_of(name)}: strategy {service.strategy} with switchEngine {service.engine}",
        found=found,
        rule=f"the load balancer leads to Service {name} alone before it loses its ways to the colours",
        remedy=(
            f"This step was not taken. Run {setting(name, 'switchEngine', SwitchEngine.ALB_TARGETS)} under strategy "
            "blueGreen, `pulumi up`; and then this."
        ),
    )


def refuse_unhealthy(name: str, to: str, found: str) -> Refusal:
    """Refuses to send requests to targets that the load balancer does not find healthy."""
    return Refusal(
        step=f"{key_of(name)}: the switch of the load balancer to Service {to}",
        found=found,
        rule="the load balancer has found it healthy before it gets a request",
        remedy=(
            "Nothing was switched by it. Can the load balancer reach the NodePort, and does the readiness path "
            f"answer 200 there? See: {CONTROLLER}"
        ),
    )


def refuse_still_sent(name: str, service: ServiceSettings, colour: Colour, to: str, found: str) -> Refusal:
    """Refuses to take pods away that the load balancer may still send requests to."""
    return Refusal(
        step=f"{key_of(name)}: a change of the idle colour {colour}",
        found=found,
        rule=f"the old colour goes only when the load balancer sends its requests to Service {to} alone",
        remedy=f"{colour} keeps its pods. {_look_there(name, service)}",
    )


def not_switched(name: str, service: ServiceSettings, to: str, found: str) -> str:
    """Says that the load balancer does not do what its Ingress says."""
    return (
        f"{key_of(name)}: the switch of the load balancer to Service {to} is not finished: {found}. Both colours keep "
        f"their pods. {_look_there(name, service)}"
    )


def _look_there(name: str, service: ServiceSettings) -> str:
    ingress = f"kubectl -n {service.namespace} describe ingress {key_of(name)}"
    return f"Is the controller running? See: {ingress}; {CONTROLLER}; then run `pulumi up` again."


def unwritten(to: str, found: Sequence[IngressRoute]) -> str | None:
    """What is wrong with the weights that the Ingresses have; None if they lead to one Service alone."""
    if not found:
        return "its Ingress is not there"
    for route in found:
        if route.targets != {to}:
            return (
                f"Ingress {route.ingress} on the cluster leads to {_listed(route.targets)}, not {to} as the stack has "
                "it; `pulumi up --refresh` shows the difference and puts it right"
            )
    return None


def switched(
    name: str, rules: Iterable[Mapping[str, int]], target_groups: Mapping[str, str]
) -> list[Mapping[str, int]]:
    """The rules of the load balancer that know both colours: for each, the weights by Service.

    A rule that leads straight to one colour is somebody's own route there, and none of the switch.

    Args:
        name: the service's name.
        rules: the weights of all rules, by the ARN of each target group.
        target_groups: which Service has which of them.
    """
    colours = {colour_name(name, colour) for colour in Colour}
    by_service = (
        {target_groups[group]: weight for group, weight in rule.items() if group in target_groups} for rule in rules
    )
    return [weights for weights in by_service if colours <= weights.keys()]


def unforwarded(to: str, found: Sequence[Mapping[str, int]]) -> str | None:
    """What is wrong with the rules of `switched`; None if they lead to one Service alone."""
    if not found:
        return "the load balancer has no rule with the weights of both colours yet"
    for weights in found:
        if _above_zero(weights) != {to}:
            sent = ", ".join(f"{weight} to {service}" for service, weight in sorted(weights.items()))
            return f"a rule of the load balancer sends {sent}"
    return None


def _listed(services: Collection[str]) -> str:
    return " and ".join(sorted(services)) or "no Service"
