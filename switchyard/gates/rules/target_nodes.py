"""Refuses labels of nodes with which the load balancer would have no target for a service that it routes to."""

from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.nodes import WORKLOAD, NodeSettings
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.ingresses import routes_to

TARGET_NODE_LABELS = f"{ALB_ANNOTATIONS}/target-node-labels"
"""Annotation of an Ingress: the labels of the nodes that its load balancer takes for targets."""


def refuse_lost_targets(
    name: str, ingresses: Iterable[Mapping[str, Any]], nodes: Mapping[str, NodeSettings]
) -> Refusal | None:
    """Refuses to take the label of its targets off all nodes.

    The nodes get their labels at the beginning of an update, and the Ingress names the new ones at its end.

    Args:
        name: the service's name.
        ingresses: the Ingresses of its namespace, as they are on the cluster.
        nodes: the node table.
    """
    workloads = {node.workload for node in nodes.values()}
    for ingress in ingresses:
        workload = _target_labels(ingress).get(WORKLOAD)
        if workload is None or workload in workloads or not routes_to(name, [ingress]):
            continue
        return Refusal(
            code=Code.TARGET_NODES_LOST,
            step=f"{key_of(name)}: a change of the labels of nodes",
            observed=(
                f"the load balancer sends its requests to nodes with {WORKLOAD}={workload}, and no node of "
                f"{CLUSTER}.nodes would have that label"
            ),
            rule="nodes keep the label until the load balancer has other targets",
            remedy=(
                f"Nothing was changed. Set {WORKLOAD}: {workload} back. To rename it, add nodes with the new value, "
                "switch the service to them by its nodeSelector, and remove the old nodes in a later update."
            ),
        )
    return None


def _target_labels(ingress: Mapping[str, Any]) -> dict[str, str]:
    text = (ingress["metadata"].get("annotations") or {}).get(TARGET_NODE_LABELS, "")
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {key.strip(): value.strip() for key, _, value in pairs}
