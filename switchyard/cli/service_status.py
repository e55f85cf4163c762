"""Reads the versions that serve now, and compares them with the configuration."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from switchyard.cli.service_releases import ReleaseStatuses, read_release_statuses
from switchyard.codes import Code
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, ServiceSettings, Track
from switchyard.config.models.service_name import ServiceName, key_of
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import AccessDeniedError
from switchyard.gates.autoscaling import read_sizings
from switchyard.gates.rules.refusal import notice
from switchyard.gates.rules.reports import other_version, warn_image_rewritten
from switchyard.gates.rules.sizes import Sizing, planned
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.images import Running, configured_image, same_version, versions
from switchyard.kube.ingresses import routes_to, targets_of
from switchyard.kube.object_names import ObjectName
from switchyard.kube.objects import image_owners
from switchyard.kube.presence import missing, read_objects, report_not_created
from switchyard.kube.selectors import ready_pods
from switchyard.kube.shortage import running
from switchyard.manifests.inventory import objects_of
from switchyard.manifests.labels import FIELD_MANAGER, selector
from switchyard.manifests.weights import switched_by_weights, weighted_service

if TYPE_CHECKING:
    from switchyard.gates.rules.windows import OpenWindow
    from switchyard.release.record.latest import LatestRelease


@dataclass(frozen=True)
class TrackStatus:
    """The pods of one track: their images and number, and the number that the stack or an autoscaler wants.

    Attributes:
        configured: reference of the image that the stack has; None for a colour without a tag.
        wanted: number of pods that the stack or an autoscaler wants.
        ready: number of pods that are ready.
        running: images of the pods, the most frequent one first.
        owners: field managers that set the image of the Deployment or Rollout; only read if the pods run another image.
    """

    configured: str | None
    wanted: int
    ready: int
    running: tuple[Running, ...] = ()
    owners: frozenset[str] = frozenset()

    @property
    def tag(self) -> str | None:
        """Tags or digests of the pods that run; None without pods."""
        return versions(self.running) or None

    @property
    def as_configured(self) -> bool:
        """Whether as many pods as wanted are ready, all of the configured version."""
        return self.ready == self.wanted and all(
            self.configured is not None
            and same_version(image.reference, self.configured, ours=self.owners == {FIELD_MANAGER})
            for image in self.running
        )


@dataclass(frozen=True)
class ServiceStatus:
    """The status of one service: `configured` is the track in the settings, `serving` the one that the Service selects.

    Attributes:
        name: name of its objects in Kubernetes, with its key.
        ingress_targets: the Services that its Ingress sends requests to, where the load balancer has a target group for
            each colour; what AWS does with that is not asked here.
        notes: a sentence for each thing that is not as configured, or that somebody else has set.
        missing: objects of the service that do not exist.
        release: latest release of the service; None without a readable record.
        release_problem: why the record cannot be read; None if it can.
        frozen: open freeze window of the service; None without one.
    """

    name: ServiceName
    namespace: str
    engine: SwitchEngine
    configured: Track
    serving: Track | None
    tracks: Mapping[Track, TrackStatus]
    node_port: int | None
    simulated: bool
    ingress_targets: frozenset[str] | None = None
    to: str | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[ObjectName, ...] = ()
    release: "LatestRelease | None" = None
    release_problem: str | None = None
    frozen: "OpenWindow | None" = None

    @property
    def frozen_note(self) -> str | None:
        """The note that releases of the service are frozen; None if they are not."""
        return None if self.frozen is None else f"{key_of(self.name)}: releases are frozen: {self.frozen}"

    @property
    def release_note(self) -> str | None:
        """The note about a record that cannot be read; None without a problem."""
        return None if self.release_problem is None else f"{key_of(self.name)}: {self.release_problem}"

    @property
    def as_configured(self) -> bool:
        """Whether no object is missing, the configured track serves, and every track has its configured pods."""
        serves = (
            not self.missing
            and self.serving == self.configured
            and self.ingress_targets in {None, frozenset({self.to})}
        )
        return serves and all(track.as_configured for track in self.tracks.values())


async def inspect_services(
    access: ClusterAccess, services: Mapping[str, ServiceSettings], freezes: tuple[Freeze, ...] = ()
) -> list[ServiceStatus]:
    """Reads the state of every service, side by side. Raises `switchyard.errors.ClusterError`.

    Args:
        access: the cluster.
        services: services of the stack.
        freezes: the windows of the stack without releases.
    """
    cluster = await Cluster.connect(access)
    places = [(service.namespace, str(service.named(key))) for key, service in services.items()]
    statuses, releases = await asyncio.gather(_services(cluster, services), read_release_statuses(cluster.api, places))
    statuses = [_with_release(status, releases) for status in statuses]
    return await _with_windows(cluster, statuses, freezes) if freezes else statuses


async def _with_windows(
    cluster: Cluster, statuses: list[ServiceStatus], freezes: tuple[Freeze, ...]
) -> list[ServiceStatus]:
    from switchyard.gates.rules.windows import freezes_of, open_window  # noqa: PLC0415 - only where there are windows

    now = await cluster.api.date()
    return [
        replace(status, frozen=open_window(freezes_of(freezes, key_of(status.name)), now))
        if status.configured is not Track.ROLLOUT
        else status
        for status in statuses
    ]


async def _services(cluster: Cluster, services: Mapping[str, ServiceSettings]) -> list[ServiceStatus]:
    sizings = await read_sizings(cluster, services)
    reads = (_service(cluster, service.named(key), service, sizings[key]) for key, service in services.items())
    return list(await asyncio.gather(*reads))


def _with_release(status: ServiceStatus, releases: ReleaseStatuses) -> ServiceStatus:
    place = status.namespace, str(status.name)
    release = releases.latest.get(place)
    if release is not None and status.serving is not None:
        release = replace(release, serving=status.serving.value)
    return replace(status, release=release, release_problem=releases.problems.get(place))


async def _service(cluster: Cluster, name: ServiceName, service: ServiceSettings, sizing: Sizing) -> ServiceStatus:
    statuses = {track: await _track(cluster, name, service, track, sizing) for track in tracks(service)}
    behind = await cluster.endpoints(service.namespace, name)
    knows_colours = isinstance(service, BlueGreenSettings) and switched_by_weights(service)
    routes = routes_to(name, await cluster.ingresses(service.namespace)) if knows_colours else None
    missing_names = await _missing(cluster, name, service)
    notes = [report_not_created(key_of(name), missing_names)] if missing_names else []
    for track, status in statuses.items():
        notes += [note async for note in _notes(cluster, name, service, track, status)]
    return ServiceStatus(
        name=name,
        namespace=service.namespace,
        engine=service.engine,
        configured=service.track,
        serving=await cluster.serving_track(service.namespace, name),
        tracks=statuses,
        node_port=service.node_port,
        simulated=bool(await cluster.simulated({endpoint.node for endpoint in behind})),
        ingress_targets=None if routes is None else targets_of(routes),
        to=weighted_service(name, service) if isinstance(service, BlueGreenSettings) else None,
        missing=tuple(missing_names),
        notes=tuple(notes),
    )


async def _missing(cluster: Cluster, name: ServiceName, service: ServiceSettings) -> list[ObjectName]:
    """The missing objects of a service; empty when all are missing, which the table shows."""
    wanted = {ObjectName.of(manifest): str(manifest["apiVersion"]) for manifest in objects_of(name, service)}
    live = await read_objects(cluster.api, {name: version for name, version in wanted.items() if name is not None})
    missing_names = missing(live)
    return [] if len(missing_names) == len(live) else missing_names


async def _track(cluster: Cluster, name: str, service: ServiceSettings, track: Track, sizing: Sizing) -> TrackStatus:
    pods = await cluster.pods(service.namespace, selector(name, track))
    if isinstance(service, ArgoBlueGreenSettings):
        # Beside the version that serves there may be the next one, or the one before, with pods as ready.
        serving = ready_pods(await cluster.endpoints(service.namespace, name))
        pods = [pod for pod in pods if pod.name in serving]
    configured, ready, images = configured_image(service, track), sum(pod.ready for pod in pods), running(pods)
    owners = frozenset[str]()
    if other_version(name, service, track, images) is not None:
        with suppress(AccessDeniedError):  # without that permission, the rest is reported
            owner = await cluster.owner(service.namespace, name, track)
            owners = image_owners(owner) if owner else owners
    return TrackStatus(configured, planned(service, track, sizing).pods, ready, images, owners)


async def _notes(
    cluster: Cluster, name: str, service: ServiceSettings, track: Track, status: TrackStatus
) -> AsyncGenerator[str, None]:
    """Notes about the pods of a track."""
    if (problem := other_version(name, service, track, status.running, status.owners)) is not None:
        yield problem
    elif (note := warn_image_rewritten(name, service, track, status.running)) is not None:
        yield note
    if status.ready < status.wanted:
        missing = f"pods of {track}: {status.ready} of {status.wanted} ready"
        with suppress(AccessDeniedError):
            missing = str(await cluster.pods_report(service.namespace, name, track, status.wanted))
        yield notice(Code.PODS_NOT_READY, key_of(name), missing)


def tracks(service: ServiceSettings) -> tuple[Track, ...]:
    """The tracks that a service has under its strategy."""
    return (Track.ROLLOUT,) if service.track is Track.ROLLOUT else (Track.BLUE, Track.GREEN)
