"""Warns of an account that may not run as many machines as the node table has."""

import re

from switchyard.codes import Code
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.gates.rules.refusal import notice

QUOTA = "L-1216C47A"
"""Code of the quota of EC2 for running on-demand instances of the standard families, in vCPUs."""

_STANDARD = re.compile(r"[acdhimrtz]\d")
"""Beginning of the types of the standard families: A, C, D, H, I, M, R, T and Z."""


def quota_warning(cluster: Ec2Cluster, quota: float) -> str | None:
    """Warns if the machines of the node table alone have more vCPUs than the account may run in the region.

    A warning, because Service Quotas may be behind an increase that AWS has granted.

    Args:
        cluster: settings of the cluster, with a node that has no machine yet.
        quota: number of vCPUs that the account may run.
    """
    vcpus = sum(node.machine.vcpu for node in cluster.nodes.values() if _STANDARD.match(node.type))
    if vcpus <= quota:
        return None
    return notice(
        Code.QUOTA_TOO_SMALL,
        f"{CLUSTER}.nodes",
        f"the nodes have {vcpus} vCPU, and the account may run {quota:g} in {cluster.region} (quota {QUOTA})",
        "AWS would refuse the machines beyond that, after the rest was created. Ask for more first: aws service-quotas "
        f"request-service-quota-increase --region {cluster.region} --service-code ec2 --quota-code {QUOTA} "
        f"--desired-value {vcpus}",
    )
