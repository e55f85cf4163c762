"""Where the DNS of the cluster runs: a patch of the CoreDNS Deployment that kubeadm creates.

kubeadm creates CoreDNS while the control plane is the only node, so that both of its pods may stay there
(kubernetes.io, Creating a cluster with kubeadm, "Joining your nodes"). A control plane that is lost would then take
the names of all Services with it, and nobody would be there to move its pods or to take them out of the Service.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from switchyard.config.kubernetes import HOSTNAME_LABEL
from switchyard.config.models.nodes import CONTROL_PLANE, NodeSettings, Role, taints

PATCHES = "/etc/switchyard/patches"
"""Directory of the control plane from which kubeadm reads patches: at its init, and at an upgrade with `--patches`."""

PATCH_FILE = f"{PATCHES}/corednsdeployment+strategic.yaml"
"""File of the patch. Its name says what is patched and how (kubeadm/app/util/patches of the Kubernetes module)."""

DEPLOYMENT = "coredns"
"""Name of kubeadm's Deployment, in the namespace of Kubernetes itself."""

PODS: Mapping[str, str] = MappingProxyType({"k8s-app": "kube-dns"})
"""Labels of the pods of CoreDNS."""

REPLICAS = 2
"""Pods of CoreDNS that kubeadm asks for."""


def dns_nodes(nodes: Mapping[str, NodeSettings]) -> list[str]:
    """Names of the workers that CoreDNS may run on: those without a taint."""
    return [name for name, node in nodes.items() if node.role is Role.WORKER and not taints(node)]


def patch(nodes: Mapping[str, NodeSettings]) -> dict[str, Any] | None:
    """The patch that keeps CoreDNS off the control plane, and each of its pods on another worker.

    Args:
        nodes: the node table.

    Returns:
        The patch; None for a cluster with fewer workers for CoreDNS than it has pods, of which one would never run.
    """
    if len(dns_nodes(nodes)) < REPLICAS:
        return None
    workers = {"matchExpressions": [{"key": CONTROL_PLANE, "operator": "DoesNotExist"}]}
    others = {"labelSelector": {"matchLabels": dict(PODS)}, "topologyKey": HOSTNAME_LABEL}
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [workers]}},
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [others]},
    }
    return {"spec": {"template": {"spec": {"affinity": affinity}}}}
