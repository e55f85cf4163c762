"""Changes the selector of a Service in the same way as the provider's server-side apply.

An apply by a field manager removes every field that the manager applied before and does not send again. This module
therefore sends all fields of the manager, read from `metadata.managedFields`, with another selector. The next update of
the stack then finds its own fields under its own manager, and has nothing to change.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from switchyard.kube.api import BoundedApi
from switchyard.manifests.labels import FIELD_MANAGER
from switchyard.manifests.pods import Manifest

APPLY = "Apply"
"""The operation of a server-side apply in `managedFields`; all others are called Update."""

_FIELD, _KEY, _VALUE, _ITSELF = "f:", "k:", "v:", "."
"""How a path in `fieldsV1` begins: a field, an item of a list by its keys, an item of a set, and the value itself."""


def applied_fields(live: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Manifest:
    """The fields that a field manager has applied to an object, with their present values.

    Args:
        live: the object, as the API server has it.
        manager: the field manager.

    Returns:
        The fields; empty if the manager has applied nothing, for example after a restore of a backup.
    """
    entries = (live.get("metadata") or {}).get("managedFields") or []
    fields: dict[str, Any] = {}
    for entry in entries:
        if (entry.get("manager"), entry.get("operation")) == (manager, APPLY) and not entry.get("subresource"):
            fields |= entry.get("fieldsV1") or {}
    extracted = _extracted(fields, live) if fields else {}
    return extracted if isinstance(extracted, dict) else {}


def with_selector(live: Mapping[str, Any], labels: Mapping[str, str]) -> Manifest:
    """The object to apply so that only the selector of a Service changes.

    It carries the version of the object that was read, so that the API server rejects it when anybody has changed the
    Service since.

    Args:
        live: the Service, as the API server has it.
        labels: the new selector.
    """
    applied, metadata = applied_fields(live), live["metadata"]
    name = {key: metadata[key] for key in ("name", "namespace", "resourceVersion")}
    return {
        **applied,
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**applied.get("metadata", {}), **name},
        "spec": {**applied.get("spec", {}), "selector": dict(labels)},
    }


async def apply_selector(api: BoundedApi, live: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Changes the selector of a Service to these labels, and returns the changed Service.

    Args:
        api: the API server.
        live: the Service as it was read, including `managedFields`.
        labels: the new selector.

    Raises:
        switchyard.errors.ApiStatusError: status 409 when somebody has changed the Service since it was read.
        switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
    """
    return await apply(api, "services", with_selector(live, labels))


async def apply(api: BoundedApi, resource: str, manifest: Manifest, *, dry_run: bool = False) -> dict[str, Any]:
    """Applies the fields of the program's field manager, and returns the changed object.

    Args:
        api: the API server.
        resource: plural name of the kind.
        manifest: all fields of the manager, with the version of the object that was read.
        dry_run: whether the API server only says what it would answer.

    Raises:
        switchyard.errors.ApiStatusError: status 409 when somebody has changed the object since it was read.
        switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
    """
    changed: dict[str, Any] = await api.ask(
        "patch",
        resource,
        manifest["metadata"]["name"],
        manifest["metadata"]["namespace"],
        manifest["apiVersion"],
        # By force, as the provider applies: a value set by hand is replaced.
        params={"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {}),
        headers={"content-type": "application/apply-patch+yaml"},  # JSON is YAML
        content=json.dumps(manifest),
    )
    return changed


def _extracted(fields: Mapping[str, Any], live: Any) -> Any:
    """The part of a value that a set of fields names. An empty set names the whole value."""
    below = {key: value for key, value in fields.items() if key != _ITSELF}
    if not below:
        return live
    if isinstance(live, Mapping):
        present = [(key.removeprefix(_FIELD), value) for key, value in below.items() if key.startswith(_FIELD)]
        return {name: _extracted(value, live[name]) for name, value in present if name in live}
    if isinstance(live, Sequence) and not isinstance(live, str):
        return [item for key, value in below.items() for item in _items(key, value, live)]
    return live


def _items(key: str, fields: Mapping[str, Any], live: Sequence[Any]) -> list[Any]:
    """The items of a list that a path names, always with their keys."""
    if key.startswith(_VALUE):
        value = json.loads(key.removeprefix(_VALUE))
        return [item for item in live if item == value]
    if not key.startswith(_KEY):
        return []
    keys: dict[str, Any] = json.loads(key.removeprefix(_KEY))
    named = [item for item in live if isinstance(item, Mapping) and keys.items() <= item.items()]
    return [{**keys, **_extracted(fields, item)} for item in named]
