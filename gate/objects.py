"""What the gates see of a cluster, and how it is read from objects of the API: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HASH = "pod-template-hash"
"""Label that the Deployment controller gives a ReplicaSet and its pods: one value for each pod template."""

ROLLOUT_HASH = "rollouts-pod-template-hash"
"""The same of a Rollout's."""

READY = "ready"
"""The state of a pod that takes traffic."""


@dataclass(frozen=True)
class Endpoint:
    """One pod behind a Service, as an EndpointSlice shows it."""

    pod: str
    node: str
    ready: bool


@dataclass(frozen=True)
class Pod:
    """One pod: whether it is ready, and in words how it is."""

    name: str
    ready: bool
    state: str


@dataclass(frozen=True)
class RunningPod:
    """What a pod runs, and of which track it is."""

    name: str
    version: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class PodsChange:
    """What an apply would do to the pods of a Deployment that is there.

    Attributes:
        template: whether every pod is replaced.
        before: replicas asked for now.
        after: replicas asked for from then on.
    """

    template: bool
    before: int
    after: int

    @property
    def takes_pods(self) -> bool:
        """Whether any pod goes."""
        return self.template or self.after < self.before

    def lost(self, ready: int) -> int:
        """How many of so many ready pods go; Kubernetes takes first those that are not ready."""
        return ready if self.template else max(0, ready - self.after)


def endpoints_of(slices: Iterable[Mapping[str, Any]]) -> frozenset[Endpoint]:
    """The pods in EndpointSlices, ready or not, each once."""
    return frozenset(
        Endpoint(
            pod=endpoint["targetRef"]["name"],
            node=endpoint.get("nodeName", ""),
            ready=bool(endpoint.get("conditions", {}).get("ready")),
        )
        for item in slices
        for endpoint in item.get("endpoints") or []
        if endpoint.get("targetRef", {}).get("kind") == "Pod"
    )


def pods_of(pods: Iterable[Mapping[str, Any]]) -> list[Pod]:
    """The pods of a list, those that are being deleted left out."""
    return [
        Pod(name=pod["metadata"]["name"], ready=pod_state(pod) == READY, state=pod_state(pod))
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
    ]


def running_pods(pods: Iterable[Mapping[str, Any]]) -> list[RunningPod]:
    """What the pods of a list run, those that are being deleted left out."""
    return [
        RunningPod(
            name=pod["metadata"]["name"],
            version=pod["metadata"].get("labels", {}).get("version", ""),
            images=tuple(container["image"] for container in pod["spec"]["containers"]),
        )
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
    ]


def current_pods(
    deployment: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]
) -> frozenset[str]:
    """Names of the pods made from a Deployment's present template; empty until its controller has made any.

    The ReplicaSet is found as the controller finds it, by an equal template. The Deployment's own counts are no
    help: they lag behind its template.
    """
    wanted = deployment["spec"]["template"]
    hashes = {
        item["metadata"]["labels"].get(HASH)
        for item in replica_sets
        if _without_hash(item["spec"]["template"]) == _without_hash(wanted)
    }
    return frozenset(pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"].get(HASH) in hashes - {None})


def rollout_pods(rollout: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of the pods made from a Rollout's present template; empty until its controller has seen it."""
    status = rollout.get("status", {})
    if status.get("observedGeneration") != str(rollout["metadata"]["generation"]):
        return frozenset()
    wanted = status.get("currentPodHash")
    return frozenset(
        pod["metadata"]["name"] for pod in pods if wanted and pod["metadata"]["labels"].get(ROLLOUT_HASH) == wanted
    )


def pods_change(live: Mapping[str, Any], applied: Mapping[str, Any]) -> PodsChange:
    """What becomes of the pods when a Deployment turns from one state into the other, both as the API server has them.

    Both have every default filled in by the same server, so that what differs is a change.
    """
    return PodsChange(
        template=live["spec"]["template"] != applied["spec"]["template"],
        before=live["spec"]["replicas"],
        after=applied["spec"]["replicas"],
    )


def pod_state(pod: Mapping[str, Any]) -> str:
    """How a pod is, in the words of Kubernetes: ready, or the nearest cause why it is not."""
    status = pod.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return READY
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


def _without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}
