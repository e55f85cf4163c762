"""Options of the Service that users reach."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Int, Model
from switchyard.config.models.pod import ObjectAnnotationKey
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import LabelKey


def _range(text: str) -> str:
    try:
        ip_network(text)
        if re.search(r"^[^%]+/[0-9]+$", text) is None:  # Python takes a single address, and a mask of four numbers
            raise ValueError(text)
    except ValueError:
        raise ValueError("must be a CIDR range | Example: 10.0.0.0/8") from None
    return text


CidrRange = Annotated[str, Checked(_range, "a CIDR range")]


class ServiceOptions(Model):
    """Type and options of the Service that users reach."""

    type: Literal["NodePort", "ClusterIP", "LoadBalancer"] = Field(
        default="NodePort",
        description="Type of the Service. An AWS load balancer with instance targets needs NodePort.",
    )
    annotations: dict[ObjectAnnotationKey, str] = Field(
        default={},
        description="Annotations of the Service by key, for the controller that implements it.",
        examples=[{"example.org/owner": "payments"}],
    )
    session_affinity: Literal["None", "ClientIP"] | None = Field(
        default=None,
        description=(
            "`ClientIP` sends a client to the same pod as long as that pod is ready and selected. A switch ends "
            "the affinity, because the pods of the old colour are no longer endpoints. Default: `None`."
        ),
        examples=["ClientIP"],
    )
    session_affinity_seconds: Annotated[Int, Field(ge=1, le=86400)] | None = Field(
        default=None,
        description=(
            "Seconds after which an idle client may be sent to another pod. Default: Kubernetes' own default, 10800."
        ),
        examples=[600],
    )
    external_traffic_policy: Literal["Cluster", "Local"] | None = Field(
        default=None,
        description=(
            "`Local` keeps the client's IP address and routes only to pods on the same node. It needs a strict spread "
            "over nodes, and a switch is refused if a node would lose its last pod. Default: `Cluster`."
        ),
        examples=["Local"],
    )
    internal_traffic_policy: Literal["Cluster", "Local"] | None = Field(
        default=None,
        description=(
            "`Local` routes clients in the cluster only to pods on their own node, with the conditions of "
            "`externalTrafficPolicy`. Default: `Cluster`."
        ),
        examples=["Local"],
    )
    app_protocol: LabelKey | None = Field(
        default=None,
        description=(
            "Protocol of the application on its first port, for gateways and meshes. All Services of the service have "
            "it."
        ),
        examples=["http"],
    )
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None = Field(
        default=None,
        description=(
            "Whether the Service has an address of one family or of both. Default: that of the cluster, `SingleStack`."
        ),
        examples=["PreferDualStack"],
    )
    ip_families: Annotated[tuple[Literal["IPv4", "IPv6"], ...], Field(max_length=2)] = Field(
        default=(),
        description=(
            "Families of the addresses of the Service. The first one cannot change while the Service exists. Default: "
            "those of the cluster."
        ),
        examples=[["IPv4", "IPv6"]],
    )
    load_balancer_class: LabelKey | None = Field(
        default=None,
        description="Controller that implements type LoadBalancer. It is immutable once the Service has that type.",
        examples=["service.k8s.aws/nlb"],
    )
    load_balancer_source_ranges: tuple[CidrRange, ...] = Field(
        default=(), description="CIDR ranges that may reach a Service of type LoadBalancer.", examples=[["10.0.0.0/8"]]
    )
