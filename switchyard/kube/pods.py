"""Reads pods and their owners: Deployments, Rollouts, ReplicaSets, and their events and nodes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from switchyard.config.kubernetes import APPS, CORE, ROLLOUTS
from switchyard.config.models.service import Colour, Track
from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.objects import (
    Pod,
    PodsChange,
    RunningPod,
    as_kept,
    current_pods,
    pods_change,
    pods_of,
    rollout_pods,
    running_pods,
)
from switchyard.kube.pod_states import STARTING, UNREADY, has_ended
from switchyard.kube.shortage import PodsReport, report
from switchyard.manifests.labels import FIELD_MANAGER, MANAGED, colour_name, selector
from switchyard.manifests.pods import Manifest

SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of a node whose kubelet is simulated: its pods turn Ready without running."""

ASKED_EVENTS = 3
"""Number of pods whose events are read: pods with the same cause have the same events."""


class PodsReader:
    """The reads of a live cluster that concern pods. Calls raise `switchyard.errors.ClusterError`."""

    def __init__(self, api: BoundedApi) -> None:
        self._api = api

    async def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
        """The pods with these labels, without pods that are being deleted."""
        return pods_of((await self._api.find_all("pods", namespace, labels))["items"])

    async def watch_pod_names(self, namespace: str, labels: Mapping[str, str]) -> AsyncGenerator[frozenset[str], None]:
        """Watches the pods with these labels: yields their names now and at every change, without end.

        Pods that are being deleted are among them until they are gone. Pods that have ended, as by an eviction, are
        left out.
        """
        while True:
            listed = await self._api.find_all("pods", namespace, labels)
            names = {item["metadata"]["name"] for item in listed["items"] if not has_ended(item)}
            yield frozenset(names)
            watch = self._api.watch("pods", namespace, labels, CORE, listed["metadata"]["resourceVersion"])
            async with aclosing(watch):
                async for event in watch:
                    if event["type"] == "ERROR":
                        break  # the version is too old for a watch: list again
                    pod = event["object"]
                    change = names.discard if event["type"] == "DELETED" or has_ended(pod) else names.add
                    change(pod["metadata"]["name"])
                    yield frozenset(names)

    async def running_pods(self, namespace: str, labels: Mapping[str, str]) -> list[RunningPod]:
        """The images of the pods with these labels, without pods that are being deleted."""
        return running_pods((await self._api.find_all("pods", namespace, labels))["items"])

    async def current_pods(self, namespace: str, service: str, track: Track) -> frozenset[str]:
        """Names of the pods of a track's present template, without those of earlier templates."""
        owner = await self.owner(namespace, service, track)
        if owner is None:
            return frozenset()
        labels = selector(service, track)
        sets = [] if track is Track.ROLLOUT else await self._replica_sets(namespace, labels)
        return _current(track, owner, sets, (await self._api.find_all("pods", namespace, labels))["items"])

    async def owner(self, namespace: str, service: str, track: Track) -> dict[str, Any] | None:
        """The Deployment or the Rollout of a track; None when it does not exist."""
        if track is Track.ROLLOUT:
            return await self.rollout(namespace, service)
        return await self._api.find("deployments", colour_name(service, Colour(track)), namespace, APPS)

    async def own_deployments(self, namespace: str) -> list[dict[str, Any]]:
        """The Deployments of a namespace that this program has created."""
        items: list[dict[str, Any]] = (await self._api.find_all("deployments", namespace, MANAGED, APPS))["items"]
        return items

    async def own_rollouts(self, namespace: str) -> list[dict[str, Any]]:
        """The Rollouts of a namespace that this program has created; none where the CRD is not installed."""
        if not await self._api.knows("rollouts", namespace, ROLLOUTS):
            return []
        items: list[dict[str, Any]] = (await self._api.find_all("rollouts", namespace, MANAGED, ROLLOUTS))["items"]
        return items

    async def rollout(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Rollout of Argo Rollouts; None when it does not exist, or its CRD is not installed."""
        return await self._api.find("rollouts", name, namespace, ROLLOUTS)

    async def pods_report(self, namespace: str, service: str, track: Track, wanted: int) -> PodsReport:
        """The state of the pods of a track, and why pods are missing.

        Args:
            namespace: namespace of the service.
            service: name of the service.
            track: the track of the pods.
            wanted: pods that the stack wants.
        """
        owner, labels = await self.owner(namespace, service, track), selector(service, track)
        sets = await self._replica_sets(namespace, labels)
        listed = (await self._api.find_all("pods", namespace, labels))["items"]
        pods = await self._with_events(namespace, await self._with_nodes(pods_of(listed)))
        current = frozenset[str]() if owner is None else _current(track, owner, sets, listed)
        return report(track, wanted, owner, sets, pods, current)

    async def warning(self, namespace: str, kind: str, name: str) -> str | None:
        """The last warning event of an object, or None; the API server keeps events for an hour."""
        fields = {"involvedObject.kind": kind, "involvedObject.name": name, "type": "Warning"}
        selected = ",".join(f"{key}={value}" for key, value in fields.items())
        events = await self._api.ask("list", "events", "", namespace, params={"fieldSelector": selected})
        last = max(events["items"], key=_time_of, default=None)
        return None if last is None else f"{last['reason']}: {last['message']}"

    async def pods_change(self, manifest: Manifest, *, kept: bool = False) -> PodsChange | None:
        """The effect of applying a Deployment on its live pods; None if the Deployment does not exist.

        The API server computes it, in a dry run of the apply that the provider would send. The engine's
        own record does not suffice: it may be lost, new, or older than a change by hand.

        Args:
            manifest: the Deployment as the stack has it.
            kept: whether its pod template is left as it is on the cluster.
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
            content=json.dumps(as_kept(manifest, live) if kept else manifest),
        )
        return pods_change(live, applied, None if kept else manifest)

    async def simulated(self, nodes: Collection[str]) -> frozenset[str]:
        """The nodes whose kubelet is simulated."""
        live = await asyncio.gather(*(self._api.find("nodes", node) for node in nodes))
        return frozenset(
            name
            for name, node in zip(nodes, live, strict=True)
            if node is not None and SIMULATED in node["metadata"].get("annotations", {})
        )

    async def _replica_sets(self, namespace: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self._api.find_all("replicasets", namespace, labels, APPS))["items"]
        return items

    async def _with_nodes(self, pods: Iterable[Pod]) -> list[Pod]:
        """The pods, with the state of the node for pods that are not ready on a node that is not Ready."""
        pods, lost = list(pods), dict[str, str]()
        for node in sorted({pod.node for pod in pods if not pod.ready and pod.node}):
            with suppress(AccessDeniedError, ApiStatusError):  # a node may be deleted, or this user may not read it
                conditions = (await self._api.ask("get", "nodes", node))["status"].get("conditions", ())
                for condition in conditions:
                    if condition["type"] == "Ready" and condition["status"] != "True":
                        lost[node] = f"on node {node}, which is not Ready ({condition.get('reason')})"
        return [replace(pod, state=lost[pod.node]) if not pod.ready and pod.node in lost else pod for pod in pods]

    async def _with_events(self, namespace: str, pods: Iterable[Pod]) -> list[Pod]:
        """The pods, with the last warning event if the state of a pod does not show the cause."""
        pods, explained = list(pods), dict[str, str]()
        for pod in [pod for pod in pods if pod.state in STARTING | {UNREADY}][:ASKED_EVENTS]:
            if pod.state in explained:
                continue
            with suppress(AccessDeniedError):  # without the permission to read events, the rest is reported
                if (warning := await self.warning(namespace, "Pod", pod.name)) is not None:
                    explained[pod.state] = f"{pod.state} ({' '.join(warning.split())})"
        return [replace(pod, state=explained.get(pod.state, pod.state)) for pod in pods]


def _current(
    track: Track,
    owner: Mapping[str, Any],
    replica_sets: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
) -> frozenset[str]:
    return rollout_pods(owner, pods) if track is Track.ROLLOUT else current_pods(owner, replica_sets, pods)


def _time_of(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime") or "")
