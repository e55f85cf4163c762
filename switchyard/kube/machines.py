"""Which pods that serve run on a machine."""

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

    Services of every stack count.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    own = (await api.find_all("services", None, MANAGED))["items"]
    lines = []
    for namespace in sorted({str(service["metadata"]["namespace"]) for service in own}):
        view = await read_namespace(api, namespace)
        on_node = {str(pod["metadata"]["name"]) for pod in view.pods if pod["spec"].get("nodeName") == node}
        counts = {service: len(on_node & view.ready_pods(service)) for service in users_services(view)}
        lines += [
            f"{count} of the ready pods of Service {service} in namespace {namespace}"
            for service, count in counts.items()
            if count
        ]
    return lines
