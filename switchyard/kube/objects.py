"""Endpoints, pods and changes of pods, read from objects of the API: pure functions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.kubernetes import POD_TEMPLATE_HASH, RESTARTED_AT, ROLLOUT_POD_TEMPLATE_HASH
from switchyard.config.models.pod_settings import CONTAINER
from switchyard.kube.differences import ABSENT, Difference, differences, managers
from switchyard.kube.images import digest_of
from switchyard.kube.pod_states import READY, pod_state
from switchyard.manifests.labels import FIELD_MANAGER, RENEWED_AT


@dataclass(frozen=True)
class Endpoint:
    """One pod behind a Service, as an EndpointSlice shows it."""

    pod: str
    node: str
    ready: bool


@dataclass(frozen=True)
class Pod:
    """One pod.

    Attributes:
        name: name of the pod.
        ready: whether the pod takes traffic.
        state: text that says that the pod is ready, or why it is not.
        image: reference of the application's image in the pod.
        digest: digest of the image that the runtime has pulled; None while it is not known.
        node: name of the pod's node; empty before it is scheduled.
    """

    name: str
    ready: bool
    state: str
    image: str = ""
    digest: str | None = None
    node: str = ""


@dataclass(frozen=True)
class RunningPod:
    """The images of a pod, and its track."""

    name: str
    version: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class PodsChange:
    """What an apply would do to the pods of a live Deployment.

    Attributes:
        template: whether every pod is replaced.
        before: replicas before the apply.
        after: replicas after the apply.
        fields: differences of the template, without secret values.
    """

    template: bool
    before: int
    after: int
    fields: tuple[str, ...] = ()

    @property
    def takes_pods(self) -> bool:
        """Whether any pod is removed or replaced."""
        return self.template or self.after < self.before

    def lost(self, ready: int) -> int:
        """Number of the given ready pods that are removed. Kubernetes first removes pods that are not ready."""
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
    """The pods of a list, without pods that are being deleted."""
    return [_pod(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def running_pods(pods: Iterable[Mapping[str, Any]]) -> list[RunningPod]:
    """The images of the pods of a list, without pods that are being deleted."""
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
    """Names of the pods of a Deployment's current template; empty until its controller has created any.

    The ReplicaSet is found as the controller finds it, by an equal template. The Deployment's own counts are no
    help: they lag behind its template. While pods are replaced by a renewal or by `kubectl rollout restart`, there are
    two, both of the same version.
    """
    wanted = deployment["spec"]["template"]
    hashes = {
        item["metadata"]["labels"].get(POD_TEMPLATE_HASH)
        for item in replica_sets
        if _without_hash(item["spec"]["template"]) == _without_hash(wanted)
    }
    return frozenset(
        pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"].get(POD_TEMPLATE_HASH) in hashes - {None}
    )


def rollout_pods(rollout: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of the pods of a Rollout's current template; empty until its controller has observed it."""
    status = rollout.get("status", {})
    if status.get("observedGeneration") != str(rollout["metadata"]["generation"]):
        return frozenset()
    wanted = status.get("currentPodHash")
    return frozenset(
        pod["metadata"]["name"]
        for pod in pods
        if wanted and pod["metadata"]["labels"].get(ROLLOUT_POD_TEMPLATE_HASH) == wanted
    )


def as_kept(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The Deployment that the provider sends if the pod template stays as it is on the cluster."""
    return {**manifest, "spec": {**manifest["spec"], "template": live["spec"]["template"]}}


def pods_change(
    live: Mapping[str, Any], applied: Mapping[str, Any], manifest: Mapping[str, Any] | None = None
) -> PodsChange:
    """The change of the pods between two states of a Deployment, both as the API server has them.

    Both have every default filled in by the same server, so that what differs is a change.

    Args:
        live: the Deployment before the apply.
        applied: the Deployment after the apply.
        manifest: the Deployment that was sent; the cluster's admission has rewritten fields that differ from it.
    """
    before, after = live["spec"]["template"], applied["spec"]["template"]
    asked = differences(manifest["spec"]["template"], after) if manifest else []
    rewritten = {difference.path for difference in asked if difference.before is not ABSENT}
    return PodsChange(
        template=before != after,
        before=live["spec"]["replicas"],
        after=applied["spec"]["replicas"],
        fields=tuple(_described(difference, live, rewritten) for difference in differences(before, after)),
    )


def _described(difference: Difference, live: Mapping[str, Any], rewritten: Collection[str]) -> str:
    """The difference as text, with its field manager if that is not this program."""
    if difference.path in rewritten:
        return f"{difference} (rewritten by the cluster's admission)"
    owners = managers(live, difference.keys) if difference.before is not ABSENT else frozenset()
    others = f" (set by {', '.join(sorted(owners))})" if owners and FIELD_MANAGER not in owners else ""
    return f"{difference}{others}"


def application(pod_spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The application's container in the specification of a pod; the first container of a foreign pod."""
    containers = pod_spec["containers"]
    return next((container for container in containers if container.get("name") == CONTAINER), containers[0])


def ports_of(container: Mapping[str, Any]) -> frozenset[tuple[str, int]]:
    """The ports of a container, each by its name and its number."""
    return frozenset((port["name"], port["containerPort"]) for port in container.get("ports") or () if "name" in port)


def targets_of(service: Mapping[str, Any]) -> dict[str, int | str]:
    """The ports of pods that a Service targets, by the names of its ports; a port without a name has an empty one."""
    ports = service["spec"].get("ports") or ()
    return {port.get("name", ""): port.get("targetPort", port["port"]) for port in ports if "port" in port}


def image_owners(owner: Mapping[str, Any]) -> frozenset[str]:
    """The field managers that have set the image of the application in a Deployment or Rollout."""
    return managers(owner, ("f:spec", "f:containers", f'k:{{"name":"{CONTAINER}"}}', "f:image"))


def _pod(pod: Mapping[str, Any]) -> Pod:
    container, state = application(pod["spec"]), pod_state(pod)
    statuses = pod.get("status", {}).get("containerStatuses", ())
    ids = [status.get("imageID", "") for status in statuses if status.get("name") == container.get("name")]
    return Pod(
        name=pod["metadata"]["name"],
        ready=state == READY,
        state=state,
        # Not the image of the status: where two tags name one image, a runtime may tell either.
        image=container.get("image", ""),
        digest=digest_of(ids[0]) if ids else None,
        node=pod["spec"].get("nodeName", ""),
    )


def _without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    """A pod template without the fields that may differ within a version: the hash, and the times of replacements."""
    metadata = dict(template.get("metadata", {}))
    for key, ignored in (("labels", {POD_TEMPLATE_HASH}), ("annotations", {RENEWED_AT, RESTARTED_AT})):
        kept = {name: value for name, value in (metadata.pop(key, None) or {}).items() if name not in ignored}
        metadata |= {key: kept} if kept else {}
    return {**template, "metadata": metadata}
