"""Whether the pods of all services find room on the nodes that they may run on.

Counts requests, as the scheduler does, and places pods one by one with the spread that the Deployments demand.
It knows the node table, not the cluster: what else runs there is only the allowance for DaemonSets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from settings.machines import DAEMONS_CPU_M, RESERVATIONS
from settings.nodes import NodeSettings, Toleration, kubelet_labels, labels, taints
from settings.quantity import mebibytes, millicores, parse_quantity
from settings.service import ArgoBlueGreenSettings, Colour, ServiceSettings, Track

DAEMON_PODS = 2
"""Pods of every node that no service gets: kube-proxy and calico-node."""


@dataclass(frozen=True)
class Shortfall:
    """What a service lacks.

    Attributes:
        service: its name.
        pods: pods that it may have at once, those of a change of versions included.
        without_room: pods of these that no node takes.
        nodes: names of the nodes that were tried.
        cpu_m: CPU that those pods ask for, millicores.
        memory_mib: memory that those pods ask for, MiB.
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
    """Places the pods of all services, those with the largest pods first, and lists what found no room."""
    rooms = {
        name: _Room(
            cpu_m=node.machine.allocatable_cpu_m - DAEMONS_CPU_M,
            memory_mib=node.machine.allocatable_memory_mib,
            pods=RESERVATIONS.max_pods - DAEMON_PODS,
        )
        for name, node in nodes.items()
    }
    largest_first = sorted(services.items(), key=lambda item: (_request(item[1])[::-1], item[0]), reverse=True)
    found = []
    for name, service in largest_first:
        eligible = eligible_nodes(service, nodes)
        cpu_m, memory_mib = _request(service)
        pods = _pods(service)
        left = sum(_place(count, cpu_m, memory_mib, [rooms[node] for node in eligible]) for count in pods)
        if left:
            found.append(Shortfall(name, sum(pods), left, tuple(eligible), left * cpu_m, left * memory_mib))
    return found


def _place(count: int, cpu_m: int, memory_mib: int, rooms: list[_Room]) -> int:
    """Places pods of one colour with a skew of at most one; returns how many are left."""
    placed = [0] * len(rooms)
    for done in range(count):
        fewest = min(placed, default=0)
        candidates = [
            index for index, room in enumerate(rooms) if placed[index] == fewest and room.holds(cpu_m, memory_mib)
        ]
        if not candidates:
            return count - done
        roomiest = max(candidates, key=lambda index: (rooms[index].memory_mib, rooms[index].cpu_m))
        rooms[roomiest].take(cpu_m, memory_mib)
        placed[roomiest] += 1
    return 0


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
    """Pods beyond the wanted ones. Under a router the old version keeps all of its own until the very end."""
    canary, replicas = service.canary, _most(service, Track.ROLLOUT)
    if canary.traffic == "replicas":
        return canary.max_surge
    # A fixed scale is in force until the next one, so each may be the largest; without one it is the weight's.
    fixed = [step.scale.replicas or 0 for step in canary.steps if step.scale is not None]
    return max(canary.max_surge if canary.dynamic_stable_scale else replicas, *fixed, 0)


def _request(service: ServiceSettings) -> tuple[int, int]:
    requests = service.resources.requests
    return millicores(parse_quantity(requests.cpu)), mebibytes(parse_quantity(requests.memory))


def _selected(selector: Mapping[str, str], name: str, node: NodeSettings) -> bool:
    return selector.items() <= (labels(node) | kubelet_labels(name, node)).items()


def _tolerated(tolerations: Iterable[Toleration], node: NodeSettings) -> bool:
    return all(any(toleration.tolerates(taint) for toleration in tolerations) for taint in taints(node))
