"""Warns of a cluster whose DNS depends on one machine."""

import json
import shlex
from collections.abc import Sequence

from switchyard.bootstrap import cluster_dns
from switchyard.codes import Code
from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.gates.rules.refusal import notice
from switchyard.gates.runbook import section


def dns_warning(cluster: Ec2Cluster, pod_nodes: Sequence[str]) -> str | None:
    """Warns if a pod of the cluster's DNS is on the control plane, or all of its pods are on one worker.

    Args:
        cluster: settings of the cluster.
        pod_nodes: name of the node of each of the pods.

    Returns:
        The warning; None where the pods are right, and where there are too few workers for them.
    """
    patch = cluster_dns.patch(cluster.nodes)
    if patch is None:
        return None
    if cluster.control_plane in pod_nodes:
        where = cluster.control_plane
        reason = "While that machine is lost, nobody takes its pod out of the Service, and lookups fail or are slow"
    elif len(pod_nodes) > 1 and len(set(pod_nodes)) == 1:
        where = pod_nodes[0]
        reason = "Without that machine no pod finds a Service by its name until another node has them"
    else:
        return None
    command = (
        f"kubectl --namespace {KUBE_SYSTEM} patch deployment {cluster_dns.DEPLOYMENT} "
        f"--patch {shlex.quote(json.dumps(patch, separators=(',', ':')))}"
    )
    return notice(
        Code.DNS_ON_ONE_MACHINE,
        "",
        f"{pod_nodes.count(where)} of the {len(pod_nodes)} pods of the cluster's DNS (CoreDNS) are on {where}",
        f"{reason}. To put each on a worker of its own, one after the other: {command}. See {section('Cluster DNS')}",
    )
