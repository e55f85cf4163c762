"""Whether the pods of all services fit on the nodes on which they may run.

Counts requests, as the scheduler does, and places pods one by one with the spread that the Deployments demand.
It uses the node table, not the cluster: other pods are covered only by the allowance for DaemonSets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from switchyard.config.models.machine_types import DAEMONS_CPU_M, RESERVATIONS
from switchyard.config.models.nodes import NodeSettings, Toleration, kubelet_labels, labels, taints
from switchyard.config.models.resources import Resources
from switchyard.config.models.service import ArgoBlueGreenSettings, Colour, ServiceSettings, Track
from switchyard.config.types.quantity import mebibytes, millicores, parse_quantity

DAEMON_PODS = 2
"""Pods on every node that belong to no service: kube-proxy and calico-node."""


@dataclass(frozen=True)
class Shortfall:
    """Resources that the pods of a service lack.

    Attributes:
        service: name of the service.
        pods: largest number of pods that exist at once, also during a release.
        without_room: number of these pods that fit on no node.
        nodes: names of the nodes that were tried.
        cpu_m: CPU requests of the pods without room, millicores.
        memory_mib: memory requests of the pods without room, MiB.
    """

    service: str
    pods: int
    without_room: int
    nodes: tuple[str, ...]
    cpu_m: int
    memory_mib: int


@dataclass
class _Room:
    cpu_m: int
    memory_mib: int
    pods: int

    def holds(self, cpu_m: int, memory_mib: int) -> bool:
        return self.cpu_m >= cpu_m and self.memory_mib >= memory_mib and self.pods >= 1

    def take(self, cpu_m: int, memory_mib: int) -> None:
        self.cpu_m -= cpu_m
        self.memory_mib -= memory_mib
        self.pods -= 1


def eligible_nodes(service: ServiceSettings, nodes: Mapping[str, NodeSettings]) -> list[str]:
    """Names of the nodes that a service's pods may run on: selector matched, taints tolerated."""
    return [
        name
        for name, node in nodes.items()
        if _selected(service.node_selector, name, node) and _tolerated(service.tolerations, node)
    ]


def shortfalls(services: Mapping[str, ServiceSettings], nodes: Mapping[str, NodeSettings]) -> list[Shortfall]:
    """Places the pods of all services, those with the largest pods first, and lists those that did not fit."""
    rooms = {
        name: _Room(
            cpu_m=node.machine.allocatable_cpu_m - DAEMONS_CPU_M,
            memory_mib=node.machine.allocatable_memory_mib,
            pods=RESERVATIONS.max_pods - DAEMON_PODS,
        )
        for name, node in nodes.items()
    }
    largest_first = sorted(services.items(), key=lambda item: (_request(item[1])[::-1], item[0]), reverse=True)
    lacking = []
    for name, service in largest_first:
        eligible = eligible_nodes(service, nodes)
        cpu_m, memory_mib = _request(service)
        pods = _pods(service)
        places = _places(service, {node: nodes[node] for node in eligible})
        left = sum(_place(count, cpu_m, memory_mib, [rooms[node] for node in eligible], places) for count in pods)
        if left:
            lacking.append(Shortfall(name, sum(pods), left, tuple(eligible), left * cpu_m, left * memory_mib))
    return lacking


def _place(count: int, cpu_m: int, memory_mib: int, rooms: list[_Room], spread: "_Places") -> int:
    """Places pods of one colour as their spread demands; returns how many are left."""
    placed = dict.fromkeys(spread.of_rooms, 0)
    for done in range(count):
        allowed = spread.allowed(placed)
        candidates = [
            index
            for index, room in enumerate(rooms)
            if spread.of_rooms[index] in allowed and room.holds(cpu_m, memory_mib)
        ]
        if not candidates:
            return count - done
        roomiest = max(
            candidates,
            key=lambda index: (-placed[spread.of_rooms[index]], rooms[index].memory_mib, rooms[index].cpu_m),
        )
        rooms[roomiest].take(cpu_m, memory_mib)
        placed[spread.of_rooms[roomiest]] += 1
    return 0


