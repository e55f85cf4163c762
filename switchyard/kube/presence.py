"""Checks that the objects of a stack exist on the cluster and carry the mark of the stack.

The engine compares settings with its own record, and does not read an object whose settings do not change. So nothing
shows that an object was deleted until a pod needs it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.errors import AccessDeniedError
from switchyard.kube.api import BoundedApi
from switchyard.kube.mark_owner import described, is_own, marked_by, restore_command
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.labels import FIELD_MANAGER, MANAGED
from switchyard.manifests.ownership_marks import Mark, mark_of

LiveObjects = Mapping[ObjectName, Mapping[str, Any] | None]
"""Objects on the cluster; None for an object that does not exist. Unreadable objects are left out."""


async def read_objects(api: BoundedApi, wanted: Mapping[ObjectName, str]) -> LiveObjects:
    """Reads objects, with one list for each kind and namespace. Raises `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        wanted: group and version of the API, by the name of the object.
    """
    groups: dict[tuple[str, str, str], list[ObjectName]] = {}
    for name, version in wanted.items():
        groups.setdefault((name.resource, name.namespace, version), []).append(name)
    answers = await asyncio.gather(*(_read_kind(api, *key, names) for key, names in groups.items()))
    return {name: live for answer in answers for name, live in answer.items()}


async def _read_kind(
    api: BoundedApi, resource: str, namespace: str, version: str, names: Sequence[ObjectName]
) -> dict[ObjectName, Mapping[str, Any] | None]:
    listed: dict[str, Mapping[str, Any]] = {}
    if len(names) > 1 and namespace:
        with suppress(AccessDeniedError):  # who may not list them may still get each
            items = (await api.find_all(resource, namespace, MANAGED, version))["items"]
            listed = {item["metadata"]["name"]: item for item in items}
    objects: dict[ObjectName, Mapping[str, Any] | None] = {}
    for name in names:
        # An object that has lost its label is not in the list, and exists nevertheless.
        with suppress(AccessDeniedError):
            live = listed.get(name.name)
            objects[name] = live or await api.find(resource, name.name, namespace or None, version)
    return objects


def missing(objects: LiveObjects) -> list[ObjectName]:
    """The objects that do not exist."""
    return sorted(name for name, live in objects.items() if live is None)


def report_missing(key: str, names: Sequence[ObjectName]) -> str:
    """Reports objects of a service that no longer exist, which an update without a refresh does not create."""
    verb, pronoun = _number(names)
    return (
        f"{key}: {_listed(names)} {verb} not on the cluster, though the stack has {pronoun} ({Code.OBJECT_MISSING}). "
        f"An update without a refresh does not create {pronoun} again: {typed('pulumi up --refresh')}"
    )


def report_not_created(key: str, names: Sequence[ObjectName]) -> str:
    """Reports missing objects of a service where it is not known whether the stack has created them yet."""
    verb, pronoun = _number(names)
    return (
        f"{key}: {_listed(names)} {verb} not on the cluster: deleted by hand, or not created yet "
        f"({Code.OBJECT_MISSING}). `{typed('pulumi up --refresh')}` creates {pronoun}."
    )


def report_other_mark(key: str, objects: LiveObjects, own: Mark, former: Mark | None) -> str | None:
    """Reports objects of a service with the mark of another stack; None when there are none.

    Args:
        key: key of the service.
        objects: objects of the service.
        own: the mark of this stack.
        former: mark of the stack that this one took over from; None for none.
    """
    foreign = {
        name: (owner, live)
        for name, live in sorted(objects.items(), key=lambda entry: entry[0])
        if live and (owner := mark_of(live)) and not is_own(owner, own, former, known=True)
    }
    if not foreign:
        return None
    whose = "; ".join(f"{name} is marked as that of {described(owner, own)}" for name, (owner, _) in foreign.items())
    writers = sorted({writer for _, live in foreign.values() for writer in marked_by(live, own)} - {FIELD_MANAGER})
    setter = f" (by {', '.join(writers)})" if writers else ""
    commands = " && ".join(restore_command(name, own) for name in foreign)
    return (
        f"{key}: {whose}{setter} ({Code.MARK_CHANGED}). Until that is repaired, every change of it is refused, a "
        "switch or a rollback too. "
        f"If the mark was changed by hand, restore it: {commands}"
    )


async def drift_of(
    api: BoundedApi, services: Mapping[str, Mapping[ObjectName, str]], own: Mark, former: Mark | None
) -> list[str]:
    """Reports objects that are missing or have the mark of another stack. Raises `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        services: objects by the key of their service, with the version of their API.
        own: the mark of this stack.
        former: mark of the stack that this one took over from; None for none.
    """
    everything = await read_objects(
        api, {name: version for part in services.values() for name, version in part.items()}
    )
    reports: list[str | None] = []
    for key, objects in services.items():
        live = {name: everything[name] for name in objects if name in everything}
        if missing_names := missing(live):
            reports.append(report_missing(key, missing_names))
        reports.append(report_other_mark(key, live, own, former))
    return [line for line in reports if line]


def _number(names: Sequence[ObjectName]) -> tuple[str, str]:
    """The verb and the pronoun for one object, or for several."""
    return ("is", "it") if len(names) == 1 else ("are", "them")


def _listed(names: Iterable[ObjectName]) -> str:
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last
