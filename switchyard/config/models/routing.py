"""Traffic routers of a canary: they divide the traffic by weights instead of by numbers of pods."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.types.text import DnsLabel, Subdomain, matching

Traffic = Literal["replicas", "alb", "istio"]

RouteHeaderName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}",
        "must be the name of an HTTP header, at most 40 characters | Example: X-Group",
    ),
]
CookieName = Annotated[
    str, matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", "must be the name of a cookie | Example: group")
]
RouteValue = Annotated[
    str,
    matching(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,100}", 'must be printable, without spaces and " , ; \\'),
]


class CanaryRoute(Model):
    """Requests that the new version receives whatever the weight: those with a header or a cookie."""

    name: DnsLabel = Field(
        description="Name of the route. A later step that gives only the name removes the route.", examples=["beta"]
    )
    header: RouteHeaderName | None = Field(
        default=None,
        description="Name of the header. A route has a header or a cookie, not both.",
        examples=["X-Group"],
    )
    cookie: CookieName | None = Field(default=None, description="Name of the cookie.", examples=["group"])
    value: RouteValue | None = Field(
        default=None, description="Value that the header or the cookie must have.", examples=["beta"]
    )


class CanaryScale(Model):
    """Pods of the new version while a traffic router divides the traffic. It has exactly one of these keys."""

    replicas: Annotated[Int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Number of pods.", examples=[2]
    )
    percent: Annotated[Int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Pods in percent of the replicas.", examples=[25]
    )
    match_weight: Literal[True] | None = Field(
        default=None,
        description="As many pods as the weight asks for, which is also what happens without a scale.",
        examples=[True],
    )


class Alb(Model):
    """The Ingress of AWS Load Balancer Controller whose weights divide the traffic, under `traffic: alb`."""

    ingress: Subdomain | None = Field(
        default=None,
        description=(
            "Name of the Ingress, in the service's namespace. It must have a rule for the Service `rootService`."
        ),
        examples=["backend"],
    )
    root_service: DnsLabel | None = Field(
        default=None,
        description="Name under which the Ingress has the weights. Default: the name of the service.",
        examples=["backend"],
    )
    stickiness_seconds: Annotated[Int, Field(ge=0, le=7 * 24 * 3600)] = Field(
        default=0, description="Seconds for which a user stays with a version. 0 switches stickiness off."
    )


Host = Annotated[
    str,
    matching(
        r"(?:\*\.)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*",
        "must be a host name, the first label of which may be * | Example: api.example.org",
    ),
]
Gateway = Annotated[
    str,
    matching(
        r"(?:[a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "must be a Gateway of Istio, with its namespace in front where that is another | Example: istio-system/public",
    ),
]


class Istio(Model):
    """The VirtualService that is created, and in which the controller keeps the weights, under `traffic: istio`."""

    hosts: tuple[Host, ...] = Field(
        default=(),
        description="Hosts whose requests it routes. Default: the service's own name in the cluster.",
        examples=[["api.example.org"]],
    )
    gateways: tuple[Gateway, ...] = Field(
        default=(),
        description=(
            "Gateways of Istio through which the requests arrive, each with its namespace where that is "
            "another. Default: requests from within the mesh."
        ),
        examples=[["istio-system/public"]],
    )


class Routed(Model):
    """The settings of a canary that need a traffic router."""

    dynamic_stable_scale: Bool = Field(
        default=False, description="Whether the stable version has fewer pods as it receives less traffic."
    )
    scale_down_delay_seconds: Annotated[Int, Field(ge=0, le=24 * 3600)] | None = Field(
        default=None,
        description=(
            "Seconds for which the old version keeps its pods after the promotion. Default: that of the controller, 30."
        ),
        examples=[30],
    )
    abort_scale_down_delay_seconds: Annotated[Int, Field(ge=0, le=24 * 3600)] | None = Field(
        default=None,
        description=(
            "Seconds for which an aborted version keeps its pods. 0 keeps them without a limit. Default: "
            "that of the controller, 30."
        ),
        examples=[30],
    )
    alb: Alb = Field(
        default=Alb.model_construct(),
        description="The Ingress whose weights divide the traffic, under `traffic: alb`.",
        examples=[{"ingress": "backend"}],
    )
    istio: Istio = Field(
        default=Istio.model_construct(),
        description="The VirtualService whose weights divide the traffic, under `traffic: istio`.",
        examples=[{"hosts": ["api.example.org"]}],
    )
