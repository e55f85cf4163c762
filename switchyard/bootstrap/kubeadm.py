"""Configuration of kubeadm (v1beta4), the kubelet and kube-proxy, and the administrator's kubeconfig.

Fields are those of ``cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go`` of the Kubernetes module. Values that only the
machine has, such as secrets, are placeholders, which the boot script replaces. So these texts never contain a secret.
"""

import base64
from ipaddress import IPv4Address
from typing import Any

import yaml

from switchyard.bootstrap import cluster_dns
from switchyard.config.aws_partition import dns_suffix
from switchyard.config.kubernetes import API_SERVER_PORT, TOPOLOGY_PREFIX
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.machine_types import RESERVATIONS
from switchyard.config.models.nodes import CONTROL_PLANE, kubelet_labels, labels, taints

Config = dict[str, Any]

API = "kubeadm.k8s.io/v1beta4"
PKI_DIRECTORY = "/etc/kubernetes/pki"
AUDIT_POLICY_FILE = "/etc/kubernetes/audit/policy.yaml"
AUDIT_LOG = "/var/log/kubernetes/audit/audit.log"
ENCRYPTION_FILE = f"{PKI_DIRECTORY}/encryption.yaml"
"""Encryption configuration, beside the certificates because kubeadm mounts their directory into the API server."""

PKI_FILES = (
    "ca.crt",
    "ca.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "etcd/ca.crt",
    "etcd/ca.key",
    "sa.key",
    "sa.pub",
    "encryption.yaml",
)
"""Files that are written under the PKI directory of the control plane. kubeadm keeps them and creates the rest."""

PROVIDER_ID = "@PROVIDER_ID@"
NODE_IP = "@NODE_IP@"
JOIN_TOKEN = "@JOIN_TOKEN@"  # noqa: S105 - a placeholder
CA_HASH = "@CA_HASH@"
PLACEHOLDERS = (PROVIDER_ID, NODE_IP, JOIN_TOKEN, CA_HASH)
"""Placeholders that the boot script replaces with values of the instance's metadata and of SSM."""

AUDIT_DAYS = 7
AUDIT_FILES = 10
AUDIT_FILE_MB = 100
"""At most 1 GB of audit log on the control plane's disk."""

INODES_PERCENT = 5
"""The kubelet's default. A configured threshold removes the defaults of all others, so it is set explicitly."""


def internal_name(cluster: Ec2Cluster, endpoint: str) -> str:
    """Name by which nodes and pods reach the API server: the public DNS name of its Elastic IP.

    In the VPC, AWS's name server answers it with the private address of the machine that has the Elastic IP, so that
    nodes follow a control plane that is replaced. They cannot use the Elastic IP itself: a security group identifies
    its members by private addresses, and a packet to the Elastic IP has the node's public address as its source.

    Args:
        cluster: settings of the cluster.
        endpoint: the Elastic IP.
    """
    host = f"ec2-{str(IPv4Address(endpoint)).replace('.', '-')}"
    if cluster.region == "us-east-1":
        return f"{host}.compute-1.amazonaws.com"
    return f"{host}.{cluster.region}.compute.{dns_suffix(cluster.region)}"


def public_name(cluster: Ec2Cluster, endpoint: str) -> str:
    """Name or address by which administrators reach the API server."""
    return cluster.hostname or endpoint


def init_configuration(cluster: Ec2Cluster, endpoint: str) -> list[Config]:
    """All documents of ``kubeadm init --config``.

    Args:
        cluster: settings of the cluster.
        endpoint: the API server's Elastic IP.
    """
    init: Config = {
        "apiVersion": API,
        "kind": "InitConfiguration",
        # It does not expire, because a worker may be added at any time. Only nodes can read it, from SSM.
        "bootstrapTokens": [{"token": JOIN_TOKEN, "description": "joins the workers", "ttl": "0s"}],
        "localAPIEndpoint": {"advertiseAddress": NODE_IP, "bindPort": API_SERVER_PORT},
        "nodeRegistration": _registration(cluster, cluster.control_plane),
    }
    if cluster_dns.patch(cluster.nodes) is not None:
        init["patches"] = {"directory": cluster_dns.PATCHES}
    return [init, cluster_configuration(cluster, endpoint), kubelet_configuration(), kube_proxy_configuration(cluster)]


