"""The health of the kube-proxy of each node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEALTH_PATHS = ("/livez", "/healthz")
"""Paths of the health check, in the order of requests.

The second is requested only when kube-proxy does not have the first, as before Kubernetes 1.28.

Both answer 200 while kube-proxy keeps up, and 503 when a change has waited for its rules for more than a minute. Since
1.28 ``/healthz`` also answers 503 on a node that is being deleted or that the cluster autoscaler has tainted with
ToBeDeletedByClusterAutoscaler, however well kube-proxy follows there (KEP-3836).

Neither tells when the rules were last written: a healthy kube-proxy answers with the present time.
"""


@dataclass(frozen=True)
class Routing:
    """The health of the kube-proxy of one node.

    Attributes:
        node: name of the node.
        ready: whether the node is Ready.
        status: HTTP status of the health check; None without an answer.
    """

    node: str
    ready: bool
    status: int | None


def routing_of(node: Mapping[str, Any], status: int | None) -> Routing:
    """The health of the kube-proxy of a node, from the Node object and the HTTP status of the answer."""
    conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", ())}
    return Routing(node["metadata"]["name"], conditions.get("Ready") == "True", status)
