"""Reads the few things of a live cluster that the gates decide on."""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from typing import Any, Self

from gate.access import UNREACHABLE, ClusterAccess
from gate.api import (
    APPS,
    DISCOVERY,
    ISTIO,
    NETWORKING,
    ROLLOUTS,
    TARGETS,
    AccessDeniedError,
    BoundedApi,
    ProxyAnswer,
    ProxyRequest,
    is_status,
)
from gate.decisions import serving_track
from gate.objects import (
    ROLLOUT_HASH,
    Endpoint,
    Pod,
    PodsChange,
    RunningPod,
    current_pods,
    endpoints_of,
    pods_change,
    pods_of,
    rollout_pods,
    running_pods,
)
from gate.routing import HEALTH_PATH, HEALTH_PORT, Routing, routing_of
from render.labels import FIELD_MANAGER, colour_name, object_labels, selector
from render.pods import PORT, Manifest
from settings.service import Colour, Track

SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of a node whose kubelet is simulated: its pods turn Ready without running."""

HELD = "switchyard/held-for"
"""Annotation of a Rollout that this program has paused: one without it was paused by a human, and stays so."""


class Cluster:
    """A live cluster, read through its API server. Calls are bounded, and raise one of `UNREACHABLE`."""

    def __init__(self, api: BoundedApi) -> None:
        self._api = api

    @classmethod
    async def connect(cls, access: ClusterAccess) -> Self:
        """Opens a client and asks the API server for its version."""
        try:
            return cls(await access.api())
        except ValueError as error:
            context = f", context {access.context}" if access.context else ""
            raise ConnectionError(
                f"no way to a cluster in kubeconfig {access.kubeconfig or '(the default one)'}{context}: {error}"
            ) from error

    async def namespace_exists(self, namespace: str) -> bool:
        """Whether there is such a namespace."""
        return await self._api.find("namespaces", namespace) is not None

    async def service_selector(self, namespace: str, service: str) -> Mapping[str, str] | None:
        """What the Service selects right now, nothing if it has no selector; None without the Service."""
        found = await self._api.find("services", service, namespace)
        return None if found is None else found["spec"].get("selector") or {}

    async def select(self, namespace: str, service: str, labels: Mapping[str, str]) -> None:
        """Has the Service select these labels, and no other, as an update of the stack would."""
        await self._api.ask(
            "patch",
            "services",
            service,
            namespace,
            params={"fieldManager": FIELD_MANAGER},
            headers={"content-type": "application/json-patch+json"},
            content=json.dumps([{"op": "replace", "path": "/spec/selector", "value": dict(labels)}]),
        )

    async def service_ports(self, namespace: str, service: str, name: str | None = None) -> tuple[int, ...]:
        """The ports of the Service, or those of one name; none without it."""
        found = await self._api.find("services", service, namespace)
        ports = [] if found is None else found["spec"].get("ports", [])
        return tuple(port["port"] for port in ports if name in {None, port.get("name")})

    async def serving_track(self, namespace: str, service: str) -> Track | None:
        """The track that the Service selects right now; None without the Service or a track in it."""
        return serving_track(service, await self.service_selector(namespace, service))

    async def endpoints(self, namespace: str, service: str) -> frozenset[Endpoint]:
        """All endpoints of a Service, ready or not, over all its EndpointSlices."""
        slices, _ = await self._slices(namespace, service)
        return endpoints_of(slices.values())

    async def watch_endpoints(self, namespace: str, service: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        """Yields the endpoints of a Service now and at every change, without end."""
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

    async def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
        """The pods with these labels, those that are being deleted left out."""
        return pods_of((await self._api.find_all("pods", namespace, labels))["items"])

    async def running_pods(self, namespace: str, labels: Mapping[str, str]) -> list[RunningPod]:
        """What the pods with these labels run, those that are being deleted left out."""
        return running_pods((await self._api.find_all("pods", namespace, labels))["items"])

    async def current_pods(self, namespace: str, service: str, track: Track) -> frozenset[str]:
        """Names of the pods of a track's present template; those of earlier ones are left out."""
        labels = selector(service, track)
        if track is Track.ROLLOUT:
            rollout = await self.rollout(namespace, service)
            pods = await self._api.find_all("pods", namespace, labels)
            return rollout_pods(rollout, pods["items"]) if rollout else frozenset()
        found = await self._api.find("deployments", colour_name(service, Colour(track)), namespace, APPS)
        if found is None:
            return frozenset()
        replica_sets = await self._api.find_all("replicasets", namespace, labels, APPS)
        pods = await self._api.find_all("pods", namespace, labels)
        return current_pods(found, replica_sets["items"], pods["items"])

    async def has_argo_rollouts(self, namespace: str) -> bool:
        """Whether the definitions of Argo Rollouts are there."""
        return await self._api.knows("rollouts", namespace, ROLLOUTS)

    async def has_istio(self, namespace: str) -> bool:
        """Whether the definitions of Istio are there."""
        return await self._api.knows("virtualservices", namespace, ISTIO)

    async def virtual_service(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A VirtualService of Istio; None when there is none, or no such kind of object."""
        return await self._api.find("virtualservices", name, namespace, ISTIO)

    async def ingresses(self, namespace: str) -> list[dict[str, Any]]:
        """The Ingresses of a namespace."""
        found: list[dict[str, Any]] = (await self._api.find_all("ingresses", namespace, {}, NETWORKING))["items"]
        return found

    async def target_groups(self, namespace: str) -> dict[str, str]:
        """The Services of a namespace that have target groups of the load balancer, by the ARN of each group."""
        if not await self._api.knows("targetgroupbindings", namespace, TARGETS):
            return {}
        found = await self._api.find_all("targetgroupbindings", namespace, {}, TARGETS)
        specs = [item["spec"] for item in found["items"]]
        return {spec["targetGroupARN"]: spec["serviceRef"]["name"] for spec in specs if spec.get("targetGroupARN")}

    async def warning(self, namespace: str, kind: str, name: str) -> str | None:
        """What was said last of an object as a warning; events are kept for an hour."""
        fields = {"involvedObject.kind": kind, "involvedObject.name": name, "type": "Warning"}
        selected = ",".join(f"{key}={value}" for key, value in fields.items())
        found = await self._api.ask("list", "events", "", namespace, params={"fieldSelector": selected})
        last = max(found["items"], key=lambda event: str(event.get("lastTimestamp") or ""), default=None)
        return None if last is None else f"{last['reason']}: {last['message']}"

    async def rollout(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Rollout of Argo Rollouts; None when there is none, or no such kind of object."""
        return await self._api.find("rollouts", name, namespace, ROLLOUTS)

    async def promote(self, namespace: str, name: str) -> None:
        """Lets a Rollout skip all steps that it has left, as ``kubectl argo rollouts promote --full`` does."""
        await self._patch_rollout(namespace, f"{name}/status", {"status": {"promoteFull": True}})

    async def hold_rollout(self, namespace: str, name: str) -> None:
        """Has the controller leave the Services of a Rollout alone, and marks who asked for it."""
        change = {"metadata": {"annotations": {HELD: "hand-over"}}, "spec": {"paused": True}}
        await self._patch_rollout(namespace, name, change)

    async def release_rollout(self, namespace: str, name: str) -> None:
        """Takes back what `hold_rollout` did."""
        change = {"metadata": {"annotations": {HELD: None}}, "spec": {"paused": None}}
        await self._patch_rollout(namespace, name, change)

    async def _patch_rollout(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        await self._api.ask(
            "patch",
            "rollouts",
            name,
            namespace,
            ROLLOUTS,
            params={"fieldManager": FIELD_MANAGER},
            headers={"content-type": "application/merge-patch+json"},
            content=json.dumps(change),
        )

    async def watch_rollout(self, namespace: str, name: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yields a Rollout now, if it is there, and at every change, without end."""
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
        """The AnalysisRuns on one version, oldest first."""
        listed = await self._api.find_all("analysisruns", namespace, {ROLLOUT_HASH: pod_hash}, ROLLOUTS)
        return sorted(listed["items"], key=lambda item: str(item["metadata"]["creationTimestamp"]))

    async def pods_change(self, manifest: Manifest) -> PodsChange | None:
        """What applying a Deployment would do to the pods of the one that is there; None when there is none.

        The API server itself says so, in a dry run of the very apply that the provider would send. The engine's
        own record is no help: it may be lost, new, or older than what somebody did by hand.
        """
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        live = await self._api.find("deployments", name, namespace, APPS)
        if live is None:
            return None
        applied = await self._api.ask(
            "patch",
            "deployments",
            name,
            namespace,
            APPS,
            params={"dryRun": "All", "fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"content-type": "application/apply-patch+yaml"},  # JSON is YAML
            content=json.dumps(manifest),
        )
        return pods_change(live, applied)

    async def simulated(self, nodes: Collection[str]) -> frozenset[str]:
        """Those of the nodes whose kubelet is simulated."""
        found = set()
        for node in nodes:
            if SIMULATED in (await self._api.ask("get", "nodes", node))["metadata"].get("annotations", {}):
                found.add(node)
        return frozenset(found)

    async def get_from_pod(self, namespace: str, pod: str, port: int, request: ProxyRequest) -> ProxyAnswer:
        """Sends one GET to a pod, by way of the API server.

        Args:
            namespace: of the pod.
            pod: its name.
            port: its port, as a number, because the API server resolves no names here.
            request: what is asked.
        """
        return await self._api.get_through_proxy("pods", namespace, f"{pod}:{port}", request)

    async def get_from_service(self, namespace: str, service: str, request: ProxyRequest) -> ProxyAnswer:
        """Sends one GET to a ready endpoint of a Service, by way of the API server; else as `get_from_pod`."""
        return await self._api.get_through_proxy("services", namespace, f"{service}:{PORT}", request)

    async def routing(self, labels: Mapping[str, str], timeout: float) -> list[Routing]:
        """What kube-proxy says on the nodes with these labels, the simulated ones left out.

        Args:
            labels: of the nodes that take traffic.
            timeout: seconds that each is given to answer.
        """
        listed = (await self._api.find_all("nodes", None, labels))["items"]
        nodes = [node for node in listed if SIMULATED not in node["metadata"].get("annotations", {})]
        answers = await asyncio.gather(*(self._kube_proxy(node["metadata"]["name"], timeout) for node in nodes))
        return [routing_of(node, answer) for node, answer in zip(nodes, answers, strict=True)]

    async def _kube_proxy(self, node: str, timeout: float) -> int | None:
        try:
            answer = await self._api.get_through_proxy(
                "nodes", None, f"{node}:{HEALTH_PORT}", ProxyRequest(HEALTH_PATH, timeout)
            )
        except AccessDeniedError:
            raise
        except UNREACHABLE:
            return None
        # The API server itself answers 503, in words of its own, when it reaches nobody there.
        return None if is_status(answer) else answer.status

    async def _slices(self, namespace: str, service: str) -> tuple[dict[str, Any], str]:
        listed = await self._api.find_all("endpointslices", namespace, _of(service), DISCOVERY)
        return {item["metadata"]["name"]: item for item in listed["items"]}, listed["metadata"]["resourceVersion"]


def _of(service: str) -> dict[str, str]:
    return {"kubernetes.io/service-name": service}
