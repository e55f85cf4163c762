"""The target groups of an Ingress: the ports of nodes, and the instances behind them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devtools.rehearsal.values import Values
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.manifests.pods import Manifest

HEALTH = {
    "HealthCheckProtocol": ("healthcheck-protocol", "HTTP"),
    "HealthCheckPath": ("healthcheck-path", "/"),
    "HealthCheckPort": ("healthcheck-port", "traffic-port"),
    "HealthCheckIntervalSeconds": ("healthcheck-interval-seconds", 15),
    "HealthCheckTimeoutSeconds": ("healthcheck-timeout-seconds", 5),
    "HealthyThresholdCount": ("healthy-threshold-count", 2),
    "UnhealthyThresholdCount": ("unhealthy-threshold-count", 2),
}
"""Annotation of each parameter of a health check, and the controller's default."""

EXCLUDED = (
    "node.kubernetes.io/exclude-from-external-load-balancers",
    "alpha.service-controller.kubernetes.io/exclude-balancer",
    "node-role.kubernetes.io/master",
)
"""Labels of nodes that are never targets, whatever labels an Ingress selects."""

DELETION_TAINT = "ToBeDeletedByClusterAutoscaler"
"""Taint of a node that is no longer a target."""

INSTANCE = re.compile(r"i-[^/]*")
"""Last part of the provider id of an instance."""

Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class DesiredTargetGroup:
    """A target group: name, NodePort, health check, attributes, and ids of the instances.

    Attributes:
        resource: value of the controller's tag `resource`: Ingress, Service and port of the target group.
        targets: ids of the instances; None leaves the targets as they are, because a node is no instance.
    """

    name: str
    resource: str
    port: int
    health: Values
    attributes: dict[str, str]
    targets: tuple[str, ...] | None


def target_group(
    cluster: str,
    group: str,
    ingress: Manifest,
    services: Mapping[Name, Manifest],
    nodes: Iterable[Manifest],
    backend: Manifest,
) -> tuple[DesiredTargetGroup, list[str]]:
    """The target group of one backend.

    Args:
        cluster: name of the cluster.
        group: group of the Ingress.
        ingress: the Ingress, which has annotations on its targets.
        services: all Services.
        nodes: all nodes.
        backend: Service and port, as the Ingress names them.

    Returns:
        The target group, and notes on parts that cannot be created.

    Raises:
        ValueError: as of `devtools.rehearsal.load_balancer.desired.desired`.
    """
    if (kind := annotation(ingress, "target-type") or "instance") != "instance":
        raise ValueError(f"Ingress {written(ingress)}: target-type {kind} is unknown here")
    if (protocol := annotation(ingress, "backend-protocol") or "HTTP") != "HTTP":
        raise ValueError(f"Ingress {written(ingress)}: backend-protocol {protocol} is unknown here")
    port = _node_port(ingress, services, backend)
    namespace, service = ingress["metadata"]["namespace"], backend["name"]
    health: Values = {}
    for parameter, (name, default) in HEALTH.items():
        value = annotation(ingress, name)
        health[parameter] = default if value is None else int(value) if isinstance(default, int) else value
    health["Matcher"] = {"HttpCode": annotation(ingress, "success-codes") or "200"}
    targets, notes = _targets(pairs(annotation(ingress, "target-node-labels")), nodes)
    uid, name = services[namespace, service]["metadata"].get("uid", ""), ingress["metadata"]["name"]
    named = next(iter(backend["port"].values()))
    distinct = digest(cluster, group, namespace, name, uid, named, port, "instance", "HTTP", "HTTP1")
    desired = DesiredTargetGroup(
        name=f"k8s-{letters(namespace)[:8]}-{letters(service)[:8]}-{distinct}",
        resource=f"{written(ingress)}-{service}:{named}",
        port=port,
        health=health,
        attributes=pairs(annotation(ingress, "target-group-attributes")),
        targets=None if notes else tuple(sorted(targets)),
    )
    return desired, notes


def pairs(text: str | None) -> dict[str, str]:
    """``a=1,b=2`` as the controller reads it."""
    split = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    return {key.strip(): value.strip() for key, _, value in split}


def annotation(ingress: Manifest, name: str) -> str | None:
    """The value of an annotation of the controller."""
    return annotations(ingress).get(f"{ALB_ANNOTATIONS}/{name}")


def written(manifest: Manifest) -> str:
    """Namespace and name."""
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"


def annotations(ingress: Manifest) -> Mapping[str, str]:
    """All annotations."""
    all_annotations: Mapping[str, str] = ingress["metadata"].get("annotations") or {}
    return all_annotations


def letters(text: str) -> str:
    """The characters of a text that are valid in a name at AWS."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


def digest(*parts: object) -> str:
    """The first ten characters of the digest of the concatenated parts, as the controller computes it."""
    return hashlib.sha256("".join(map(str, parts)).encode()).hexdigest()[:10]


def _node_port(ingress: Manifest, services: Mapping[Name, Manifest], backend: Manifest) -> int:
    """Returns the NodePort of a backend."""
    namespace = ingress["metadata"]["namespace"]
    service = services.get((namespace, backend["name"]))
    if service is None:
        raise ValueError(f"Ingress {written(ingress)}: there is no Service {backend['name']} in {namespace}")
    for port in service["spec"].get("ports") or ():
        if backend["port"] in ({"name": port.get("name")}, {"number": port["port"]}):
            if service["spec"].get("type") not in {"NodePort", "LoadBalancer"}:
                raise ValueError(f"Service {written(service)}: TargetGroup port is empty: it is not of type NodePort")
            return int(port["nodePort"])
    raise ValueError(f"Ingress {written(ingress)}: Service {backend['name']} has no port {backend['port']}")


def _targets(labels: Mapping[str, str], nodes: Iterable[Manifest]) -> tuple[list[str], list[str]]:
    """IDs of the instances of the nodes with these labels, and the nodes without an instance.

    If no node is Ready, nodes of unknown state count as well (the controller's fail-open).
    """
    chosen = [node for node in nodes if _takes_traffic(node) and labels.items() <= _labels(node).items()]
    ready = [node for node in chosen if _ready(node) == "True"] or [
        node for node in chosen if _ready(node) == "Unknown"
    ]
    targets, notes = [], []
    for node in ready:
        name, provider = node["metadata"]["name"], node["spec"].get("providerID") or ""
        instance = provider.rpartition("/")[2]
        if INSTANCE.fullmatch(instance):
            targets.append(instance)
        else:
            notes.append(f"providerID {provider!r} is invalid for EC2 instances, node: {name}: no target is registered")
    return targets, notes


def _takes_traffic(node: Manifest) -> bool:
    taints = {taint["key"] for taint in node["spec"].get("taints") or ()}
    return DELETION_TAINT not in taints and not any(label in _labels(node) for label in EXCLUDED)


def _labels(node: Manifest) -> Mapping[str, str]:
    all_labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    return all_labels


def _ready(node: Manifest) -> str | None:
    conditions = node.get("status", {}).get("conditions") or ()
    return next((condition["status"] for condition in conditions if condition["type"] == "Ready"), None)
