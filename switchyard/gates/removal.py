"""Deletes objects by their UID, after a check of namespaces, and marks objects as adopted."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from switchyard.errors import AccessDeniedError, ApiStatusError, GateRefusedError, RejectedError
from switchyard.gates.base import raise_refusal
from switchyard.gates.rules.addons import refuse_namespace_in_use
from switchyard.gates.rules.deletion import refuse_failed_deletion, refuse_unfinished_deletion
from switchyard.kube.api import MERGE_PATCH, BoundedApi
from switchyard.kube.namespace import reason_to_keep_namespace
from switchyard.kube.object_names import ObjectName
from switchyard.kube.records import Record

GONE_SECONDS = 120
"""How long the guard waits until an object that it deleted is gone, s. Without finalizers that is immediate."""

ADOPTION_MANAGER = "switchyard-adoption"
"""Field manager of the annotation that marks an object as adopted, so that applies of the engine keep it."""


async def annotate(api: BoundedApi, name: ObjectName, version: str, values: Mapping[str, str | None]) -> None:
    """Sets annotations of an object, or removes them where the value is None."""
    await api.ask(
        "patch",
        name.resource,
        name.name,
        name.namespace or None,
        version,
        params={"fieldManager": ADOPTION_MANAGER},
        headers=MERGE_PATCH,
        content=json.dumps({"metadata": {"annotations": dict(values)}}),
    )


async def check_namespace(api: BoundedApi, namespace: str) -> None:
    """Checks before the namespace of an add-on is deleted, and everything in it.

    Raises:
        GateRefusedError: other pods than those of the add-on run in it.
    """
    raise_refusal(refuse_namespace_in_use(namespace, await reason_to_keep_namespace(api, namespace)))


async def delete(api: BoundedApi, record: Record, live: Mapping[str, Any]) -> None:
    """Deletes the object with this UID and no other, and waits until it is gone."""
    name, uid = record.name, live["metadata"]["uid"]
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid},
        "propagationPolicy": "Background",
    }
    try:
        await api.ask(
            "delete",
            name.resource,
            name.name,
            name.namespace or None,
            record.version,
            headers={"content-type": "application/json"},
            content=json.dumps(options),
        )
    except (ApiStatusError, AccessDeniedError, RejectedError) as error:
        if not await _is_there(api, record, uid):
            return
        raise GateRefusedError(str(refuse_failed_deletion(name, f"{error} ({error.code})"))) from error
    labels = live["metadata"].get("labels") or {}
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while await _is_there(api, record, uid):
                listed = await api.find_all(name.resource, name.namespace or None, labels, record.version)
                if uid not in {item["metadata"]["uid"] for item in listed["items"]}:
                    return
                watch = api.watch(
                    name.resource, name.namespace or None, labels, record.version, listed["metadata"]["resourceVersion"]
                )
                async with aclosing(watch):
                    async for event in watch:
                        if event["type"] in {"DELETED", "ERROR"}:
                            break
    except TimeoutError:
        raise GateRefusedError(str(refuse_unfinished_deletion(name, GONE_SECONDS))) from None


async def _is_there(api: BoundedApi, record: Record, uid: str) -> bool:
    name = record.name
    live = await api.find(name.resource, name.name, name.namespace or None, record.version)
    return live is not None and live["metadata"]["uid"] == uid
