"""Rules across the fields of a pod's containers: names, ports, probes, mounts, variables, resources."""

from collections.abc import Iterator, Mapping
from itertools import count

from switchyard.config.commands import below, remove_command, remove_value, set_value
from switchyard.config.errors import Problem, set_command, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.containers import ExtraContainer, Sidecar
from switchyard.config.models.pod_settings import CONTAINER, PORT
from switchyard.config.models.probes import HttpProbe
from switchyard.config.models.resources import Resources
from switchyard.config.models.service import Colour, ServiceSettings
from switchyard.config.models.volumes import RESERVED_VOLUMES, Mount
from switchyard.config.types.quantity import parse_quantity
from switchyard.config.validation.environment import environment_problems


def container_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """Rules within the containers of one service.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
    """
    extra = dict(_extra_containers(path, service))
    yield from _name_problems(extra)
    yield from _port_problems(path, service)
    ports = {PORT, *service.ports}
    for key, probe in (("liveness", service.liveness), ("readiness", service.readiness), ("startup", service.startup)):
        yield from _probe_problems(f"{path}.{key}", probe, ports)
    yield from _volume_problems(path, service)
    yield from _mount_problems(path, service.mounts, _volumes(service))
    yield from resource_problems(path, service.resources)
    for at, container in extra.items():
        yield from _mount_problems(at, container.mounts, _volumes(service))
        yield from resource_problems(at, container.resources)
        yield from _sidecar_problems(at, container)
    yield from environment_problems(path, service, extra)


def resource_problems(path: str, resources: Resources) -> Iterator[Problem]:
    """Refuses requests above their limits, and fractions of a byte."""
    requests, limits = resources.requests, resources.limits
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for resource, amount in (("memory", amounts.memory), ("ephemeralStorage", amounts.ephemeral_storage)):
            # Of 1.1Gi too a fraction is left, which Kubernetes rounds up; 512m is an error in typing.
            if amount is not None and amount.endswith("m") and parse_quantity(amount) % 1:
                at = f"{path}.resources.{kind}.{resource}"
                rule = "is a fraction of a byte: m is a thousandth, and Mi is 1024 * 1024"
                remedy = f"For example: {set_value(at, f'{amount[:-1]}Mi')}"
                yield Problem(at, shown(amount), rule, remedy)
    for resource, request, limit in (
        ("cpu", requests.cpu, limits.cpu),
        ("memory", requests.memory, limits.memory),
        ("ephemeralStorage", requests.ephemeral_storage, limits.ephemeral_storage),
    ):
        if request is not None and limit is not None and parse_quantity(request) > parse_quantity(limit):
            at = f"{path}.resources.requests.{resource}"
            yield Problem(at, shown(request), f"must not be above the limit, {limit}", set_command(at, limit))


def _extra_containers(path: str, service: ServiceSettings) -> Iterator[tuple[str, ExtraContainer]]:
    for index, container in enumerate(service.init_containers):
        yield f"{path}.initContainers.{index}", container
    for index, sidecar in enumerate(service.sidecars):
        yield f"{path}.sidecars.{index}", sidecar


def _name_problems(extra: Mapping[str, ExtraContainer]) -> Iterator[Problem]:
    owners = {CONTAINER: "the application's container"}
    names = {CONTAINER, *(container.name for container in extra.values())}
    for at, container in extra.items():
        if container.name in owners:
            free = next(name for number in count(2) if (name := f"{container.name[:60]}-{number}") not in names)
            names.add(free)
            rule, own = f"is the name of {owners[container.name]}", f"{at}.name"
            yield Problem(own, shown(container.name), rule, f"Rename it. For example: {set_value(own, free)}")
        owners.setdefault(container.name, at)


def _port_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    first = (service.port, "TCP")
    exposed_at = f"{path}.port" if service.service_port is None else f"{path}.servicePort"
    listening, reached = _Ports({first: f"{path}.port"}), _Ports({(service.exposed_port, "TCP"): exposed_at})
    for name, port in service.ports.items():
        at = below(path, "ports", name)
        if name == PORT:
            rule = f"is the name of the application's first port, {service.port}"
            yield Problem(at, shown(name), rule, f"Rename it, or set that one, whose key is port. {remove_command(at)}")
        yield from listening.problems(f"{at}.containerPort", at, port.container_port, port.protocol)
        if port.service_port is not None:
            yield from reached.problems(f"{at}.servicePort", at, port.service_port, port.protocol)
        elif port.node_port is not None:
            rule = "is a port of the Service, which has this one only with servicePort"
            remedy = set_command(f"{at}.servicePort", port.container_port)
            yield Problem(f"{at}.nodePort", str(port.node_port), rule, remedy)
        elif port.app_protocol is not None:
            rule = "is of the port of the Service, which has this one only with servicePort"
            remedy = set_command(f"{at}.servicePort", port.container_port)
            yield Problem(f"{at}.appProtocol", shown(port.app_protocol), rule, remedy)
    for index, sidecar in enumerate(service.sidecars):
        for name, own in sidecar.ports.items():
            at = below(path, "sidecars", index, "ports", name)
            shared = ", and the containers of a pod share their ports"
            yield from listening.problems(f"{at}.containerPort", at, own.container_port, own.protocol, shared)


