"""Reads the few things of a live cluster that the gates decide on."""

import json
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import kr8s
import kr8s.asyncio

from gate.decisions import Endpoint
from render.blue_green import PORT
from settings.service import Colour

SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of a node whose kubelet is simulated: its pods turn Ready without running."""

UNREACHABLE = (httpx.HTTPError, kr8s.APITimeoutError, kr8s.ServerError, OSError)
"""What a call to the API server may raise when there is no answer, or none that helps."""


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach a cluster.

    Attributes:
        kubeconfig: path of a kubeconfig file; None takes kubectl's own default.
        context: context in that file; None takes its current one.
    """

    kubeconfig: str | None = None
    context: str | None = None

    def problem(self) -> str | None:
        """Why this leads to no cluster, as far as this machine can tell; None if nothing speaks against it.

        The provider takes a path that does not exist for the text of a kubeconfig, and previews go on as if
        all was well.
        """
        if self.kubeconfig is None or Path(self.kubeconfig).is_file():
            return None
        return (
            f"switchyard:cluster.kubeconfig: {self.kubeconfig!r}: there is no such file, nothing was changed. "
            "Name the kubeconfig of a cluster that runs; for the sandbox: make up"
        )


@dataclass(frozen=True)
class ProxyAnswer:
    """What an HTTP request through the API server's service proxy brought back."""

    status: int
    body: str


class Cluster:
    """A live cluster, read through its API server. Calls raise one of `UNREACHABLE`."""

    def __init__(self, api: kr8s.asyncio.Api) -> None:
        self._api = api

    @classmethod
    async def connect(cls, access: ClusterAccess) -> Self:
        """Opens a client and asks the API server for its version."""
        try:
            return cls(await kr8s.asyncio.api(kubeconfig=access.kubeconfig, context=access.context))
        except ValueError as error:
            context = f", context {access.context}" if access.context else ""
            raise ConnectionError(
                f"no way to a cluster in kubeconfig {access.kubeconfig or '(the default one)'}{context}: {error}"
            ) from error

    async def serving_colour(self, namespace: str, service: str) -> Colour | None:
        """The colour that the Service selects right now; None without the Service or a colour in it."""
        async with self._api.call_api(
            "GET", namespace=namespace, url=f"services/{service}", raise_for_status=False
        ) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            response.raise_for_status()
            selected = (response.json()["spec"].get("selector") or {}).get("version")
        return Colour(selected) if selected in list(Colour) else None

    async def endpoints(self, namespace: str, service: str) -> frozenset[Endpoint]:
        """All endpoints of a Service, ready or not, over all its EndpointSlices."""
        slices, _ = await self._slices(namespace, service)
        return _merged(slices)

    async def watch_endpoints(self, namespace: str, service: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        """Yields the endpoints of a Service now and at every change, without end."""
        while True:
            slices, version = await self._slices(namespace, service)
            yield _merged(slices)
            async with self._api.call_api(
                "GET",
                version="discovery.k8s.io/v1",
                namespace=namespace,
                url="endpointslices",
                params=_of(service) | {"watch": "true", "resourceVersion": version},
                stream=True,
            ) as response:
                async for line in response.aiter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break  # the version is too old for a watch: list again
                    name = event["object"]["metadata"]["name"]
                    if event["type"] == "DELETED":
                        slices.pop(name, None)
                    else:
                        slices[name] = event["object"]
                    yield _merged(slices)

    async def pod_states(self, namespace: str, labels: Mapping[str, str]) -> list[str]:
        """Says of each pod with these labels, the ones being deleted left out, how it is."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        async with self._api.call_api(
            "GET", namespace=namespace, url="pods", params={"labelSelector": selector}
        ) as response:
            pods = response.json()["items"]
        return [pod_state(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    async def simulated(self, nodes: Collection[str]) -> frozenset[str]:
        """Those of the nodes whose kubelet is simulated."""
        found = set()
        for node in nodes:
            async with self._api.call_api("GET", url=f"nodes/{node}") as response:
                if SIMULATED in response.json()["metadata"].get("annotations", {}):
                    found.add(node)
        return frozenset(found)

    async def get_through_proxy(self, namespace: str, service: str, path: str, timeout: float) -> ProxyAnswer:
        """Sends one GET to a ready endpoint of a Service, by way of the API server.

        Args:
            namespace: of the Service.
            service: its name.
            path: path and query of the request, from the first slash on.
            timeout: seconds for the whole request.
        """
        async with self._api.call_api(
            "GET",
            namespace=namespace,
            url=f"services/{service}:{PORT}/proxy{path}",
            raise_for_status=False,
            timeout=timeout,
            follow_redirects=False,
        ) as response:
            return ProxyAnswer(response.status_code, response.text)

    async def _slices(self, namespace: str, service: str) -> tuple[dict[str, Any], str]:
        async with self._api.call_api(
            "GET",
            version="discovery.k8s.io/v1",
            namespace=namespace,
            url="endpointslices",
            params=_of(service),
        ) as response:
            listed = response.json()
        return {item["metadata"]["name"]: item for item in listed["items"]}, listed["metadata"]["resourceVersion"]


def pod_state(pod: Mapping[str, Any]) -> str:
    """How a pod is, in the words of Kubernetes: ready, or the nearest cause why it is not."""
    status = pod.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return "ready"
    for container in status.get("containerStatuses", []):
        state = container.get("state", {})
        for kind in ("waiting", "terminated"):
            if state.get(kind, {}).get("reason"):
                return f"{state[kind]['reason']} ({container['restartCount']} restarts)"
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason')}: {scheduled.get('message')}"
    if status.get("phase") == "Running":
        return "running, but its readiness probe does not succeed"
    return str(status.get("phase", "Unknown"))


def _of(service: str) -> dict[str, str]:
    return {"labelSelector": f"kubernetes.io/service-name={service}"}


def _merged(slices: dict[str, Any]) -> frozenset[Endpoint]:
    return frozenset(
        Endpoint(
            pod=endpoint["targetRef"]["name"],
            node=endpoint.get("nodeName", ""),
            ready=bool(endpoint.get("conditions", {}).get("ready")),
        )
        for item in slices.values()
        for endpoint in item.get("endpoints") or []
        if endpoint.get("targetRef", {}).get("kind") == "Pod"
    )
