"""Reads the ConfigMaps and Secrets of services at the start of a program."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.config.commands import below, set_value
from switchyard.config.kubernetes import APPS, NETWORKING, ROLLOUTS
from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings, Track
from switchyard.config.references import Reference, tracked_references, untracked_references
from switchyard.config.types.values import image_reference
from switchyard.config.validation.service_names import SERVICES
from switchyard.errors import AccessDeniedError, ClusterError, ContentUnreadableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.blocking import run_blocking
from switchyard.kube.content_versions import (
    LiveTemplate,
    Wanted,
    annotation,
    colour_versions,
    live_template,
    missing_object,
    older_content,
    rollout_versions,
    version_of,
)
from switchyard.kube.ingresses import routes_to, targets_of
from switchyard.kube.selectors import serving_track
from switchyard.manifests.labels import colour_name
from switchyard.manifests.weights import switched_by_weights

METADATA_ONLY = {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
"""Header that requests metadata alone, so that no value of a Secret is ever received."""

ANY_JSON = {"accept": "application/json"}


@dataclass(frozen=True)
class Content:
    """The versions of ConfigMaps and Secrets in the pod templates of one service.

    Attributes:
        annotations: the value of the annotation, by track; none without references.
        warnings: lines for the engineer.
        known: whether the cluster could be read; otherwise the templates stay as they are.
    """

    annotations: Mapping[Track, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    known: bool = True


def read_content(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> dict[str, Content]:
    """Reads the ConfigMaps and Secrets that services refer to. Blocks the caller until the answer is there.

    Raises:
        ContentUnreadableError: the API server does not answer, or denies or refuses the request.
    """
    referring = {name: service for name, service in services.items() if _names_versions(service)}
    if not referring:
        return {}
    try:
        return run_blocking(_read_all(referring, access))
    except ClusterError as error:
        raise ContentUnreadableError(
            f"{', '.join(referring)}: ConfigMaps and Secrets could not be read: {error} "
            f"({ContentUnreadableError.code}). Nothing was changed. Check the API server, "
            "the kubeconfig and its permissions."
        ) from error


async def versions_now(api: BoundedApi, service: ServiceSettings, colour: Colour) -> dict[str, str]:
    """The present versions of the objects that the pods of a colour read, without missing objects.

    Args:
        api: the API server.
        service: the service's settings.
        colour: the colour of the pods.
    """
    references = tracked_references(service, Track(colour))
    answers = await asyncio.gather(*(_object(api, service, reference) for reference in references.values()))
    versions = {
        key: version_of(reference, answer) for (key, reference), answer in zip(references.items(), answers, strict=True)
    }
    return {key: version for key, version in versions.items() if version is not None}


def _tracked(service: ServiceSettings) -> dict[Track, dict[str, Reference]]:
    tracks = list(map(Track, Colour)) if isinstance(service, BlueGreenSettings) else [Track.ROLLOUT]
    return {track: tracked_references(service, track) for track in tracks}


def _names_versions(service: ServiceSettings) -> bool:
    """Whether the templates of a service name versions of objects, or may have done so before `contentHash: none`."""
    tracked = _tracked(service)
    if service.content_hash == "none":
        return any(untracked_references(service, track) for track in tracked)
    return any(tracked.values())


async def _read_all(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> dict[str, Content]:
    api = await access.api()
    contents = await asyncio.gather(*(_read_permitted(api, key, service) for key, service in services.items()))
    return dict(zip(services, contents, strict=True))


async def _read_permitted(api: BoundedApi, key: str, service: ServiceSettings) -> Content:
    try:
        return await _read(api, service.named(key), service)
    except AccessDeniedError as error:
        ignore = ""
        if service.content_hash != "none":
            command = set_value(f"{below(SERVICES, key)}.contentHash", "none")
            ignore = f", or ignore changes of ConfigMaps and Secrets, which replaces no pod: `{command}`"
        raise ContentUnreadableError(
            f"{key}: the user of the kubeconfig {error} ({ContentUnreadableError.code}). Nothing was changed. Grant it "
            f"(of a Secret only the metadata is read){ignore}."
        ) from error


async def _read(api: BoundedApi, name: str, service: ServiceSettings) -> Content:
    tracked = _tracked(service)
    references: dict[str, Reference] = {}
    for track_references in tracked.values():
        for key, reference in track_references.items():
            references[key] = reference.joined(references.get(key, reference))
    answers = await asyncio.gather(*(_object(api, service, reference) for reference in references.values()))
    objects = dict(zip(references, answers, strict=True))
    warnings = [
        missing_object(name, service.namespace, reference)
        for key, reference in references.items()
        if objects[key] is None and not reference.optional
    ]
    if isinstance(service, BlueGreenSettings):
        annotations = await _of_colours(api, name, service, tracked, objects, warnings)
    else:
        rollout = await _rollout(api, name, service)
        wanted = _wanted(service, Track.ROLLOUT, tracked[Track.ROLLOUT])
        versions = rollout_versions(wanted, _current(wanted, objects), live_template(rollout))
        annotations = {Track.ROLLOUT: annotation(versions)}
    return Content({track: text for track, text in annotations.items() if text is not None}, tuple(warnings))


async def _of_colours(
    api: BoundedApi,
    name: str,
    service: BlueGreenSettings,
    tracked: Mapping[Track, Mapping[str, Reference]],
    objects: Mapping[str, Mapping[str, Any] | None],
    warnings: list[str],
) -> dict[Track, str | None]:
    live: dict[Track, LiveTemplate | None] = {}
    for colour in Colour:
        deployment = await api.find("deployments", colour_name(name, colour), service.namespace, APPS)
        live[Track(colour)] = live_template(deployment)
    serving = await _serving(api, name, service)
    templates = [template for track in serving if (template := live.get(track)) is not None]
    annotations = {}
    for track, references in tracked.items():
        wanted, serves = _wanted(service, track, references), track in serving
        current = _current(wanted, objects)
        versions = colour_versions(wanted, current, live[track], templates, serves=serves)
        older = [key for key, version in versions.items() if wanted.active and current.get(key, version) != version]
        if older and not serves:
            warnings.append(older_content(name, track, older))
        annotations[track] = annotation(versions)
    return annotations


async def _serving(api: BoundedApi, name: str, service: BlueGreenSettings) -> set[Track]:
    """The tracks that take traffic now, by the selector of the Service and the weights of the load balancer."""
    live = await api.find("services", name, service.namespace)
    selected = serving_track(name, None if live is None else live["spec"].get("selector") or {})
    serving = set() if selected is None else {selected}
    if switched_by_weights(service):
        ingresses = (await api.find_all("ingresses", service.namespace, {}, NETWORKING))["items"]
        weighted = targets_of(routes_to(name, ingresses))
        serving |= {Track(colour) for colour in Colour if colour_name(name, colour) in weighted}
    return serving


async def _object(api: BoundedApi, service: ServiceSettings, reference: Reference) -> Mapping[str, Any] | None:
    resource = f"{reference.kind.lower()}s"
    accept = METADATA_ONLY if reference.kind == "Secret" else ANY_JSON
    observed: Mapping[str, Any] | None = await api.find(resource, reference.name, service.namespace, headers=accept)
    return observed


async def _rollout(api: BoundedApi, name: str, service: ServiceSettings) -> Mapping[str, Any] | None:
    rollout: Mapping[str, Any] | None = await api.find("rollouts", name, service.namespace, ROLLOUTS)
    return rollout


def _wanted(service: ServiceSettings, track: Track, references: Mapping[str, Reference]) -> Wanted:
    tag = service.tag if track is Track.ROLLOUT else service.colour(Colour(track)).tag
    image = image_reference(service.image, tag)
    untracked = untracked_references(service, track)
    return Wanted(references, image, service.replicas_of(track), track is service.track, untracked)


def _current(wanted: Wanted, objects: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    versions = {key: version_of(reference, objects[key]) for key, reference in wanted.references.items()}
    return {key: version for key, version in versions.items() if version is not None}
