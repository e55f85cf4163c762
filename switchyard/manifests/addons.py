"""The charts that a stack installs: where each goes, and its values.

The next chart is a function here that returns its Addon, and a line in `existing_addons` or `platform`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from switchyard.config.kubernetes import ALB_CONTROLLER, ARGO_ROLLOUTS, CALICO_CHART, METRICS_SERVER_CHART
from switchyard.config.models.addons import ArgoRolloutsChart, Chart, RemovableChart
from switchyard.config.models.cluster import ExistingCluster
from switchyard.manifests.labels import APPLY
from switchyard.manifests.pods import Manifest

if TYPE_CHECKING:
    from switchyard.config.models.ec2 import Ec2Cluster

INGRESS_CLASS = "alb"
"""Class of the Ingresses that the AWS Load Balancer Controller takes care of."""

PodSecurity = Literal["privileged", "baseline", "restricted"]


@dataclass(frozen=True)
class Addon:
    """One chart and where it goes.

    Attributes:
        kind: kind of its component, the last part of the type token.
        name: name of its component and of the release.
        namespace: namespace that is created for it alone.
        level: pod security level that is enforced in the namespace.
        chart: location and version of the chart.
        values: values of the chart.
        timeout_seconds: time limit for its start.
        retained: whether the add-on stays on the cluster when the stack no longer manages it.
    """

    kind: str
    name: str
    namespace: str
    level: PodSecurity
    chart: Chart
    values: dict[str, Any]
    timeout_seconds: int = 300
    retained: bool = False


def existing_addons(cluster: ExistingCluster) -> list[Addon]:
    """The charts that a stack installs on an existing cluster."""
    return [] if cluster.argo_rollouts is None else [argo_rollouts(cluster.argo_rollouts)]


def platform(cluster: "Ec2Cluster", vpc_id: object) -> list[Addon]:
    """The charts that a stack installs on its own machines after the pod network, the load balancer controller first.

    Args:
        cluster: settings of the cluster.
        vpc_id: ID of the VPC, which may be an output of Pulumi.
    """
    addons = []
    if cluster.load_balancer_controller is not None:
        addons.append(load_balancer_controller(cluster, cluster.load_balancer_controller, vpc_id))
    if cluster.metrics_server is not None:
        addons.append(metrics_server(cluster.metrics_server))
    if cluster.argo_rollouts is not None:
        addons.append(argo_rollouts(cluster.argo_rollouts))
    return addons


def addon_namespace(addon: Addon) -> Manifest:
    """The namespace that is created for an add-on alone."""
    labels = namespace_labels(addon.level)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": addon.namespace, "labels": labels, "annotations": dict(APPLY)},
    }


def namespace_labels(level: PodSecurity) -> dict[str, str]:
    """Labels of an add-on's namespace."""
    return {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": "restricted"}


def calico(cluster: "Ec2Cluster") -> Addon:
    """The pod network: nodes are not Ready before it runs.

    A destroy deletes it with the machines: uninstalling the chart waits for an operator that removes the pod network
    it depends on, and is reported to hang at times.
    """
    return Addon(
        kind="Calico",
        name="calico",
        namespace=CALICO_CHART,
        level="privileged",  # the operator is on the node's own network: there is no other yet
        chart=cluster.calico,
        values=calico_values(cluster),
        timeout_seconds=600,  # the first node of a cluster draws all images meanwhile
        retained=True,
    )


def load_balancer_controller(cluster: "Ec2Cluster", chart: RemovableChart, vpc_id: object) -> Addon:
    """The AWS Load Balancer Controller, which creates the load balancer of the Ingresses."""
    return Addon(
        kind="LoadBalancerController",
        name=ALB_CONTROLLER,
        namespace=ALB_CONTROLLER,
        level="privileged",  # for hostNetwork
        chart=chart,
        values=load_balancer_controller_values(cluster, vpc_id),
        timeout_seconds=600,  # it is scheduled to no node before the pod network has made that Ready
        retained=chart.retain_on_delete,
    )


def metrics_server(chart: RemovableChart) -> Addon:
    """metrics-server, which serves CPU and memory of pods and nodes for `kubectl top` and autoscalers."""
    return Addon(
        kind="MetricsServer",
        name=METRICS_SERVER_CHART,
        namespace=METRICS_SERVER_CHART,
        level="restricted",
        chart=chart,
        values=metrics_server_values(),
        retained=chart.retain_on_delete,
    )


def argo_rollouts(chart: ArgoRolloutsChart) -> Addon:
    """Argo Rollouts, whose CustomResourceDefinitions (CRDs) stay when the release is deleted."""
    return Addon(
        kind="ArgoRollouts",
        name=ARGO_ROLLOUTS,
        namespace=ARGO_ROLLOUTS,
        # The dashboard's container asks for nothing, but does not say so as `restricted` wants it.
        level="baseline",
        chart=chart,
        values=argo_rollouts_values(chart),
        retained=chart.retain_on_delete,
    )


def calico_values(cluster: "Ec2Cluster") -> dict[str, Any]:
    """Values of Calico: only VXLAN between all nodes, which needs one UDP port, without BGP and IP in IP.

    The fields are those of operator.tigera.io/v1 Installation, which the chart passes on.
    """
    pool = {
        "cidr": str(cluster.network.pods),
        # Within a zone as well: EC2 drops packets with a pod's address, unless a node may send for others.
        "encapsulation": "VXLAN",
        "natOutgoing": "Enabled",
        "nodeSelector": "all()",
    }
    network = {
        "bgp": "Disabled",
        "ipPools": [pool],
        "nodeAddressAutodetectionV4": {"kubernetes": "NodeInternalIP"},
    }
    return {
        "installation": {"enabled": True, "cni": {"type": "Calico"}, "calicoNetwork": network},
        # Nothing here uses projectcalico.org/v3 or observes flows, and the nodes are small.
        "apiServer": {"enabled": False},
        "goldmane": {"enabled": False},
        "whisker": {"enabled": False},
    }


def load_balancer_controller_values(cluster: "Ec2Cluster", vpc_id: object) -> dict[str, Any]:
    """Values of the controller: it runs on the nodes' network, and gets the facts of the metadata service.

    With a hop limit of 1 only a process on that network gets the instance's role. Pods there share the node's ports,
    so that two are always on two nodes. Those are application workers, the only nodes without a taint.
    """
    from switchyard.aws.security_groups import WEBHOOK  # noqa: PLC0415 (an existing cluster has no such rules)

    return {
        "clusterName": cluster.name,
        "region": cluster.region,
        "vpcId": vpc_id,
        "hostNetwork": True,
        # The first DNS server of a pod on the node's network is the node's, which does not know Services.
        "dnsPolicy": "ClusterFirstWithHostNet",
        "replicaCount": 2,
        "podDisruptionBudget": {"maxUnavailable": 1},
        # On the host network, a new pod cannot have the same ports as the pod that it replaces.
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "webhookBindPort": WEBHOOK.first,
        # The chart creates a new certificate at each render, unless its `lookup` finds the Secret of the last one.
        # A release of Helm asks the cluster; a chart that Pulumi renders does not, and would rotate at each update.
        "keepTLSSecret": True,
        "ingressClass": INGRESS_CLASS,
        "createIngressClassResource": True,
        "defaultTargetType": "instance",
        # Its webhook would be asked for every new Service, and without a controller none could be created.
        "enableServiceMutatorWebhook": False,
        # Targets are nodes: their health says nothing of a pod.
        "enablePodReadinessGateInject": False,
        # The groups and their rules are the stack's own.
        "enableBackendSecurityGroup": False,
        # What is not used is not in its role: Shield Advanced, the WAF before the present one, and that without an ACL.
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": cluster.load_balancer is not None and cluster.load_balancer.waf is not None,
        "defaultTags": dict(cluster.tags),
    }


def metrics_server_values() -> dict[str, Any]:
    """Values of metrics-server, which does not verify the self-signed certificates of kubelets.

    To have them signed by the certificate authority takes `serverTLSBootstrap` and somebody who approves the requests:
    Kubernetes approves none of these by itself, since it cannot know whose address a node claims. A second controller
    that approves on a node's word adds little. The API server does not verify them either. What is left: whoever
    answers at a node's address, port 10250, which the security groups open between nodes only, gets a token that may
    read nodes' metrics.
    """
    return {"args": ["--kubelet-insecure-tls"]}


def argo_rollouts_values(settings: ArgoRolloutsChart) -> dict[str, Any]:
    """Values of Argo Rollouts. CRDs are kept at its deletion, which would delete every Rollout and its pods.

    The check of target groups is switched on by the controller's own flag. The chart has a value of its own for it
    from 2.40.9 on (github.com/argoproj/argo-helm/pull/3799), which an older one ignores silently; `extraArgs`
    is in all of them.
    """
    verify = ["--aws-verify-target-group"] if settings.aws_verify_target_group else []
    return {
        "installCRDs": True,
        "keepCRDs": True,
        "controller": {"extraArgs": verify},
        "dashboard": {"enabled": settings.dashboard},
    }
