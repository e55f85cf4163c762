"""A whole configuration of an EC2 cluster in production, and ways to change it."""

import copy
from typing import Any

from switchyard.config.models.nodes import DEFAULT_NODES
from tests.support.configuration import BACKEND, error_lines

CERTIFICATE = "arn:aws:acm:ap-northeast-2:123456789012:certificate/1f2e"
PRODUCTION: dict[str, Any] = {
    "kind": "ec2",
    "name": "production",
    "region": "ap-northeast-2",
    "kubernetes": "1.34.1",
    "hostname": "api.example.org",
    "network": {
        "vpc": "10.0.0.0/16",
        "subnets": {
            "ap-northeast-2a": "10.0.1.0/24",
            "ap-northeast-2b": "10.0.2.0/24",
            "ap-northeast-2c": "10.0.3.0/24",
        },
        "pods": "192.168.0.0/16",
        "services": "10.96.0.0/12",
        "administrators": ["203.0.113.7/32", "198.51.100.0/24"],
    },
    "nodes": {name: node.model_dump(mode="json", by_alias=True) for name, node in DEFAULT_NODES.items()},
    "tags": {"team": "platform", "cost-centre": "4711"},
    "loadBalancer": {
        "certificate": CERTIFICATE,
        "routes": [{"service": "backend", "host": "backend.example.org"}],
    },
}
SERVICES: dict[str, Any] = {"backend": BACKEND | {"nodePort": 30080}}


def with_(*changes: tuple[str, Any]) -> dict[str, Any]:
    """Returns the cluster with values changed; None removes one. A path has / between its keys."""
    cluster = copy.deepcopy(PRODUCTION)
    for path, value in copy.deepcopy(changes):
        *above, last = path.split("/")
        node = cluster
        for key in above:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return cluster


def cluster_errors(*changes: tuple[str, Any], services: Any = SERVICES, stack: str = "production") -> list[str]:
    return error_lines(services, with_(*changes), stack)
