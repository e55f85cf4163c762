"""Warnings of a DNS that depends on one machine."""

import json
import shlex

import pytest

from switchyard.bootstrap import cluster_dns
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.gates.rules.cluster_dns import dns_warning

CLUSTER = Ec2Cluster(kind="ec2", name="production")
MASTER, FIRST, SECOND = "k8s-master", "k8s-worker-1", "k8s-worker-2"


@pytest.mark.parametrize(
    ("nodes", "observed"),
    [
        ([MASTER, MASTER], "2 of the 2 pods of the cluster's DNS (CoreDNS) are on k8s-master (SY-E008)"),
        ([MASTER, FIRST], "1 of the 2 pods of the cluster's DNS (CoreDNS) are on k8s-master (SY-E008)"),
        ([FIRST, FIRST], "2 of the 2 pods of the cluster's DNS (CoreDNS) are on k8s-worker-1 (SY-E008)"),
    ],
)
def test_a_dns_that_depends_on_one_machine_is_reported(nodes: list[str], observed: str) -> None:
    assert str(dns_warning(CLUSTER, nodes)).startswith(observed)


@pytest.mark.parametrize(
    "nodes", [[FIRST, SECOND], [FIRST], []], ids=["right", "one of them is Pending", "another DNS"]
)
def test_a_dns_on_two_workers_is_not_reported(nodes: list[str]) -> None:
    assert dns_warning(CLUSTER, nodes) is None


def test_nothing_is_reported_of_a_cluster_with_one_worker_for_it() -> None:
    nodes = {name: node for name, node in DEFAULT_NODES.items() if name != SECOND}
    assert dns_warning(CLUSTER.model_copy(update={"nodes": nodes}), [MASTER, FIRST]) is None


def test_the_command_in_the_warning_has_the_patch_of_new_clusters() -> None:
    _, _, command = str(dns_warning(CLUSTER, [MASTER, MASTER])).partition("one after the other: ")
    words = shlex.split(command.partition(". See ")[0])
    assert words[:-1] == ["kubectl", "--namespace", "kube-system", "patch", "deployment", "coredns", "--patch"]
    assert json.loads(words[-1]) == cluster_dns.patch(DEFAULT_NODES)
