"""What serves right now, beside what is configured."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gate.access import ClusterAccess
from gate.autoscaling import read_sizings
from gate.cluster import Cluster
from gate.decisions import ready_pods
from gate.sizes import Sizing, planned
from gate.weights import leads, ways
from render.labels import selector
from render.weights import goes_by_weights, weighed
from settings.engine import SwitchEngine
from settings.service import ArgoBlueGreenSettings, BlueGreenSettings, Colour, ServiceSettings, Track


@dataclass(frozen=True)
class TrackStatus:
    """One set of pods: its configured tag and replicas, or an autoscaler's, and how many of its pods are ready."""

    tag: str | None
    wanted: int
    ready: int


@dataclass(frozen=True)
class ServiceStatus:
    """One service: `configured` is the stack's word, `serving` the selector on the cluster.

    Attributes:
        leads: the Services that its Ingress sends requests to, where the load balancer knows the colours; what AWS does
            with that is not asked here.
    """

    name: str
    namespace: str
    engine: SwitchEngine
    configured: Track
    serving: Track | None
    tracks: Mapping[Track, TrackStatus]
    node_port: int | None
    simulated: bool
    leads: frozenset[str] | None = None
    to: str | None = None

    @property
    def as_configured(self) -> bool:
        """Whether what is configured serves, and every set of pods has those that it was given."""
        serves = self.serving == self.configured and self.leads in {None, frozenset({self.to})}
        return serves and all(track.ready == track.wanted for track in self.tracks.values())


async def look(access: ClusterAccess, services: Mapping[str, ServiceSettings]) -> list[ServiceStatus]:
    """Reads the state of every service, side by side. Raises one of `gate.access.UNREACHABLE`."""
    cluster = await Cluster.connect(access)
    sizings = await read_sizings(cluster, services)
    looks = (_service(cluster, name, service, sizings[name]) for name, service in services.items())
    return list(await asyncio.gather(*looks))


async def _service(cluster: Cluster, name: str, service: ServiceSettings, sizing: Sizing) -> ServiceStatus:
    behind = await cluster.endpoints(service.namespace, name)
    knows_colours = isinstance(service, BlueGreenSettings) and goes_by_weights(service)
    found = ways(name, await cluster.ingresses(service.namespace)) if knows_colours else None
    return ServiceStatus(
        name=name,
        namespace=service.namespace,
        engine=service.engine,
        configured=service.track,
        serving=await cluster.serving_track(service.namespace, name),
        tracks={track: await _track(cluster, name, service, track, sizing) for track in tracks(service)},
        node_port=service.node_port,
        simulated=bool(await cluster.simulated({endpoint.node for endpoint in behind})),
        leads=None if found is None else leads(found),
        to=weighed(name, service) if isinstance(service, BlueGreenSettings) else None,
    )


async def _track(cluster: Cluster, name: str, service: ServiceSettings, track: Track, sizing: Sizing) -> TrackStatus:
    pods = await cluster.pods(service.namespace, selector(name, track))
    if isinstance(service, ArgoBlueGreenSettings):
        # Beside the version that serves there may be the next one, or the one before, with pods as ready.
        serving = ready_pods(await cluster.endpoints(service.namespace, name))
        pods = [pod for pod in pods if pod.name in serving]
    tag = service.tag if track is Track.ROLLOUT else service.colour(Colour(track)).tag
    return TrackStatus(tag, planned(service, track, sizing).pods, sum(pod.ready for pod in pods))


def tracks(service: ServiceSettings) -> tuple[Track, ...]:
    """The sets of pods that a service has under its strategy."""
    return (Track.ROLLOUT,) if service.track is Track.ROLLOUT else (Track.BLUE, Track.GREEN)
