"""Warnings about a cluster that runs: certificates, the cluster's DNS, and the age of its snapshots."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pulumi

from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import ClusterError
from switchyard.gates.certificates import authorities_on_machines, server_certificate
from switchyard.gates.cluster_dns import nodes_of_dns
from switchyard.gates.rules.certificates import authority_warnings, server_warning
from switchyard.gates.rules.cluster_dns import dns_warning
from switchyard.gates.rules.snapshots import snapshot_due_since
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.nodes import LiveNode


def warn_of_cluster(cluster: Ec2Cluster, access: ClusterAccess) -> None:
    """Warns of certificates that expire soon, and of a DNS that depends on one machine."""
    warnings = _certificate_warnings(cluster, access)
    with contextlib.suppress(ClusterError):  # a later step reports an API server that does not answer
        warnings.append(dns_warning(cluster, run_blocking(nodes_of_dns(access))))
    for warning in filter(None, warnings):
        pulumi.log.warn(warning)


def snapshot_due(cluster: Ec2Cluster, access: ClusterAccess, live: Mapping[str, LiveNode]) -> datetime | None:
    """The moment since which there must be a snapshot of etcd, by the clock of the API server.

    Args:
        cluster: settings of the cluster.
        access: the cluster.
        live: the nodes of the cluster.

    Returns:
        The moment; None if the control plane has just joined, or cannot be asked.
    """
    node = live.get(cluster.control_plane, LiveNode())
    if node.created is None:
        return None

    async def now() -> datetime:
        return await (await access.api()).date()

    try:
        return snapshot_due_since(cluster.backup, node.created, run_blocking(now()))
    except ClusterError:
        return None


def _certificate_warnings(cluster: Ec2Cluster, access: ClusterAccess) -> list[str | None]:
    if access.stack_kubeconfig is None:
        return []
    kubeconfig, days, now = access.stack_kubeconfig.parsed(), cluster.pki.renew_before_days, datetime.now(UTC)
    try:
        on_machines = run_blocking(authorities_on_machines(access))
    except ClusterError:
        on_machines = {}  # the certificates of the stack are as old
    warnings: list[str | None] = [*authority_warnings(kubeconfig, on_machines, days, now)]
    with contextlib.suppress(ClusterError):  # a later step reports an API server that does not answer
        warnings.append(server_warning(server_certificate(kubeconfig), days, now))
    return warnings
