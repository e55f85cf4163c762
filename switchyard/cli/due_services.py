"""Finds the services that `switchyard retire --due` has to read, by one list of records a namespace."""

from collections.abc import Mapping
from typing import Any

from switchyard.cli.service_releases import list_records
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.record.latest import latest_release
from switchyard.release.record.store import OUTBOX
from switchyard.release_errors import RecordUnreadableError


async def perhaps_due(access: ClusterAccess, services: Mapping[str, ServiceSettings]) -> list[str]:
    """The services that may have a release to be retired, or messages to be sent.

    Left out are those whose record says that no release runs and no message waits, as most records of a stack do. A
    service whose record is not in the list is read by itself, which says what is wrong with it.

    Args:
        access: the cluster of the stack.
        services: services that are released by the commands, by their keys.
    """
    places = {key: (service.namespace, str(service.named(key))) for key, service in services.items()}
    if not places:
        return []
    try:
        records, _ = await list_records((await Cluster.connect(access)).api, places.values())
    except ClusterError:
        return list(services)
    return [key for key, place in places.items() if place not in records or not _is_idle(records[place])]


def _is_idle(config_map: Mapping[str, Any]) -> bool:
    try:
        release = latest_release(config_map)
    except RecordUnreadableError:
        return False
    return OUTBOX not in (config_map.get("data") or {}) and (release is None or not release.record.running)
