"""Rules across the fields of a canary."""

from collections.abc import Iterator

from switchyard.config.errors import Problem, set_command
from switchyard.config.models.canary import ALL, CanaryStep
from switchyard.config.models.service import CanarySettings
from switchyard.config.validation.analysis import analysis_problems
from switchyard.config.validation.routing import routing_problems


def tag_problems(at: str, tag: str | None, *, production: bool) -> Iterator[Problem]:
    """Refuses the tag `latest` in a production stack."""
    if tag == "latest" and production:
        rule = "a production stack names the version that it runs"
        yield Problem(at, "'latest'", rule, set_command(at, "v1.0.0"))


def canary_problems(path: str, service: CanarySettings, *, production: bool) -> Iterator[Problem]:
    """Rules within a service under a canary.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
        production: whether the stack is marked production.
    """
    yield from tag_problems(f"{path}.tag", service.tag, production=production)
    if service.replicas == 0 and service.autoscaling is None:
        at = f"{path}.replicas"
        yield Problem(at, "0", "a canary needs pods that serve", set_command(at, "10"))
    yield from _step_problems(path, service)
    yield from _weight_problems(path, service)
    yield from routing_problems(f"{path}.canary", service.canary)
    yield from _analysis_problems(path, service)


def representable(replicas: int) -> tuple[int, ...]:
    """Weights that a number of pods can represent, in percent, rounded to the nearest."""
    return tuple(round(100 * count / replicas) for count in range(1, replicas + 1))


def _step_problems(path: str, service: CanarySettings) -> Iterator[Problem]:
    for number, step in enumerate(service.canary.steps):
        at = f"{path}.canary.steps.{number}"
        kinds = [key for key in CanaryStep.model_fields if getattr(step, key) is not None]
        if len(kinds) != 1:
            rule = f"a step is exactly one of {', '.join(CanaryStep.model_fields)}"
            yield Problem(at, " and ".join(kinds) or "nothing", rule, "Make a step of each.")
        if step.pause == 0 and service.canary.wait == "finished":
            rule = "waits for a person to promote, while the update waits for the end (canary.wait: finished)"
            yield Problem(f"{at}.pause", "0", rule, set_command(f"{at}.pause", "300"))


def _weight_problems(path: str, service: CanarySettings) -> Iterator[Problem]:
    # An autoscaler may change the number at each step, so no share can be guaranteed.
    replicas = service.replicas if service.autoscaling is None else None
    previous, possible = 0, representable(replicas or 1)
    for number, step in enumerate(service.canary.steps):
        if step.weight is None:
            continue
        at = f"{path}.canary.steps.{number}.weight"
        if step.weight <= previous:
            yield Problem(
                at, str(step.weight), f"must be above {previous}, that of the step before", "Let weights rise."
            )
        elif replicas and service.canary.traffic == "replicas" and step.weight not in possible:
            shares = ", ".join(map(str, possible))
            rule = f"{replicas} pods cannot make this share; they can make {shares}"
            remedy = f"Take one of these, or more pods. {set_command(f'{path}.replicas', str(_enough(step.weight)))}"
            yield Problem(at, str(step.weight), rule, remedy)
        previous = max(previous, step.weight)


def _enough(weight: int) -> int:
    """The fewest pods that can represent a weight."""
    return next(count for count in range(1, 101) if weight in representable(count))


def _analysis_problems(path: str, service: CanarySettings) -> Iterator[Problem]:
    canary, at = service.canary, f"{path}.canary.analysis"
    asked = {number: step.analysis for number, step in enumerate(canary.steps) if step.analysis is not None}
    if canary.analysis is None:
        for number, names in asked.items():
            yield Problem(
                f"{path}.canary.steps.{number}.analysis",
                "True" if names == ALL else ", ".join(names),
                "there is no analysis: canary.analysis is empty",
                set_command(f"{at}.prometheus", "http://prometheus:9090"),
            )
        return
    for number, names in asked.items():
        if canary.analysis.enabled and not set(names) & set(canary.analysis.enabled):
            rule = f"is not enabled; enabled: {', '.join(canary.analysis.enabled)}"
            remedy = "Name an enabled metric, or enable this one."
            yield Problem(f"{path}.canary.steps.{number}.analysis", ", ".join(names), rule, remedy)
    yield from analysis_problems(at, canary.analysis, counted=bool(asked))
    if not asked and not canary.analysis.background:
        rule = "no step asks for the analysis, and it does not run in the background"
        yield Problem(at, "never runs", rule, set_command(f"{at}.background", "true"))
