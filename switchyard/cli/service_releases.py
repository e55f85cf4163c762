"""Reads the latest release of each service: one list of ConfigMaps, and of Leases where a release runs, a namespace.

The modules of a release are imported only where there is a record, so that no other stack waits for them.
"""

# ruff: noqa: PLC0415

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from switchyard.config.kubernetes import COORDINATION, CORE
from switchyard.errors import AccessDeniedError, with_code
from switchyard.kube.api import BoundedApi
from switchyard.manifests.labels import MANAGED, record_name
from switchyard.release_errors import RecordUnreadableError

if TYPE_CHECKING:
    from switchyard.release.record.latest import LatestRelease

ServiceLocation = tuple[str, str]
"""A namespace, and the name of a service in it."""


@dataclass(frozen=True)
class ReleaseStatuses:
    """The latest releases in the records of a stack's services.

    Attributes:
        latest: the latest release of each service that has one.
        problems: reason why a record cannot be read, by the key of the service.
    """

    latest: "Mapping[ServiceLocation, LatestRelease]" = field(default_factory=dict)
    problems: Mapping[ServiceLocation, str] = field(default_factory=dict)


async def read_release_statuses(api: BoundedApi, places: Iterable[ServiceLocation]) -> ReleaseStatuses:
    """Reads the latest release of each service. A missing permission is a problem of each service, not an error.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    config_maps, denied = await list_records(api, places)
    problems = {
        place: with_code(error.code, f"its releases are not shown: this user {error}")
        for place, error in denied.items()
    }
    latest = await _latest(api, config_maps, problems) if config_maps else {}
    return ReleaseStatuses(latest, problems)


async def list_records(
    api: BoundedApi, places: Iterable[ServiceLocation]
) -> tuple[dict[ServiceLocation, Mapping[str, Any]], dict[ServiceLocation, AccessDeniedError]]:
    """The ConfigMap with the record of each service that has one, and where the user may not list them.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    services = list(places)
    namespaces = sorted({namespace for namespace, _ in services})
    lists = await asyncio.gather(*(_own(api, "configmaps", namespace, CORE) for namespace in namespaces))
    by_namespace = dict(zip(namespaces, lists, strict=True))
    config_maps: dict[ServiceLocation, Mapping[str, Any]] = {}
    denied: dict[ServiceLocation, AccessDeniedError] = {}
    for place in services:
        answer = by_namespace[place[0]]
        if isinstance(answer, AccessDeniedError):
            denied[place] = answer
        elif (config_map := answer.get(record_name(place[1]))) is not None:
            config_maps[place] = config_map
    return config_maps, denied


async def _latest(
    api: BoundedApi, config_maps: Mapping[ServiceLocation, Mapping[str, Any]], problems: dict[ServiceLocation, str]
) -> "Mapping[ServiceLocation, LatestRelease]":
    from switchyard.release.record.latest import latest_release

    latest: dict[ServiceLocation, LatestRelease] = {}
    for place, config_map in config_maps.items():
        try:
            release = latest_release(config_map)
        except RecordUnreadableError as error:
            problems[place] = with_code(error.code, str(error))
            continue
        if release is not None:
            latest[place] = release
    running = [place for place, release in latest.items() if release.record.running]
    return {**latest, **await _attended(api, {place: latest[place] for place in running})} if running else latest


async def _attended(
    api: BoundedApi, running: "Mapping[ServiceLocation, LatestRelease]"
) -> "Mapping[ServiceLocation, LatestRelease]":
    """The running releases, each with whether a command runs it."""
    from dataclasses import replace

    from switchyard.kube.clock import ServerClock
    from switchyard.release.record.latest import living_holder

    namespaces = sorted({namespace for namespace, _ in running})
    clock, *lists = await asyncio.gather(
        ServerClock.ask(api), *(_own(api, "leases", namespace, COORDINATION) for namespace in namespaces)
    )
    by_namespace, now = dict(zip(namespaces, lists, strict=True)), clock.now()
    releases = {}
    for place, release in running.items():
        answer = by_namespace[place[0]]
        if isinstance(answer, AccessDeniedError):
            releases[place] = replace(release, attended=None)
            continue
        holder = living_holder(answer.get(record_name(place[1])), now)
        attended = None if holder is not None and holder.is_ahead(now) else holder is not None
        releases[place] = replace(release, attended=attended, holder=holder)
    return releases


async def _own(
    api: BoundedApi, resource: str, namespace: str, version: str
) -> Mapping[str, Mapping[str, Any]] | AccessDeniedError:
    """This program's objects of one kind in a namespace by name, or why they may not be listed."""
    try:
        items = (await api.find_all(resource, namespace, MANAGED, version))["items"]
    except AccessDeniedError as error:
        return error
    return {item["metadata"]["name"]: item for item in items}
