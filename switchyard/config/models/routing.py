"""What shares the traffic of a canary out by weights, where the number of pods alone does not."""

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
    """Who gets the new version whatever the weight: requests with this header or this cookie.

    Attributes:
        name: of the route; a later step with nothing but the name takes it away.
        header: name of a header.
        cookie: name of a cookie.
        value: what the one or the other must be.
    """

    name: DnsLabel
    header: RouteHeaderName | None = None
    cookie: CookieName | None = None
    value: RouteValue | None = None


class CanaryScale(Model):
    """Pods of the new version while a traffic router makes the shares: exactly one of its keys.

    Attributes:
        replicas: so many.
        percent: this share of the replicas.
        match_weight: as many as the weight asks for, which is what happens without a scale.
    """

    replicas: Annotated[Int, Field(ge=1, le=100)] | None = None
    percent: Annotated[Int, Field(ge=1, le=100)] | None = None
    match_weight: Literal[True] | None = None


class Alb(Model):
    """The load balancer of an Ingress that AWS Load Balancer Controller takes care of.

    Attributes:
        ingress: its name, in the service's namespace; it has a rule for Service `root_service`.
        root_service: the name under which the Ingress has the weights; None takes the service's name.
        stickiness_seconds: how long a user stays with a version; 0 for not at all.
    """

    ingress: Subdomain | None = None
    root_service: DnsLabel | None = None
    stickiness_seconds: Annotated[Int, Field(ge=0, le=7 * 24 * 3600)] = 0


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
    """A VirtualService that this program makes, and in which the controller keeps the weights.

    Attributes:
        hosts: whose requests it takes; none takes the service's own name in the cluster.
        gateways: through which they come; none is for those from within the mesh.
    """

    hosts: tuple[Host, ...] = ()
    gateways: tuple[Gateway, ...] = ()


class Routed(Model):
    """Settings that only a traffic router can follow.

    Attributes:
        dynamic_stable_scale: whether the old version has fewer pods as it gets less traffic.
        scale_down_delay_seconds: how long the old version keeps its pods after the promotion, s; None takes the
            controller's default, 30.
        abort_scale_down_delay_seconds: the same of a version that was given up; 0 keeps them.
        alb: under `traffic: alb`.
        istio: under `traffic: istio`.
    """

    dynamic_stable_scale: Bool = False
    scale_down_delay_seconds: Annotated[Int, Field(ge=0, le=24 * 3600)] | None = None
    abort_scale_down_delay_seconds: Annotated[Int, Field(ge=0, le=24 * 3600)] | None = None
    alb: Alb = Alb()
    istio: Istio = Istio()
