"""Reads the numbers of pods that autoscalers set, and scales a track up to the pods that it needs to serve."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from switchyard.config.kubernetes import APPS, AUTOSCALING, METRICS, ROLLOUTS
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.gates.rules.sizes import Sizing, of_service
from switchyard.kube.api import MERGE_PATCH
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Endpoint
from switchyard.kube.polling import watch_until
from switchyard.kube.selectors import ready_pods, serving_track
from switchyard.manifests.autoscaling import scale_target
from switchyard.manifests.labels import FIELD_MANAGER, selector, track_service_name


async def read_sizings(cluster: Cluster, services: Mapping[str, ServiceSettings]) -> dict[str, Sizing]:
    """Reads the numbers of pods of every service, with one list of autoscalers for each namespace.

    Raises:
        switchyard.errors.ClusterError: the cluster does not answer. That autoscalers of a namespace may not be listed
            is no error unless a service in it asks for one.
    """
    namespaces = sorted({service.namespace for service in services.values()})
    with_autoscaler = {service.namespace for service in services.values() if service.autoscaling is not None}
    lists = await asyncio.gather(
        *(autoscalers(cluster, namespace, needed=namespace in with_autoscaler) for namespace in namespaces)
    )
    items = dict(zip(namespaces, lists, strict=True))
    reads = (
        read_sizing(cluster, service.named(key), service, items[service.namespace]) for key, service in services.items()
    )
    return dict(zip(services, await asyncio.gather(*reads), strict=True))


async def autoscalers(cluster: Cluster, namespace: str, *, needed: bool = True) -> list[dict[str, Any]]:
    """The HorizontalPodAutoscalers of a namespace.

    Args:
        cluster: the cluster.
        namespace: the namespace.
        needed: whether a missing permission to list them is an error; else there are none.
    """
    try:
        listed = await cluster.api.find_all("horizontalpodautoscalers", namespace, {}, AUTOSCALING)
    except AccessDeniedError:
        if needed:
            raise
        return []
    items: list[dict[str, Any]] = listed["items"]
    return items


async def read_sizing(cluster: Cluster, name: str, service: ServiceSettings, items: list[dict[str, Any]]) -> Sizing:
    """Reads the numbers of pods of one service; an empty `Sizing` where no autoscaler sizes it.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        items: the autoscalers of its namespace.
    """
    sizing, track = Sizing(autoscalers=of_service(name, items)), service.track
    tracks = (track,) if track is Track.ROLLOUT else (Track.BLUE, Track.GREEN)
    if sizing.own is None and not any(sizing.sizes(service, sized) for sized in tracks):
        return sizing
    numbers = await asyncio.gather(*(replicas(cluster, service.namespace, name, sized) for sized in tracks))
    serving_pods = ready_pods(await cluster.endpoints(service.namespace, name))
    own = await cluster.pods(service.namespace, selector(name, track))
    return Sizing(
        autoscalers=sizing.autoscalers,
        live={sized: number for sized, number in zip(tracks, numbers, strict=True) if number is not None},
        serving=serving_track(name, await cluster.service_selector(service.namespace, name)),
        behind=len(serving_pods),
        serving_ready=len(serving_pods.difference(pod.name for pod in own)),
    )


async def replicas(cluster: Cluster, namespace: str, name: str, track: Track) -> int | None:
    """Replicas in the specification of a track's workload; None when it does not exist."""
    resource, version = _resource(track)
    workload = await cluster.api.find(resource, str(scale_target(name, track)["name"]), namespace, version)
    return None if workload is None else int(workload["spec"].get("replicas", 1))


async def has_metrics(cluster: Cluster, namespace: str) -> bool:
    """Whether something serves the metrics that an autoscaler measures by."""
    try:
        return await cluster.api.knows("pods", namespace, METRICS)
    except AccessDeniedError:
        return True  # the API exists, and denies it to this user
    except ApiStatusError:
        return False  # the API is registered, and what should serve it does not answer


async def warm(cluster: Cluster, name: str, service: ServiceSettings, to: Track, wanted: int) -> int | None:
    """Scales a track up to a number of pods, and waits a bounded time until they are ready. Never scales down.

    The write goes to the scale subresource, as an autoscaler's, under the field manager of this program.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        to: the track.
        wanted: ready pods that it needs.

    Returns:
        The number of pods before, when the track was scaled up; None when it had enough.
    """
    previous = await replicas(cluster, service.namespace, name, to)
    if previous is None or previous >= wanted:
        return None
    resource, version = _resource(to)
    await cluster.api.ask(
        "patch",
        resource,
        f"{scale_target(name, to)['name']}/scale",
        service.namespace,
        version,
        params={"fieldManager": FIELD_MANAGER},
        headers=MERGE_PATCH,
        content=json.dumps({"spec": {"replicas": wanted}}),
    )

    async def enough(endpoints: frozenset[Endpoint]) -> bool:
        return len(ready_pods(endpoints)) >= wanted

    watch = cluster.watch_endpoints(service.namespace, track_service_name(name, to))
    await watch_until(watch, enough, service.ready_timeout_seconds)
    return previous


def _resource(track: Track) -> tuple[str, str]:
    return ("rollouts", ROLLOUTS) if track is Track.ROLLOUT else ("deployments", APPS)
