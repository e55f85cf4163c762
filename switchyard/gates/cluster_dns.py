"""Reads where the DNS of a cluster runs."""

from switchyard.bootstrap import cluster_dns
from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.kube.access import ClusterAccess
from switchyard.kube.pod_states import has_ended


async def nodes_of_dns(access: ClusterAccess) -> list[str]:
    """Name of the node of each pod of CoreDNS that has one.

    Args:
        access: the cluster.

    Raises:
        switchyard.errors.ClusterError: the cluster does not answer, or denies the request.
    """
    pods = (await (await access.api()).find_all("pods", KUBE_SYSTEM, cluster_dns.PODS))["items"]
    return [
        str(pod["spec"]["nodeName"])
        for pod in pods
        if pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"] and not has_ended(pod)
    ]
