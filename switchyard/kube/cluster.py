"""Reads the facts from a live cluster on which the gates decide."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Self

import httpx

from switchyard.config.kubernetes import (
    DISCOVERY,
    ISTIO,
    KUBE_PROXY_HEALTH_PORT,
    NAMESPACE_ACTIVE,
    NETWORKING,
    ROLLOUT_POD_TEMPLATE_HASH,
    ROLLOUTS,
    SERVICE_OF_SLICE,
    TARGETS,
)
from switchyard.config.models.service import Track
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import MERGE_PATCH, BoundedApi, ProxyAnswer, ProxyRequest, is_status
from switchyard.kube.kube_proxy import HEALTH_PATHS, Routing, routing_of
from switchyard.kube.objects import Endpoint, endpoints_of, targets_of
from switchyard.kube.pods import SIMULATED, PodsReader
from switchyard.kube.selectors import serving_track
from switchyard.manifests.labels import FIELD_MANAGER, object_labels
from switchyard.manifests.pods import PORT

PAUSED_FOR = "switchyard/held-for"
"""Annotation of a Rollout that this program has paused. Without it a person paused the Rollout, and it stays paused."""


class Cluster(PodsReader):
    """A live cluster, read through its API server. Calls are bounded, and raise `switchyard.errors.ClusterError`."""

    @property
    def api(self) -> BoundedApi:
        """The API server's client."""
        return self._api

    @classmethod
    async def connect(cls, access: ClusterAccess) -> Self:
        """The cluster by the client of this run. Raises `switchyard.errors.ClusterError`."""
        return cls(await access.api())

    async def namespace_phase(self, namespace: str) -> str | None:
        """The phase of a namespace, Active or Terminating; None when it does not exist."""
        live = await self._api.find("namespaces", namespace)
        return None if live is None else str((live.get("status") or {}).get("phase") or NAMESPACE_ACTIVE)

    async def service_selector(self, namespace: str, service: str) -> Mapping[str, str] | None:
        """The selector of a Service, empty if it has none; None when the Service does not exist."""
        live = await self._api.find("services", service, namespace)
        return None if live is None else live["spec"].get("selector") or {}

    async def select(self, namespace: str, service: str, labels: Mapping[str, str]) -> None:
        """Replaces the selector of a Service, under the field manager of the stack's own updates."""
        await self._api.ask(
            "patch",
            "services",
            service,
            namespace,
            params={"fieldManager": FIELD_MANAGER},
            headers={"content-type": "application/json-patch+json"},
            content=json.dumps([{"op": "replace", "path": "/spec/selector", "value": dict(labels)}]),
        )

    async def service_spec(self, namespace: str, service: str) -> Mapping[str, Any]:
        """The specification of a Service; empty when the Service does not exist."""
        live = await self._api.find("services", service, namespace)
        return {} if live is None else dict(live["spec"])

    async def service_targets(self, namespace: str, service: str) -> dict[str, int | str]:
        """The ports of pods that a Service targets, by the names of its ports; empty when it does not exist."""
        live = await self._api.find("services", service, namespace)
        return {} if live is None else targets_of(live)

    async def serving_track(self, namespace: str, service: str) -> Track | None:
        """The track that a Service selects; None when it does not exist or selects no track."""
        return serving_track(service, await self.service_selector(namespace, service))

    async def endpoints(self, namespace: str, service: str) -> frozenset[Endpoint]:
        """All endpoints of a Service, ready or not, from all its EndpointSlices."""
        slices, _ = await self._slices(namespace, service)
        return endpoints_of(slices.values())

    async def watch_endpoints(self, namespace: str, service: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        """Watches the endpoints of a Service: yields them now and at every change, without end."""
        while True:
            slices, version = await self._slices(namespace, service)
            yield endpoints_of(slices.values())
            watch = self._api.watch("endpointslices", namespace, _of(service), DISCOVERY, since=version)
            async with aclosing(watch):
                async for event in watch:
                    if event["type"] == "ERROR":
                        break  # the version is too old for a watch: list again
                    name = event["object"]["metadata"]["name"]
                    if event["type"] == "DELETED":
                        slices.pop(name, None)
                    else:
                        slices[name] = event["object"]
                    yield endpoints_of(slices.values())

    async def has_argo_rollouts(self, namespace: str) -> bool:
        """Whether the CustomResourceDefinitions (CRDs) of Argo Rollouts are installed."""
        return await self._api.knows("rollouts", namespace, ROLLOUTS)

    async def has_istio(self, namespace: str) -> bool:
        """Whether the CustomResourceDefinitions (CRDs) of Istio are installed."""
        return await self._api.knows("virtualservices", namespace, ISTIO)

    async def virtual_service(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A VirtualService of Istio; None when it does not exist, or its CRD is not installed."""
        return await self._api.find("virtualservices", name, namespace, ISTIO)

    async def ingresses(self, namespace: str) -> list[dict[str, Any]]:
        """The Ingresses of a namespace."""
        items: list[dict[str, Any]] = (await self._api.find_all("ingresses", namespace, {}, NETWORKING))["items"]
        return items

    async def target_groups(self, namespace: str) -> dict[str, str]:
        """The name of the Service of each target group of the load balancer, by the ARN of the group."""
        if not await self._api.knows("targetgroupbindings", namespace, TARGETS):
            return {}
        bindings = await self._api.find_all("targetgroupbindings", namespace, {}, TARGETS)
        specs = [item["spec"] for item in bindings["items"]]
        return {spec["targetGroupARN"]: spec["serviceRef"]["name"] for spec in specs if spec.get("targetGroupARN")}

    async def promote(self, namespace: str, name: str) -> None:
        """Promotes a Rollout fully: it skips its remaining steps, as with ``kubectl argo rollouts promote --full``."""
        await self._patch_rollout(namespace, f"{name}/status", {"status": {"promoteFull": True}})

    async def pause_rollout(self, namespace: str, name: str) -> None:
        """Pauses a Rollout, so that its controller changes no Service, and marks that this program did so."""
        change = {"metadata": {"annotations": {PAUSED_FOR: "strategy-migration"}}, "spec": {"paused": True}}
        await self._patch_rollout(namespace, name, change)

    async def resume_rollout(self, namespace: str, name: str) -> None:
        """Resumes a Rollout that `pause_rollout` has paused."""
        change = {"metadata": {"annotations": {PAUSED_FOR: None}}, "spec": {"paused": None}}
        await self._patch_rollout(namespace, name, change)

    async def _patch_rollout(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        await self._api.ask(
            "patch",
            "rollouts",
            name,
            namespace,
            ROLLOUTS,
            params={"fieldManager": FIELD_MANAGER},
            headers=MERGE_PATCH,
            content=json.dumps(change),
        )

    async def watch_rollout(self, namespace: str, name: str) -> AsyncGenerator[dict[str, Any], None]:
        """Watches a Rollout: yields it now, if it exists, and at every change, without end."""
        labels = object_labels(name)
        while True:
            listed = await self._api.find_all("rollouts", namespace, labels, ROLLOUTS)
            for item in listed["items"]:
                yield item
            watch = self._api.watch("rollouts", namespace, labels, ROLLOUTS, listed["metadata"]["resourceVersion"])
            async with aclosing(watch):
                async for event in watch:
                    if event["type"] == "ERROR":
                        break  # the version is too old for a watch: list again
                    yield event["object"]

    async def analysis_runs(self, namespace: str, pod_hash: str) -> list[dict[str, Any]]:
        """The AnalysisRuns of one version, oldest first."""
        listed = await self._api.find_all("analysisruns", namespace, {ROLLOUT_POD_TEMPLATE_HASH: pod_hash}, ROLLOUTS)
        return sorted(listed["items"], key=lambda item: str(item["metadata"]["creationTimestamp"]))

    async def get_from_pod(self, namespace: str, pod: str, port: int, request: ProxyRequest) -> ProxyAnswer:
        """Sends one GET to a pod through the API server's proxy.

        Args:
            namespace: namespace of the pod.
            pod: name of the pod.
            port: number of the pod's port, because the API server resolves no port names here.
            request: what is asked.
        """
        return await self._api.get_through_proxy("pods", namespace, f"{pod}:{port}", request)

    async def get_from_service(self, namespace: str, service: str, request: ProxyRequest) -> ProxyAnswer:
        """Sends one GET to a ready endpoint of a Service through the API server's proxy."""
        return await self._api.get_through_proxy("services", namespace, f"{service}:{PORT}", request)

    async def routing(self, timeout: float) -> list[Routing]:
        """Asks the kube-proxy of each node for its health; simulated nodes are left out.

        A node without a pod of a service still routes to it the requests of its own pods, and those to its node port.

        Args:
            timeout: seconds within which each kube-proxy must answer.
        """
        nodes = await self._nodes({})
        answers = await asyncio.gather(*(self._kube_proxy(node["metadata"]["name"], timeout) for node in nodes))
        return [routing_of(node, answer) for node, answer in zip(nodes, answers, strict=True)]

    async def ready_nodes(self, labels: Mapping[str, str]) -> list[str]:
        """The names of the nodes with these labels that are Ready; simulated nodes are left out."""
        return [node["metadata"]["name"] for node in await self._nodes(labels) if routing_of(node, None).ready]

    async def _nodes(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        listed = (await self._api.find_all("nodes", None, labels))["items"]
        return [node for node in listed if SIMULATED not in node["metadata"].get("annotations", {})]

    async def _kube_proxy(self, node: str, timeout: float) -> int | None:
        status = None
        for path in HEALTH_PATHS:
            try:
                answer = await self._api.get_through_proxy(
                    "nodes", None, f"{node}:{KUBE_PROXY_HEALTH_PORT}", ProxyRequest(path, timeout)
                )
            except AccessDeniedError:
                raise
            except ClusterError:
                return None
            # The API server itself answers 503, with a Status, when it does not reach the node's kube-proxy.
            if is_status(answer):
                return None
            status = answer.status
            if status != httpx.codes.NOT_FOUND:
                break
        return status

    async def _slices(self, namespace: str, service: str) -> tuple[dict[str, Any], str]:
        listed = await self._api.find_all("endpointslices", namespace, _of(service), DISCOVERY)
        return {item["metadata"]["name"]: item for item in listed["items"]}, listed["metadata"]["resourceVersion"]


def _of(service: str) -> dict[str, str]:
    return {SERVICE_OF_SLICE: service}
