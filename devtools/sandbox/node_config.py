"""Configuration of a real node's parts, as pure functions."""

from pathlib import Path
from typing import Any

from devtools.sandbox.image import PAUSE
from devtools.sandbox.slots import Slot
from switchyard.config.models.machine_types import RESERVATIONS
from switchyard.config.models.nodes import NodeSettings

SOCKET = "/run/containerd/containerd.sock"
"""containerd's, inside the node's own /run."""


def containerd(parts: Path, cni: Path) -> str:
    """Configuration file of containerd.

    Args:
        parts: the tree that runc and the CNI plugins are in.
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
    """KubeletConfiguration of a node with its machine type's room for pods, whatever this machine has.

    Args:
        node: row of the node in the node table.
        group: cgroup of the node, below the root of each hierarchy.
        authority: certificate authority of the cluster.
        memory_mib: memory of this machine, MiB.
        cpus: processors of this machine.

    What this machine has beyond the EC2 type is reserved for the system, so that the scheduler sees, and the pods'
    cgroup gets, what a node of that type would allot.
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
        # The disk is this machine's, shared with everything else on it: how full it is says nothing of the node.
        "evictionHard": {"memory.available": f"{eviction_mib}Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "",
    }


def kube_proxy(name: str, slot: Slot, kubeconfig: Path) -> dict[str, Any]:
    """KubeProxyConfiguration, in the mode and with the sync periods that kubeadm leaves as they are."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": name,
        "clusterCIDR": slot.pod_network,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        # Sizes of the table of connections are the whole machine's, and this is one of its guests.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": "0.0.0.0:10249",
    }
