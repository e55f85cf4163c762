"""A cluster and a service for tests of what is before services."""

from typing import Any

from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings

CERTIFICATE = "arn:aws:acm:ap-northeast-2:123456789012:certificate/0c0ffee0"
GROUP = "sg-0123456789abcdef0"
MANY = [
    {"service": "backend"},
    {"service": "backend", "host": "api.example.org", "path": "/v1"},
    {"service": "shop", "path": "/shop"},
]


def cluster(routes: list[dict[str, Any]] | None = None, **load_balancer: Any) -> Ec2Cluster:
    routes = routes or [{"service": "backend"}]
    raw = {"kind": "ec2", "name": "production", "tags": {"team": "shop", "stage": "production"}}
    chart = {"version": "1.0.0", "chart": "./charts/any", "repository": "https://example.org"}
    alb = {"routes": routes} | load_balancer
    return Ec2Cluster.model_validate(raw | {"loadBalancer": alb, "metricsServer": chart})


def service(**changes: Any) -> BlueGreenSettings:
    raw = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}, "nodePort": 30080}
    return BlueGreenSettings.model_validate(raw | changes)
