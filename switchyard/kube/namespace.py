"""Reads the objects of a namespace that decide which pods serve."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from switchyard.config.kubernetes import CORE, DISCOVERY, GATEWAY, ISTIO, NETWORKING
from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.records import Record
from switchyard.kube.serving import NamespaceView, object_serves, pods_of_others, service_serves, users_services

MOST_NAMED = 3
"""Number of pods that a reason names."""


async def read_namespace(api: BoundedApi, namespace: str) -> NamespaceView:
    """Reads the Services of a namespace, their endpoints and pods, and the objects that route to them."""

    async def items(resource: str, version: str = CORE) -> tuple[Mapping[str, Any], ...]:
        return tuple((await api.find_all(resource, namespace, {}, version))["items"])

    async def of_known(resource: str, version: str) -> tuple[Mapping[str, Any], ...]:
        try:
            return await items(resource, version)
        except AccessDeniedError:
            return ()  # a user who may not see objects of a router has none to route by
        except ApiStatusError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return ()  # the cluster does not know the kind
            raise

    return NamespaceView(
        services=await items("services"),
        slices=await items("endpointslices", DISCOVERY),
        pods=await items("pods"),
        ingresses=await items("ingresses", NETWORKING),
        routes=await of_known("virtualservices", ISTIO),
        gateway_routes=(*await of_known("httproutes", GATEWAY), *await of_known("grpcroutes", GATEWAY)),
    )


async def reason_to_keep(api: BoundedApi, record: Record, live: Mapping[str, Any], *, whole: bool) -> str | None:
    """The reason why an object serves, or with `whole` why its service serves; None if it does not."""
    name = record.name
    view = await read_namespace(api, name.namespace) if name.namespace else NamespaceView()
    return service_serves(record.service, view) if whole else object_serves(name, live, view)


async def reason_to_keep_namespace(api: BoundedApi, namespace: str) -> str | None:
    """What else than the Helm release of its name runs in the namespace of an add-on; None for nothing."""
    view = await read_namespace(api, namespace)
    others = pods_of_others(view, namespace)
    return next(iter(users_services(view).values()), None) or ", ".join(others[:MOST_NAMED]) or None
