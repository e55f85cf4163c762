"""Rules on the traffic router of a canary."""

from collections.abc import Iterator

from switchyard.config.errors import Problem, set_command
from switchyard.config.models.canary import Canary
from switchyard.config.models.routing import CanaryRoute, CanaryScale

ALB_CHARACTERS = 128
"""Most characters of the value with which a rule of a load balancer compares a header."""

ROUTERS = "alb, istio"
"""Values of `traffic` under which the shares are weights of a router, and not numbers of pods."""


def routing_problems(path: str, canary: Canary) -> Iterator[Problem]:
    """Rules on the traffic router of a canary, and on the steps that need one.

    Args:
        path: path of the canary in the configuration.
        canary: settings of the canary.
    """
    if canary.traffic == "replicas":
        yield from _without_router(path, canary)
    if canary.traffic == "alb" and canary.alb.ingress is None:
        at = f"{path}.alb.ingress"
        yield Problem(at, "missing", "traffic alb sets the weights of an Ingress", set_command(at, "backend"))
    if canary.dynamic_stable_scale and canary.scale_down_delay_seconds is not None:
        at = f"{path}.scaleDownDelaySeconds"
        rule = "with dynamicStableScale the old version has no pods left when it is to keep them"
        yield Problem(at, str(canary.scale_down_delay_seconds), rule, "Remove one of the two.")
    route_names: set[str] = set()
    has_pods = False
    for number, step in enumerate(canary.steps):
        at = f"{path}.steps.{number}"
        has_pods = has_pods or step.weight is not None or step.scale is not None
        if step.scale is not None:
            yield from _scale_problems(f"{at}.scale", step.scale)
        if step.route is not None:
            if not has_pods and canary.traffic != "replicas":
                # The controller takes the routes of a version without pods away as soon as it has set them.
                rule = "the new version has no pods yet, and a route to none is dropped"
                yield Problem(f"{at}.route", step.route.name, rule, "Put a step with a weight or a scale before it.")
            yield from _route_problems(f"{at}.route", step.route, known=step.route.name in route_names)
            if canary.traffic == "alb" and step.route.value is not None:
                yield from _alb_problems(f"{at}.route.value", step.route, step.route.value)
            route_names.add(step.route.name)


def _without_router(path: str, canary: Canary) -> Iterator[Problem]:
    remedy = set_command(f"{path}.traffic", "alb")
    for number, step in enumerate(canary.steps):
        for key, reason in (
            ("route", "pods cannot tell requests apart by their headers or cookies"),
            ("scale", "the number of pods is the share of the traffic"),
        ):
            if getattr(step, key) is not None:
                rule = f"traffic is replicas: {reason}; needs a router ({ROUTERS})"
                yield Problem(f"{path}.steps.{number}.{key}", "given", rule, remedy)
    for key, value in (
        ("dynamicStableScale", canary.dynamic_stable_scale or None),
        ("scaleDownDelaySeconds", canary.scale_down_delay_seconds),
        ("abortScaleDownDelaySeconds", canary.abort_scale_down_delay_seconds),
    ):
        if value is not None:
            rule = f"traffic is replicas: the number of pods is the share of the traffic; needs a router ({ROUTERS})"
            yield Problem(f"{path}.{key}", str(value), rule, remedy)


def _scale_problems(at: str, scale: CanaryScale) -> Iterator[Problem]:
    keys = [key for key in CanaryScale.model_fields if getattr(scale, key) is not None]
    if len(keys) != 1:
        rule = "a scale is exactly one of replicas, percent, matchWeight"
        yield Problem(at, " and ".join(keys) or "nothing", rule, "Keep one of them.")


def _route_problems(at: str, route: CanaryRoute, *, known: bool) -> Iterator[Problem]:
    conditions = [key for key in ("header", "cookie") if getattr(route, key) is not None]
    if len(conditions) == 2:
        rule = "a route matches a header or a cookie, not both"
        yield Problem(at, "header and cookie", rule, "Add a step with a route for each.")
    if conditions and route.value is None:
        rule = f"a route by a {conditions[0]} needs the value that it must have"
        yield Problem(f"{at}.value", "missing", rule, set_command(f"{at}.value", "beta"))
    if not conditions and not known:
        rule = "without header and cookie it removes a route, and no earlier step adds a route of this name"
        yield Problem(at, route.name, rule, set_command(f"{at}.header", "X-Group"))
    if not conditions and route.value is not None:
        yield Problem(f"{at}.value", route.value, "belongs to a header or a cookie", "Name one of them.")


def _alb_problems(at: str, route: CanaryRoute, value: str) -> Iterator[Problem]:
    if set(value) & set("*?"):
        yield Problem(
            at, value, "* and ? stand for any characters in the rules of a load balancer", "Choose another value."
        )
    length = len(value) if route.cookie is None else len(f"*{route.cookie}={value}*")
    if length > ALB_CHARACTERS:
        rule = f"a rule of a load balancer compares {ALB_CHARACTERS} characters at most, and this needs {length}"
        yield Problem(at, value, rule, "Choose a shorter one.")
