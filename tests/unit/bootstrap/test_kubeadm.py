"""The configuration of kubeadm, the kubelets and the API server."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from switchyard.bootstrap import api_server, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.machine_types import MACHINES, RESERVATIONS
from switchyard.config.models.nodes import DEFAULT_NODES, Role

ADDRESS = "203.0.113.10"
NAME = "ec2-203-0-113-10.ap-northeast-2.compute.amazonaws.com"
CLUSTER = Ec2Cluster(kind="ec2", name="production")
WORKERS = [name for name, node in DEFAULT_NODES.items() if node.role is Role.WORKER]


def by_kind(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {document["kind"]: document for document in documents}


def arguments(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {argument["name"]: argument["value"] for argument in listed}


def init(cluster: Ec2Cluster = CLUSTER) -> dict[str, Any]:
    return by_kind(kubeadm.init_configuration(cluster, ADDRESS))


def join(node_name: str) -> Any:
    [document] = kubeadm.join_configuration(CLUSTER, ADDRESS, node_name)
    return document


def test_the_control_plane_gets_all_four_documents_and_a_worker_one() -> None:
    assert list(init()) == [
        "InitConfiguration",
        "ClusterConfiguration",
        "KubeletConfiguration",
        "KubeProxyConfiguration",
    ]
    assert join("k8s-worker-1")["kind"] == "JoinConfiguration"


def test_every_document_survives_yaml_without_anchors() -> None:
    documents = kubeadm.init_configuration(CLUSTER, ADDRESS)
    text = kubeadm.to_yaml(*documents)
    assert list(yaml.safe_load_all(text)) == documents
    assert "&id" not in text


def test_nodes_reach_the_api_server_by_the_name_that_is_private_in_the_vpc() -> None:
    assert init()["ClusterConfiguration"]["controlPlaneEndpoint"] == f"{NAME}:6443"
    assert join("k8s-redis")["discovery"]["bootstrapToken"]["apiServerEndpoint"] == f"{NAME}:6443"


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("us-east-1", "ec2-203-0-113-10.compute-1.amazonaws.com"),
        ("eu-west-1", "ec2-203-0-113-10.eu-west-1.compute.amazonaws.com"),
        ("cn-north-1", "ec2-203-0-113-10.cn-north-1.compute.amazonaws.com.cn"),
    ],
)
def test_the_public_dns_name_is_spelled_as_the_region_has_it(region: str, name: str) -> None:
    assert kubeadm.internal_name(Ec2Cluster(kind="ec2", name="it", region=region), ADDRESS) == name


def test_the_internal_name_of_a_hostname_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"api\.example\.org"):
        kubeadm.internal_name(CLUSTER, "api.example.org")


def test_the_certificate_of_the_api_server_has_every_name_and_address() -> None:
    cluster = CLUSTER.model_copy(update={"hostname": "api.example.org"})
    assert init(cluster)["ClusterConfiguration"]["apiServer"]["certSANs"] == [NAME, "api.example.org", ADDRESS]
    assert init()["ClusterConfiguration"]["apiServer"]["certSANs"] == [NAME, ADDRESS]


def test_pods_and_services_have_the_networks_of_the_settings() -> None:
    assert init()["ClusterConfiguration"]["networking"] == {
        "podSubnet": "192.168.0.0/16",
        "serviceSubnet": "10.96.0.0/12",
        "dnsDomain": "cluster.local",
    }
    assert init()["KubeProxyConfiguration"]["clusterCIDR"] == "192.168.0.0/16"


def test_the_version_is_the_pinned_one() -> None:
    assert init()["ClusterConfiguration"]["kubernetesVersion"] == "v1.34.1"


def test_the_api_server_logs_audits_and_encrypts_secrets() -> None:
    server = init()["ClusterConfiguration"]["apiServer"]
    given = arguments(server["extraArgs"])
    assert given["audit-policy-file"] == "/etc/kubernetes/audit/policy.yaml"
    assert given["encryption-provider-config"] == "/etc/kubernetes/pki/encryption.yaml"
    mounted = {volume["mountPath"]: volume["readOnly"] for volume in server["extraVolumes"]}
    assert mounted == {"/etc/kubernetes/audit/policy.yaml": True, "/var/log/kubernetes/audit": False}
    assert given["audit-log-path"].startswith("/var/log/kubernetes/audit/")


def test_the_kubelet_reserves_what_the_fit_check_counts_with() -> None:
    kubelet = kubeadm.kubelet_configuration()
    small = MACHINES["t3.small"]
    kept = [kubelet["kubeReserved"], kubelet["systemReserved"]]
    memory = sum(int(each["memory"].removesuffix("Mi")) for each in kept)
    eviction = int(kubelet["evictionHard"]["memory.available"].removesuffix("Mi"))
    assert small.capacity_memory_mib - memory - eviction == small.allocatable_memory_mib
    assert 2000 - sum(int(each["cpu"].removesuffix("m")) for each in kept) == small.allocatable_cpu_m
    assert kubelet["evictionHard"]["nodefs.available"] == f"{RESERVATIONS.disk_percent}%"
    assert kubelet["maxPods"] == RESERVATIONS.max_pods


@pytest.mark.parametrize("node_name", WORKERS)
def test_a_worker_registers_with_the_labels_and_taints_of_its_row(node_name: str) -> None:
    node = DEFAULT_NODES[node_name]
    registration = join(node_name)["nodeRegistration"]
    assert registration["name"] == node_name
    given = arguments(registration["kubeletExtraArgs"])
    assert dict(pair.split("=") for pair in given["node-labels"].split(",")) == {
        "workload": node.workload,
        "node.kubernetes.io/instance-type": node.type,
        "topology.kubernetes.io/zone": node.zone,
        "topology.kubernetes.io/region": "ap-northeast-2",
    }
    expected = [{"key": "dedicated", "value": node.dedicated, "effect": "NoSchedule"}] if node.dedicated else []
    assert registration["taints"] == expected


def test_the_control_plane_has_its_taint_and_no_label_that_a_kubelet_may_not_set() -> None:
    registration = init()["InitConfiguration"]["nodeRegistration"]
    assert registration["taints"] == [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    assert "node-role" not in arguments(registration["kubeletExtraArgs"])["node-labels"]


@pytest.mark.parametrize("node_name", DEFAULT_NODES)
def test_values_of_the_instance_are_placeholders(node_name: str) -> None:
    document = init()["InitConfiguration"] if node_name == "k8s-master" else join(node_name)
    given = arguments(document["nodeRegistration"]["kubeletExtraArgs"])
    assert (given["provider-id"], given["node-ip"]) == ("@PROVIDER_ID@", "@NODE_IP@")
    assert "@JOIN_TOKEN@" in json.dumps(document)


def test_a_worker_trusts_only_the_certificate_authority_with_the_hash() -> None:
    assert join("k8s-worker-1")["discovery"]["bootstrapToken"]["caCertHashes"] == ["@CA_HASH@"]


def test_the_audit_log_never_has_the_content_of_a_secret() -> None:
    rules = api_server.audit_policy()["rules"]
    # The first rule that fits is the one that holds.
    first_with_content = next(i for i, rule in enumerate(rules) if rule["level"].startswith("Request"))
    about_secrets = next(
        i for i, rule in enumerate(rules) if any("secrets" in group["resources"] for group in rule.get("resources", []))
    )
    assert rules[about_secrets]["level"] == "Metadata"
    assert about_secrets < first_with_content


def test_secrets_at_rest_are_written_encrypted_and_read_encrypted_or_plain() -> None:
    [rule] = api_server.encryption_configuration(b"k" * 32)["resources"]
    assert [next(iter(provider)) for provider in rule["providers"]] == ["secretbox", "identity"]
    assert base64.b64decode(rule["providers"][0]["secretbox"]["keys"][0]["secret"]) == b"k" * 32


def test_a_key_of_another_length_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="key of 3 bytes: secretbox takes 32"):
        api_server.encryption_configuration(b"abc")


@pytest.mark.parametrize(("hostname", "server"), [(None, ADDRESS), ("api.example.org", "api.example.org")])
def test_a_kubeconfig_has_the_hostname_or_the_elastic_ip(hostname: str | None, server: str) -> None:
    cluster = CLUSTER.model_copy(update={"hostname": hostname})
    config = kubeadm.kubeconfig(cluster=cluster, endpoint=ADDRESS, ca="CA", certificate="CERT", key="KEY")
    [named], [user], [context] = config["clusters"], config["users"], config["contexts"]
    assert named["cluster"]["server"] == f"https://{server}:6443"
    assert base64.b64decode(named["cluster"]["certificate-authority-data"]) == b"CA"
    assert base64.b64decode(user["user"]["client-certificate-data"]) == b"CERT"
    assert base64.b64decode(user["user"]["client-key-data"]) == b"KEY"
    assert context["context"] == {"cluster": named["name"], "user": user["name"]}
    assert config["current-context"] == context["name"]