def cluster_configuration(cluster: Ec2Cluster, endpoint: str) -> Config:
    """The control plane's components."""
    names = dict.fromkeys([internal_name(cluster, endpoint), public_name(cluster, endpoint), endpoint])
    return {
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": f"v{cluster.kubernetes}",
        "controlPlaneEndpoint": f"{internal_name(cluster, endpoint)}:{API_SERVER_PORT}",
        "certificatesDir": PKI_DIRECTORY,
        "encryptionAlgorithm": "ECDSA-P256",
        "certificateValidityPeriod": f"{cluster.pki.server_days * 24}h0m0s",
        "networking": {
            "podSubnet": str(cluster.network.pods),
            "serviceSubnet": str(cluster.network.services),
            "dnsDomain": "cluster.local",
        },
        "apiServer": {
            "certSANs": list(names),
            "extraArgs": _arguments(
                {
                    "audit-policy-file": AUDIT_POLICY_FILE,
                    "audit-log-path": AUDIT_LOG,
                    "audit-log-maxage": str(AUDIT_DAYS),
                    "audit-log-maxbackup": str(AUDIT_FILES),
                    "audit-log-maxsize": str(AUDIT_FILE_MB),
                    "encryption-provider-config": ENCRYPTION_FILE,
                    "profiling": "false",
                    "tls-min-version": "VersionTLS12",
                }
            ),
            "extraVolumes": [
                _mount("audit-policy", AUDIT_POLICY_FILE, "File", read_only=True),
                _mount("audit-log", AUDIT_LOG.rpartition("/")[0], "DirectoryOrCreate", read_only=False),
            ],
        },
        "controllerManager": {"extraArgs": _arguments({"profiling": "false"})},
        "scheduler": {"extraArgs": _arguments({"profiling": "false"})},
        "etcd": {"local": {"dataDir": "/var/lib/etcd"}},
    }


def join_configuration(cluster: Ec2Cluster, endpoint: str, node_name: str) -> list[Config]:
    """All documents of ``kubeadm join --config`` on a worker; the kubelet's configuration comes from the cluster.

    Args:
        cluster: settings of the cluster.
        endpoint: the API server's Elastic IP.
        node_name: name of the worker.
    """
    return [
        {
            "apiVersion": API,
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "token": JOIN_TOKEN,
                    "apiServerEndpoint": f"{internal_name(cluster, endpoint)}:{API_SERVER_PORT}",
                    "caCertHashes": [CA_HASH],
                }
            },
            "nodeRegistration": _registration(cluster, node_name),
        }
    ]


def kubelet_configuration() -> Config:
    """The configuration of all kubelets, with the reservations that the check of capacity uses."""
    kept = RESERVATIONS
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "failSwapOn": True,
        "maxPods": kept.max_pods,
        "kubeReserved": {"cpu": f"{kept.kube_cpu_m}m", "memory": f"{kept.kube_memory_mib}Mi"},
        "systemReserved": {"cpu": f"{kept.system_cpu_m}m", "memory": f"{kept.system_memory_mib}Mi"},
        "evictionHard": {
            "memory.available": f"{kept.eviction_memory_mib}Mi",
            "nodefs.available": f"{kept.disk_percent}%",
            "nodefs.inodesFree": f"{INODES_PERCENT}%",
            "imagefs.available": f"{kept.disk_percent}%",
            "imagefs.inodesFree": f"{INODES_PERCENT}%",
        },
        "rotateCertificates": True,
        # EC2 gives a stopping machine a few minutes, in which pods can finish their requests.
        "shutdownGracePeriod": "90s",
        "shutdownGracePeriodCriticalPods": "20s",
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 3,
    }


def kube_proxy_configuration(cluster: Ec2Cluster) -> Config:
    """The configuration of all kube-proxies."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": str(cluster.network.pods),
    }


def kubeconfig(*, cluster: Ec2Cluster, endpoint: str, ca: str, certificate: str, key: str) -> Config:
    """An administrator's kubeconfig; the endpoint is the Elastic IP, certificates and key are PEM texts."""
    user = f"{cluster.name}-admin"
    server = f"https://{public_name(cluster, endpoint)}:{API_SERVER_PORT}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster.name, "cluster": {"server": server, "certificate-authority-data": _base64(ca)}},
        ],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)},
            },
        ],
        "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": user}}],
        "current-context": cluster.name,
    }


def to_yaml(*documents: Config) -> str:
    """Several documents as one YAML text, with fields in their order."""
    return yaml.safe_dump_all(documents, sort_keys=False, width=120)


def node_labels(cluster: Ec2Cluster, node_name: str) -> dict[str, str]:
    """Labels that a kubelet gives its node when it registers.

    There is no cloud controller that sets zone and type, so the kubelet does. It may not set node-role labels:
    kubeadm sets that of the control plane.
    """
    node = cluster.nodes[node_name]
    known = kubelet_labels(node_name, node)
    own = {key: known[key] for key in known if key.startswith((TOPOLOGY_PREFIX, "node.kubernetes.io/"))}
    return own | {key: value for key, value in labels(node).items() if key != CONTROL_PLANE}


def _registration(cluster: Ec2Cluster, node_name: str) -> Config:
    labels_of_node = node_labels(cluster, node_name)
    return {
        "name": node_name,
        "criSocket": "unix:///run/containerd/containerd.sock",
        "taints": [taint.model_dump(exclude_none=True) for taint in taints(cluster.nodes[node_name])],
        "kubeletExtraArgs": _arguments(
            {
                "provider-id": PROVIDER_ID,
                "node-ip": NODE_IP,
                "node-labels": ",".join(f"{key}={value}" for key, value in labels_of_node.items()),
            }
        ),
    }


def _arguments(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _mount(name: str, path: str, kind: str, *, read_only: bool) -> Config:
    return {"name": name, "hostPath": path, "mountPath": path, "pathType": kind, "readOnly": read_only}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
