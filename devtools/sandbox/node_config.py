"""Configuration of a real node's parts, as pure functions."""

from pathlib import Path
from typing import Any

from devtools.sandbox.image import PAUSE
from devtools.sandbox.slots import Slot
from switchyard.config.models.machine_types import RESERVATIONS
from switchyard.config.models.nodes import NodeSettings

SOCKET = "/run/containerd/containerd.sock"
"""Socket of containerd, inside the node's own /run."""


def containerd(parts: Path, cni: Path) -> str:
    """Configuration file of containerd.

    Args:
        parts: the tree with runc and the CNI plugins.
        cni: folder of the network's configuration.
    """
    return f"""version = 2
[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Without CAP_SYS_RESOURCE, as in many containers and virtual machines, a sandbox that lowers its own score for
# the kernel's out-of-memory killer dies with "can't get final child's PID from pipe: EOF".
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{parts}/usr/lib/cni"
conf_dir = "{cni}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{parts}/usr/sbin/runc"
"""


def network(pod_range: str) -> dict[str, Any]:
    """The pods' network: a bridge a node, routed between the nodes, nothing encapsulated."""
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": pod_range}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def kubelet(node: NodeSettings, group: str, authority: Path, memory_mib: int, cpus: int) -> dict[str, Any]:
    """KubeletConfiguration of a node that has the capacity of its instance type, whatever this machine has.

    Args:
        node: row of the node in the node table.
        group: cgroup of the node, below the root of each hierarchy.
        authority: certificate authority of the cluster.
        memory_mib: memory of this machine, MiB.
        cpus: processors of this machine.

    The capacity of this machine beyond that of the EC2 type is reserved for the system, so that the scheduler and the
    pods' cgroup have what a node of that type can allocate.
    """
    reserved_cpu_m = max(cpus * 1000 - node.machine.allocatable_cpu_m, 0)
    eviction_mib = RESERVATIONS.eviction_memory_mib
    reserved_memory_mib = max(memory_mib - eviction_mib - node.machine.allocatable_memory_mib, 0)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{group}",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "failSwapOn": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "systemReserved": {"cpu": f"{reserved_cpu_m}m", "memory": f"{reserved_memory_mib}Mi"},
        # The disk is that of this machine, so its usage says nothing about the node.
        "evictionHard": {"memory.available": f"{eviction_mib}Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "",
    }


def kube_proxy(name: str, slot: Slot, kubeconfig: Path) -> dict[str, Any]:
    """KubeProxyConfiguration, with the default mode and sync periods, which kubeadm does not change."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": name,
        "clusterCIDR": slot.pod_network,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        # The size of the connection-tracking table belongs to the whole machine, so a node must not change it.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": "0.0.0.0:10249",
    }
