"""Ingresses, Services and nodes for tests of the fake load balancer controller."""

from typing import Any

from devtools.rehearsal.load_balancer.desired import Desired, DesiredListener, desired
from devtools.rehearsal.load_balancer.target_groups import Name
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from switchyard.manifests.ingress import group_ingress, ingress, load_balancer_attributes
from switchyard.manifests.ingress_routes import parts
from switchyard.manifests.pods import Manifest, active_service

CERTIFICATE = "arn:aws:acm:ap-northeast-2:210987654321:certificate/somebodys"
GROUP = "sg-0123456789abcdef0"
INSTANCE = "i-0123456789abcdef0"
ROUTES: list[dict[str, Any]] = [
    {"service": "backend"},
    {"service": "backend", "path": "/v1"},
    {"service": "shop", "host": "shop.example.org", "path": "/cart"},
]


def service(name: str) -> BlueGreenSettings:
    ports = {"backend": 30080, "shop": 30081}
    raw = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}, "nodePort": ports[name]}
    return BlueGreenSettings.model_validate(raw)


def ingresses(group: str = GROUP, *, production: bool = False, **changes: Any) -> list[Manifest]:
    """The program's own, that of the load balancer last."""
    alb = {"routes": ROUTES, "certificate": CERTIFICATE} | changes
    raw = {"kind": "ec2", "name": "production", "tags": {"team": "shop"}, "loadBalancer": alb}
    cluster = Ec2Cluster.model_validate(raw)
    assert cluster.load_balancer is not None
    attributes = load_balancer_attributes(cluster, "logs", production=production)
    own = [ingress(cluster, part, service(part.service)) for part in parts(cluster.load_balancer.routes)]
    return [*own, group_ingress(cluster, group, attributes)]


def services() -> dict[Name, Manifest]:
    return {("default", name): active_service(name, service(name)) for name in ("backend", "shop")}


def node(name: str, instance: str | None = INSTANCE, *, ready: bool = True, **labels: str) -> Manifest:
    spec = {} if instance is None else {"providerID": f"aws:///ap-northeast-2b/{instance}"}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"conditions": conditions}}


def asked(members: list[Manifest], *nodes: Manifest) -> Desired:
    return desired("production", "production", members, services(), nodes)


def secure(wanted: Desired) -> DesiredListener:
    return next(listener for listener in wanted.listeners if listener.protocol == "HTTPS")


def annotate(member: Manifest, **annotations: str) -> Manifest:
    """An Ingress with other annotations of the controller's; underscores are hyphens."""
    own = {f"{ALB_ANNOTATIONS}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = member["metadata"] | {"annotations": member["metadata"]["annotations"] | own}
    return member | {"metadata": metadata}
