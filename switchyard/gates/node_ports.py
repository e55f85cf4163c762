"""Reads the Services of the cluster once at the start of a run, for the rules about node ports."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from switchyard.errors import AccessDeniedError
from switchyard.kube.api import BoundedApi


async def list_services(api: BoundedApi, namespaces: Collection[str]) -> list[dict[str, Any]]:
    """The Services of the cluster, or of the given namespaces if the user may not list all."""
    everywhere = await _listed(api, None)
    if everywhere is not None:
        return everywhere
    lists = await asyncio.gather(*(_listed(api, namespace) for namespace in sorted(namespaces)))
    return [item for listed in lists for item in listed or ()]


async def _listed(api: BoundedApi, namespace: str | None) -> list[dict[str, Any]] | None:
    """The Services of one or all namespaces; None if the user may not list them."""
    with suppress(AccessDeniedError):
        items: list[dict[str, Any]] = (await api.find_all("services", namespace, {}))["items"]
        return items
    return None