class _Ports:
    """The path of the owner of each port, by number and protocol."""

    def __init__(self, owners: dict[tuple[int, str], str]) -> None:
        self._owners = owners

    def problems(self, key: str, at: str, number: int, protocol: str, reason: str = "") -> Iterator[Problem]:
        """Refuses a number that has another owner; otherwise the number gets this owner.

        Args:
            key: path of the number.
            at: path of its owner.
            number: number of the port.
            protocol: protocol of the port.
            reason: addition to the rule.
        """
        owner = self._owners.setdefault((number, protocol), at)
        if owner != at:
            numbers = (*range(number + 1, 65536), *range(1024, number))
            free = next(other for other in numbers if (other, protocol) not in self._owners)
            self._owners[free, protocol] = at
            yield Problem(key, str(number), f"is the port of {owner}{reason}", f"For example: {set_value(key, free)}")


def _probe_problems(at: str, probe: HttpProbe | None, ports: set[str]) -> Iterator[Problem]:
    if probe is None:
        return
    port = probe.asked_port
    if isinstance(port, str) and port not in ports:
        key = "port" if probe.is_http else "tcpSocket.port"
        rule = f"is not a port of the container, which has {', '.join(sorted(ports)) or 'none'}"
        other = min(ports - {PORT}, default=8080) if PORT not in ports else PORT
        remedy = f"Add it to ports, or ask another: {set_value(f'{at}.{key}', other)}"
        yield Problem(f"{at}.{key}", shown(port), rule, remedy)
    if at.endswith(".readiness") and probe.termination_grace_period_seconds is not None:
        value, own = str(probe.termination_grace_period_seconds), f"{at}.terminationGracePeriodSeconds"
        rule = "belongs to liveness and startup: a readiness probe ends no container"
        yield Problem(own, value, rule, remove_command(own))


def _sidecar_problems(at: str, container: ExtraContainer) -> Iterator[Problem]:
    if not isinstance(container, Sidecar):
        return
    probes = {"liveness": container.liveness, "readiness": container.readiness, "startup": container.startup}
    for key, probe in probes.items():
        yield from _probe_problems(f"{at}.{key}", probe, set(container.ports))
        if probe is not None and probe.is_http and probe.port is None and not container.ports:
            rule = "is missing, and the container has no port of its own to ask"
            yield Problem(f"{at}.{key}.port", "missing", rule, set_command(f"{at}.{key}.port", "8080"))


def _volumes(service: ServiceSettings) -> set[str]:
    """Volumes that every pod has, whatever its colour."""
    colours = [set(service.colour(colour).volumes) for colour in Colour]
    return {*service.volumes, *set.intersection(*colours), *RESERVED_VOLUMES}


def _volume_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    owners = {path: service.volumes, **{f"{path}.{colour}": service.colour(colour).volumes for colour in Colour}}
    for at, volumes in owners.items():
        for name in volumes.keys() & RESERVED_VOLUMES:
            rule = "is the program's own volume for temporary files, mounted at /tmp"
            own = below(at, "volumes", name)
            yield Problem(own, shown(name), rule, f"Rename it; its mount may be at /tmp. {remove_command(own)}")


def _mount_problems(path: str, mounts: tuple[Mount, ...], volumes: set[str]) -> Iterator[Problem]:
    paths: dict[str, int] = {}
    for index, mount in enumerate(mounts):
        at = f"{path}.mounts.{index}"
        if mount.volume not in volumes:
            rule = f"is not a volume of every pod, which have {', '.join(sorted(volumes))}"
            close = typing_error(mount.volume, sorted(volumes))
            proposal = f"Did you mean {close}? {set_value(f'{at}.volume', close)}" if close else ""
            remedy = f"Add it to volumes of the service, or remove the mount: {remove_value(at)}"
            yield Problem(f"{at}.volume", shown(mount.volume), rule, proposal or remedy)
        if (first := paths.setdefault(mount.place, index)) != index:
            rule = f"is the path of mounts.{first}"
            remedy = f"Use another path, or remove the mount: {remove_value(at)}"
            yield Problem(f"{at}.path", shown(mount.path), rule, remedy)