@dataclass(frozen=True)
class _Places:
    """The topology domains that pods are spread over.

    Attributes:
        of_rooms: the topology domain of each node.
        max_skew: largest difference in pods between two domains; None for no limit.
    """

    of_rooms: tuple[str, ...]
    max_skew: int | None

    def allowed(self, placed: Mapping[str, int]) -> set[str]:
        """The topology domains that may get one more pod."""
        if self.max_skew is None:
            return set(placed)
        fewest = min(placed.values(), default=0)
        return {place for place, count in placed.items() if count - fewest < self.max_skew}


def _places(service: ServiceSettings, eligible: Mapping[str, NodeSettings]) -> _Places:
    spread = service.spread
    values = [(labels(node) | kubelet_labels(name, node)).get(spread.topology_key) for name, node in eligible.items()]
    if spread.when_unsatisfiable == "ScheduleAnyway" or None in values:
        return _Places(tuple(eligible), None)
    return _Places(tuple(str(value) for value in values), spread.max_skew)


def _pods(service: ServiceSettings) -> list[int]:
    """Pods that a service may have at once, for each set of pods that is spread by itself."""
    if isinstance(service, ArgoBlueGreenSettings):
        # The old version keeps its pods until the new one has proved itself; the spread takes them as one set.
        return [2 * _most(service, Track.ROLLOUT)]
    if service.track is Track.ROLLOUT:
        return [_most(service, Track.ROLLOUT) + _canary_pods(service)]
    wanted = [_most(service, Track(colour)) for colour in Colour]
    # One more a colour: a rolling update starts the new pod before it ends an old one.
    return [replicas + 1 for replicas in wanted if replicas]


def _most(service: ServiceSettings, track: Track) -> int:
    """Pods of a track: of what an autoscaler sizes, its maximum; one where nothing in the settings limits it."""
    most = service.most_replicas_of(track)
    return 1 if most is None else most


def _canary_pods(service: ServiceSettings) -> int:
    """Pods beyond the wanted ones. Under a router the old version keeps all of its pods until the end."""
    canary, replicas = service.canary, _most(service, Track.ROLLOUT)
    if canary.traffic == "replicas":
        return canary.max_surge
    # A fixed scale is in force until the next one, so each may be the largest; without one it is the weight's.
    fixed = [step.scale.replicas or 0 for step in canary.steps if step.scale is not None]
    return max(canary.max_surge if canary.dynamic_stable_scale else replicas, *fixed, 0)


def _request(service: ServiceSettings) -> tuple[int, int]:
    """The requests of one pod as the scheduler counts them, in millicores and MiB.

    The sum of all containers that run together, or the largest init container with the native sidecars, which run at
    the same time.
    """
    application = [service.resources, *(sidecar.resources for sidecar in service.sidecars if not sidecar.native)]
    native_sidecars = [sidecar.resources for sidecar in service.sidecars if sidecar.native]
    init_containers = [container.resources for container in service.init_containers]
    totals = [
        _sum([*application, *native_sidecars]),
        *(_sum([container, *native_sidecars]) for container in init_containers),
    ]
    return max(cpu_m for cpu_m, _ in totals), max(memory_mib for _, memory_mib in totals)


def _sum(resources: Iterable[Resources]) -> tuple[int, int]:
    requests = [of_container.requests for of_container in resources]
    cpu = sum(millicores(parse_quantity(request.cpu)) for request in requests)
    return cpu, sum(mebibytes(parse_quantity(request.memory)) for request in requests)


def _selected(selector: Mapping[str, str], name: str, node: NodeSettings) -> bool:
    return selector.items() <= (labels(node) | kubelet_labels(name, node)).items()


def _tolerated(tolerations: Iterable[Toleration], node: NodeSettings) -> bool:
    return all(any(toleration.tolerates(taint) for toleration in tolerations) for taint in taints(node))
