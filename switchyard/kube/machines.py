"""Which pods that serve run on a machine."""

from collections.abc import Mapping
from typing import Any

from switchyard.kube.api import BoundedApi
from switchyard.kube.namespace import read_namespace
from switchyard.kube.serving import users_services
from switchyard.manifests.labels import MANAGED


async def node_of(api: BoundedApi, instance_id: str) -> str | None:
    """Name of the node that runs on an EC2 instance; None when no node does.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    for node in (await api.find_all("nodes", None, {}))["items"]:
        if str(node["spec"].get("providerID", "")).endswith(f"/{instance_id}"):
            return str(node["metadata"]["name"])
    return None


async def pods_that_serve(api: BoundedApi, node: str) -> list[str]:
    """The Services whose users would lose ready pods with a node, each as text with the number of these pods.

    Services of every stack count. Pods of a DaemonSet do not: they belong to their node, and a drain leaves them there.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    own = (await api.find_all("services", None, MANAGED))["items"]
    lines = []
    for namespace in sorted({str(service["metadata"]["namespace"]) for service in own}):
        view = await read_namespace(api, namespace)
        on_node = {
            str(pod["metadata"]["name"])
            for pod in view.pods
            if pod["spec"].get("nodeName") == node and not _stays_on_node(pod)
        }
        counts = {service: len(on_node & view.ready_pods(service)) for service in users_services(view)}
        lines += [
            f"{count} of the ready pods of Service {service} in namespace {namespace}"
            for service, count in counts.items()
            if count
        ]
    return lines


def _stays_on_node(pod: Mapping[str, Any]) -> bool:
    """Whether `kubectl drain --ignore-daemonsets` does not evict a pod: it is of a DaemonSet, or static."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner["kind"] in {"DaemonSet", "Node"} and owner.get("controller") for owner in owners)
