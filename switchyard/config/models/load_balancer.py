"""The Application Load Balancer of a cluster on EC2."""

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import Field

from switchyard.config.aws_partition import partition
from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.types.aws import Cidr
from switchyard.config.types.listener_rules import RouteHost, RoutePath
from switchyard.config.types.text import matching

_REGION = "ap-northeast-2"
_ARN = f"arn:{partition(_REGION)}"


class LoadBalancerRoute(Model):
    """Which requests the load balancer sends to which service."""

    service: str = Field(description="Key of the service under `switchyard:services`.", examples=["backend"])
    host: RouteHost | None = Field(
        default=None,
        description="Host of the requests. Without it requests of every host are taken.",
        examples=["api.example.org"],
    )
    path: RoutePath = Field(default="/", description="Prefix of the path of the requests.", examples=["/api"])


class LoadBalancerSettings(Model):
    """The Application Load Balancer in front of all services that have a route."""

    certificate: (
        Annotated[
            str,
            matching(
                r"arn:aws[-a-z]*:acm:[-a-z0-9]+:[0-9]{12}:certificate/.+", "must be the ARN of a certificate in ACM"
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "ARN of a certificate in AWS Certificate Manager. With it port 443 is served and port 80 "
            "redirects to it. Without it only port 80 is served."
        ),
        examples=[f"{_ARN}:acm:{_REGION}:123456789012:certificate/11111111-2222-3333-4444-555555555555"],
    )
    routes: tuple[LoadBalancerRoute, ...] = Field(
        default=(),
        description="Which host and path is routed to which service. At least one route is needed.",
        examples=[[{"service": "backend", "host": "api.example.org"}]],
    )
    idle_timeout_seconds: Int = Field(
        default=60, ge=1, le=4000, description="Seconds after which a connection without a request is closed."
    )
    deregistration_delay_seconds: Int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds for which a target that is deregistered may finish its requests.",
    )
    healthy_threshold: Int = Field(
        default=2,
        ge=2,
        le=10,
        description="Consecutive successful health checks after which a target counts as healthy.",
    )
    unhealthy_threshold: Int = Field(
        default=2, ge=2, le=10, description="Consecutive failed health checks after which a target counts as unhealthy."
    )
    health_interval_seconds: Int = Field(
        default=10, ge=5, le=300, description="Seconds between two health checks of a target."
    )
    health_timeout_seconds: Int = Field(
        default=5, ge=2, le=120, description="Seconds that a target has to answer a health check."
    )
    access_logs: Bool = Field(default=True, description="Whether access logs are written to an S3 bucket of the stack.")
    access_log_days: Int = Field(default=90, ge=1, le=3650, description="Days after which an access log is deleted.")
    deletion_protection: Bool | None = Field(
        default=None,
        description=(
            "Whether the load balancer is protected against deletion. Default: true in a production stack, "
            "otherwise false."
        ),
        examples=[True],
    )
    waf: (
        Annotated[
            str,
            matching(
                r"arn:aws[-a-z]*:wafv2:[-a-z0-9]+:[0-9]{12}:regional/webacl/.+",
                "must be the ARN of a web ACL of scope REGIONAL",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "ARN of a web ACL of AWS WAF. Without it there is none. A web ACL that is removed here stays in "
            "force until `aws wafv2 disassociate-web-acl` is run."
        ),
        examples=[
            f"{_ARN}:wafv2:{_REGION}:123456789012:regional/webacl/production/11111111-2222-3333-4444-555555555555"
        ],
    )
    inbound: tuple[Cidr, ...] = Field(
        default=(IPv4Network("0.0.0.0/0"),),
        description="CIDR blocks from which the load balancer can be reached.",
        examples=[["203.0.113.0/24"]],
    )
