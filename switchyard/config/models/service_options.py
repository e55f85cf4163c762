"""Options of the Service that users reach."""

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from switchyard.config.models.base import Int, Model
from switchyard.config.models.pod import FreeAnnotationKey
from switchyard.config.types.text import matching


def _range(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("must be a CIDR range | Example: 10.0.0.0/8") from None
    return text


def _not_pulumis(key: str) -> str:
    if key.startswith("pulumi.com/"):
        raise ValueError("is reserved: pulumi.com/* say how the provider applies the Service | Choose another key.")
    return key


class ServiceOptions(Model):
    """Options of Service `name`, the one that users reach.

    Attributes:
        type: how it is reached. An AWS load balancer with instance targets needs a NodePort.
        annotations: for whoever implements it.
        session_affinity: ``ClientIP`` sends a client to one pod as long as that is ready and selected. A switch ends
            it: the pods of the old colour are no endpoints any more.
        session_affinity_seconds: after which an idle client is sent anew.
        external_traffic_policy: ``Local`` keeps the client's address and uses pods of the same node alone.
        internal_traffic_policy: the same for clients in the cluster.
        load_balancer_class: who implements type LoadBalancer; fixed once the Service has that type.
        load_balancer_source_ranges: who may reach a LoadBalancer.
    """

    type: Literal["NodePort", "ClusterIP", "LoadBalancer"] = "NodePort"
    annotations: dict[Annotated[FreeAnnotationKey, AfterValidator(_not_pulumis)], str] = {}
    session_affinity: Literal["None", "ClientIP"] | None = None
    session_affinity_seconds: Annotated[Int, Field(ge=1, le=86400)] | None = None
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    internal_traffic_policy: Literal["Cluster", "Local"] | None = None
    load_balancer_class: (
        Annotated[
            str,
            matching(
                r"(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
                "must be a label key | Example: service.k8s.aws/nlb",
            ),
        ]
        | None
    ) = None
    load_balancer_source_ranges: tuple[Annotated[str, AfterValidator(_range)], ...] = ()
