"""Where the DNS of the cluster runs."""

import pytest
import yaml

from switchyard.bootstrap import cloud_init, cluster_dns, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import DEFAULT_NODES

CLUSTER = Ec2Cluster(kind="ec2", name="production")
ONE_WORKER = CLUSTER.model_copy(
    update={"nodes": {name: node for name, node in DEFAULT_NODES.items() if name != "k8s-worker-2"}}
)


def control_plane(cluster: Ec2Cluster) -> dict[str, str]:
    """Contents of the files of the control plane, by path."""
    text = cloud_init.user_data(cluster, "k8s-master", endpoint="203.0.113.10", backup_bucket="b")
    return {file["path"]: cloud_init.content(file) for file in yaml.safe_load(text)["write_files"]}


def test_the_dns_runs_on_workers_without_a_taint() -> None:
    assert cluster_dns.dns_nodes(DEFAULT_NODES) == ["k8s-worker-1", "k8s-worker-2"]


def test_no_pod_of_the_dns_is_on_the_control_plane_and_no_two_on_one_worker() -> None:
    patch = yaml.safe_load(control_plane(CLUSTER)[cluster_dns.PATCH_FILE])
    affinity = patch["spec"]["template"]["spec"]["affinity"]
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    assert affinity["nodeAffinity"][required]["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]}
    ]
    assert affinity["podAntiAffinity"][required] == [
        {"labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}}, "topologyKey": "kubernetes.io/hostname"}
    ]


@pytest.mark.parametrize(("cluster", "patched"), [(CLUSTER, True), (ONE_WORKER, False)], ids=["two", "one"])
def test_kubeadm_reads_patches_where_there_are_workers_for_both_pods(cluster: Ec2Cluster, *, patched: bool) -> None:
    init = kubeadm.init_configuration(cluster, "203.0.113.10")[0]
    assert init.get("patches") == ({"directory": "/etc/switchyard/patches"} if patched else None)
    assert (cluster_dns.PATCH_FILE in control_plane(cluster)) is patched
