"""What an engineer has to know of an object that is adopted: what else it belongs to, and what its clients lose."""

from collections.abc import Iterator, Mapping
from typing import Any

from switchyard.config.kubernetes import APPLICATIONS
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import ClusterError
from switchyard.gates.rules.addresses import lost_addresses, lost_sources
from switchyard.gates.rules.adopted_fields import kept_fields
from switchyard.gates.rules.ownership import warn_other_deployer
from switchyard.kube.api import BoundedApi
from switchyard.kube.object_names import ObjectName

LABEL_LENGTH = 63
"""Length of the value of a label, to which Argo CD cuts the name of an application."""


async def adoption_warnings(
    api: BoundedApi, service: str, name: ObjectName, live: Mapping[str, Any], new: Mapping[str, Any]
) -> list[str]:
    """Warnings of an object that existed before this stack and that the next write takes over.

    Args:
        api: the API server.
        service: key of the service that adopts the object.
        name: name of the object.
        live: the object, as the API server has it.
        new: the manifest that will be written.
    """
    warnings = [warn_other_deployer(service, name, live, await application_by_label(api, name, live))]
    if name.kind == "Service":
        own = ServiceName(name.name, service)
        warnings += [lost_addresses(own, live, dict(new)), lost_sources(own, live, dict(new))]
        warnings.append(kept_fields(own, name.namespace, live, new))
    return [warning for warning in warnings if warning is not None]


async def application_by_label(api: BoundedApi, name: ObjectName, live: Mapping[str, Any]) -> str | None:
    """The application of Argo CD that an object belongs to by a label with its name, and that lists the object.

    So does Argo CD mark its objects before 3.0, and later ones where it is configured so.
    The label alone proves nothing: by default it is `app.kubernetes.io/instance`, which charts of Helm set too. So the
    applications on this cluster are asked. None is known of an Argo CD on another cluster, of one whose applications
    cannot be listed, and of an application that has never been compared with the cluster.

    Args:
        api: the API server.
        name: name of the object.
        live: the object, as the API server has it.
    """
    labels = set((live["metadata"].get("labels") or {}).values())
    if not labels:
        return None
    try:
        listed = await api.find_all("applications", None, {}, APPLICATIONS)
    except ClusterError:
        return None  # the cluster has no Argo CD, or shows none: a warning must not end the update
    names = (
        item["metadata"]["name"]
        for item in listed["items"]
        if labels.intersection(_label_values(item)) and name in _resources(item)
    )
    return next(names, None)


def _label_values(application: Mapping[str, Any]) -> set[str]:
    """The values that the label of its objects may have: with its namespace where that is not Argo CD's own."""
    metadata = application["metadata"]
    values = (metadata["name"], f"{metadata['namespace']}_{metadata['name']}")
    return {value[:LABEL_LENGTH] for value in values}


def _resources(application: Mapping[str, Any]) -> Iterator[ObjectName]:
    for item in (application.get("status") or {}).get("resources") or ():
        yield ObjectName(item.get("group", ""), item["kind"], item.get("namespace", ""), item["name"])
