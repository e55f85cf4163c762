"""Rules across fields and across services, for settings whose single fields are valid."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from switchyard.config.commands import below, remove_command, set_command
from switchyard.config.errors import LONGEST_KEY, Problem, shown
from switchyard.config.models.node_ports import free_port
from switchyard.config.models.nodes import DEDICATED, NodeSettings
from switchyard.config.models.ownership import leaves_problems, reserved_problems
from switchyard.config.models.service import (
    ArgoBlueGreenSettings,
    BlueGreenSettings,
    CanarySettings,
    Colour,
    ServiceSettings,
)
from switchyard.config.models.service_name import NAME_LIMIT, NAME_PATTERN
from switchyard.config.validation.argo_blue_green import argo_blue_green_problems
from switchyard.config.validation.autoscaling import autoscaling_problems
from switchyard.config.validation.canary import canary_problems, tag_problems
from switchyard.config.validation.capacity import eligible_nodes, shortfalls
from switchyard.config.validation.hooks import hook_problems
from switchyard.config.validation.pods import pod_problems

SERVICES = "switchyard:services"

_PODS_AT_ONCE = {
    "blueGreen": "both colours, and one more a colour while it rolls",
    "canary": "replicas, and those of the new version beside them",
    "argoBlueGreen": "replicas, of the old and of the new version",
}
"""Description of the counted pods, by strategy, for the message that a service does not fit."""

_SERVICE_NAME = re.compile(NAME_PATTERN)


def name_problems(name: str) -> Iterator[Problem]:
    """Refuses a name that Services cannot have: it must be a DNS label that starts with a letter."""
    if _SERVICE_NAME.fullmatch(name) is None or len(name) > NAME_LIMIT:
        rule = f"a service's name is at most {NAME_LIMIT} of a-z 0-9 -, a letter first, not - last"
        path = below(SERVICES, name if len(name) <= LONGEST_KEY else f"{name[: NAME_LIMIT - 1]}…")
        yield Problem(path, shown(name), rule, "Rename it in the stack file.")


def service_problems(name: str, service: ServiceSettings, *, production: bool) -> Iterator[Problem]:
    """Rules within one service."""
    path = below(SERVICES, name)
    if isinstance(service, CanarySettings):
        yield from canary_problems(path, service, production=production)
    elif isinstance(service, ArgoBlueGreenSettings):
        yield from argo_blue_green_problems(path, service, production=production)
    elif isinstance(service, BlueGreenSettings):
        yield from _colour_problems(path, service, production=production)
    yield from reserved_problems(path, service.namespaced(name), named=service.name is not None)
    yield from leaves_problems(path, service.namespace, service.leaves)
    yield from pod_problems(path, service)
    yield from autoscaling_problems(path, service)
    yield from hook_problems(path, service)
    yield from _toleration_problems(path, service)
    if service.gate.smoke.enabled and not service.gate.smoke.paths:
        at = f"{path}.gate.smoke.paths"
        rule = "a smoke test without a path proves nothing"
        remedy = f"Name a path, or say that there is none. {set_command(f'{path}.gate.smoke.enabled', 'false')}"
        yield Problem(at, "an empty list", rule, remedy)
    drain = service.drain
    if drain.pre_stop_seconds >= drain.termination_grace_period_seconds:
        yield Problem(
            f"{path}.drain.preStopSeconds",
            str(drain.pre_stop_seconds),
            f"must be less than terminationGracePeriodSeconds ({drain.termination_grace_period_seconds}), "
            "or pods are killed while they drain",
            set_command(f"{path}.drain.preStopSeconds", str(drain.termination_grace_period_seconds // 2)),
        )


def _colour_problems(path: str, service: BlueGreenSettings, *, production: bool) -> Iterator[Problem]:
    active = service.colour(service.active)
    if active.replicas == 0 and service.autoscaling is None:
        at = f"{path}.{service.active}.replicas"
        yield Problem(at, "0", f"{service.active} is active and needs pods", set_command(at, "3"))
    for colour in Colour:
        settings, at = service.colour(colour), f"{path}.{colour}.tag"
        if settings.tag is None and (colour == service.active or settings.replicas):
            reason = "is active" if colour == service.active else f"has {settings.replicas} replicas"
            # Which version is meant is not known, and an example would be deployed if it exists.
            yield Problem(at, "missing", f"{colour} {reason} and needs an image tag", set_command(at, None))
        yield from tag_problems(at, settings.tag, production=production)


def _toleration_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    for index, toleration in enumerate(service.tolerations):
        at = f"{path}.tolerations.{index}"
        if toleration.operator == "Exists" and toleration.value:
            rule = "operator Exists takes no value, it tolerates every value of the key"
            remedy = f"Remove it, or use its value: {set_command(f'{at}.operator', 'Equal')}"
            yield Problem(f"{at}.value", shown(toleration.value), rule, remedy)
        if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
            rule = "is for the effect NoExecute alone: no other taint ends pods that run"
            remedy = set_command(f"{at}.effect", "NoExecute")
            yield Problem(f"{at}.tolerationSeconds", str(toleration.toleration_seconds), rule, remedy)
        if toleration.operator == "Equal" and toleration.key is None:
            rule = "operator Equal needs the key of a taint"
            remedy = (
                f"Name one, or write operator Exists to tolerate every taint. {set_command(f'{at}.key', DEDICATED)}"
            )
            yield Problem(f"{at}.key", "missing", rule, remedy)


def stack_problems(services: Mapping[str, ServiceSettings], nodes: Mapping[str, NodeSettings]) -> Iterator[Problem]:
    """Rules across services, and between services and nodes; only the former where there are no nodes."""
    yield from _ports_taken_twice(services)
    if not nodes:
        return
    unschedulable = set()
    for name, service in services.items():
        if not eligible_nodes(service, nodes):
            unschedulable.add(name)
            selector = ", ".join(f"{key}={value}" for key, value in service.node_selector.items())
            yield Problem(
                f"{SERVICES}.{name}.nodeSelector",
                selector or "empty",
                "no node carries these labels without a taint that the service does not tolerate",
                "Change the selector or tolerations, or the workload of a node in switchyard:cluster.nodes.",
            )
    for short in shortfalls({name: service for name, service in services.items() if name not in unschedulable}, nodes):
        yield Problem(
            f"{SERVICES}.{short.service}",
            f"{short.pods} pods ({_PODS_AT_ONCE[services[short.service].strategy]})",
            f"{short.without_room} of them find no room on {', '.join(short.nodes)}: "
            f"{short.cpu_m}m CPU and {short.memory_mib}Mi memory in requests are missing",
            "Lower replicas or resources.requests, or add a node.",
        )


def _ports_taken_twice(services: Mapping[str, ServiceSettings]) -> Iterator[Problem]:
    users = defaultdict(list)
    for name, service in services.items():
        fixed = {below(name, "nodePort"): (service.node_port, "TCP")}
        for key, port in service.ports.items():
            fixed[below(name, "ports", key, "nodePort")] = port.node_port, port.protocol
        own: set[tuple[int, str]] = set()
        for at, (number, protocol) in fixed.items():
            # One Service may have a number for several protocols, such as HTTP/2 and HTTP/3.
            if number is not None and (not any(other == number for other, _ in own) or (number, protocol) in own):
                users[number].append(at)
            if number is not None:
                own.add((number, protocol))
    for number, keys in list(users.items()):
        owner = keys[0].removesuffix(".nodePort")
        for key in keys[1:]:
            at = f"{SERVICES}.{key}"
            free = free_port(number, users)
            if free is not None:
                users[free] = [key]
            remedy = remove_command(at) if free is None else set_command(at, free)
            yield Problem(at, str(number), f"{owner} has this port on every node", remedy)
