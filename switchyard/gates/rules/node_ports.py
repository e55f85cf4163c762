"""Whether the node ports that the configuration asks for are free.

Kubernetes gives such a port to one Service of the cluster at a time. It refuses a second Service half-way through an
update, and does not say which Service has the port.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import below, remove_value, set_value, typed
from switchyard.config.models.node_ports import free_port
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import NamespacedName
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.node_port_updates import PortChange, updates
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.mark_owner import is_own
from switchyard.manifests.ownership_marks import Mark, is_adopted, mark_of
from switchyard.manifests.pods import PORT

RULE = "a node port belongs to one Service of the cluster at a time"


@dataclass(frozen=True)
class NodePortHolder:
    """A Service that has a port on the nodes.

    Attributes:
        service: namespace and name of the Service.
        mark: the stack that the Service belongs to; None without a mark, and if it outlives its stack.
        app: the service of the stack that has the Service; empty for none.
        port: name of the port; None for the port of a load balancer's health checks.
    """

    service: NamespacedName
    mark: Mark | None
    app: str
    port: str | None

    def __str__(self) -> str:
        return f"Service {self.service.name} in namespace {self.service.namespace}"


def has_fixed_ports(services: Mapping[str, ServiceSettings]) -> bool:
    """Whether a service asks for a port on the nodes by its number."""
    return any(number is not None for service in services.values() for number in _wanted(service).values())


def refuse_taken_ports(
    services: Mapping[str, ServiceSettings], live: Iterable[Mapping[str, Any]], own: Mark, former: Mark | None = None
) -> list[Refusal]:
    """Refuses ports on the nodes that another Service has when the update begins.

    Args:
        services: services of the configuration.
        live: the Services of the cluster.
        own: the mark of this stack.
        former: mark of the stack that this one took over from; None for none.
    """
    holders = _holders(live)
    changes = _changes(services, holders)
    taken = {*holders, *(change.wanted for change in changes if change.wanted is not None)}
    configured = {service.namespaced(key): service for key, service in services.items()}
    kept_ports = {(change.service, change.live) for change in changes}
    own_services = {
        holder.service
        for holder in holders.values()
        if holder.mark is not None and is_own(holder.mark, own, former, known=True)
    }
    leaving = {
        number
        for number, holder in holders.items()
        if _is_released(number, holder, configured, kept_ports, own_services)
    }
    taken_changes = [change for change in changes if _is_taken(change, holders)]
    moving = [
        change
        for change in taken_changes
        if change.wanted in leaving or (holders[change.wanted or 0].service, change.wanted) in kept_ports
    ]
    staying = [change for change in taken_changes if change not in moving]
    refusals = [_other_number(change, holders[change.wanted or 0], taken) for change in staying]
    if moving:
        # A number that is never released is a refusal of its own, and no part of the order.
        ordered = [replace(change, target=change.live) if change in staying else change for change in changes]
        refusals.append(_one_after_the_other(moving, holders, updates(ordered, leaving, taken)))
    return refusals


def _wanted(service: ServiceSettings) -> dict[str, int | None]:
    """The configured node port of each port of the Service that users reach, by the name of the port."""
    if service.service_options.type == "ClusterIP":
        return {}
    further = {name: port.node_port for name, port in service.ports.items() if port.service_port is not None}
    return {PORT: service.node_port, **further}


def _holders(live: Iterable[Mapping[str, Any]]) -> dict[int, NodePortHolder]:
    """The Service of every node port in use, by the number of the port."""
    holders = {}
    for item in live:
        metadata, spec = item["metadata"], item["spec"]
        name = NamespacedName(metadata["namespace"], metadata["name"])
        mark = None if is_adopted(item) else mark_of(item)
        app = str((metadata.get("labels") or {}).get("app", ""))
        if check := spec.get("healthCheckNodePort"):
            holders[int(check)] = NodePortHolder(name, mark, app, None)
        for port in spec.get("ports") or ():
            if number := port.get("nodePort"):
                holders[int(number)] = NodePortHolder(name, mark, app, port.get("name", ""))
    return holders


def _changes(services: Mapping[str, ServiceSettings], holders: Mapping[int, NodePortHolder]) -> list[PortChange]:
    live = {(holder.service, holder.port): number for number, holder in holders.items()}
    changes = []
    for key, service in services.items():
        name, path = service.namespaced(key), below(SERVICES, key)
        for port, wanted in _wanted(service).items():
            at = below(path, "nodePort") if port == PORT else below(path, "ports", port, "nodePort")
            number = live.get((name, port))
            changes.append(PortChange(at, name, number, wanted, number if wanted is None else wanted))
    return changes


def _is_taken(change: PortChange, holders: Mapping[int, NodePortHolder]) -> bool:
    """Whether another Service has the number. Within one Service ports may change places."""
    return change.wanted is not None and change.wanted in holders and holders[change.wanted].service != change.service


def _is_released(
    number: int,
    holder: NodePortHolder,
    configured: Mapping[NamespacedName, ServiceSettings],
    kept_ports: Collection[tuple[NamespacedName, int | None]],
    own_services: Collection[NamespacedName],
) -> bool:
    """Whether this update releases a port: it deletes the Service, or the Service no longer has the port."""
    service = configured.get(holder.service)
    if service is None:
        return holder.service in own_services and NamespacedName(holder.service.namespace, holder.app) not in configured
    if holder.port is None:  # the settings know nothing of the port for health checks
        return not _wanted(service)
    return (holder.service, number) not in kept_ports


def _other_number(change: PortChange, holder: NodePortHolder, taken: set[int]) -> Refusal:
    number = change.wanted or 0
    free = free_port(number, taken)
    choice = [] if free is None else [f"`{set_value(change.path, free)}`"]
    taken.update(() if free is None else (free,))
    choice.append(f"`{remove_value(change.path)}`, and Kubernetes chooses a port or keeps the present one")
    return Refusal(
        code=Code.NODE_PORT_TAKEN,
        step=f"{change.path}: {number}",
        observed=f"{holder}{f' of stack {holder.mark}' if holder.mark else ''} has this node port",
        rule=RULE,
        remedy=f"Nothing was changed. Take another port: {', or: '.join(choice)}",
    )


def _one_after_the_other(
    moving: Iterable[PortChange], holders: Mapping[int, NodePortHolder], commands: list[list[str]]
) -> Refusal:
    update = typed("pulumi up")
    steps = [f"`{' && '.join([*lines, update])}`" for lines in commands]
    return Refusal(
        code=Code.NODE_PORT_NOT_RELEASED_YET,
        step=", ".join(f"{change.path}: {change.wanted}" for change in moving),
        observed="; ".join(_still_has(change, holders) for change in moving),
        rule=f"{RULE}, and an update does not wait until one releases it before another takes it",
        remedy=f"Nothing was changed. It takes {len(steps)} updates: {', then '.join(steps)}",
    )


def _still_has(change: PortChange, holders: Mapping[int, NodePortHolder]) -> str:
    return f"{holders[change.wanted or 0]} still has node port {change.wanted}"
