"""URLs of a service's Services, for the outputs of the stack."""

from collections.abc import Mapping
from typing import Any

from switchyard.config.models.pod_settings import PORT
from switchyard.config.models.service import ServiceSettings

NO_NODE_PORT = "none: service.type is ClusterIP"
"""Text instead of a URL on the nodes where the Service that users reach has no NodePort."""


def service_hosts(name: str, namespace: str) -> tuple[str, ...]:
    """The names of a Service inside the cluster, the shortest first.

    Args:
        name: name of the Service.
        namespace: its namespace.
    """
    return name, f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local"


def service_url(name: str, service: ServiceSettings) -> str:
    """The URL inside the cluster of one Service of a service.

    Args:
        name: name of the Service.
        service: the settings.
    """
    return f"http://{service_hosts(name, service.namespace)[-1]}:{service.exposed_port}"


def node_port_url(spec: Mapping[str, Any]) -> str:
    """The URL on every node for the ALB's targets, without a number until Kubernetes has chosen the port.

    Args:
        spec: spec of the Service that users reach, as the API server returned it.
    """
    ports: list[Mapping[str, Any]] = spec["ports"]
    numbers = [int(port.get("nodePort") or 0) for port in ports if port["name"] == PORT]
    return f"http://<application node>:{next(iter(numbers), 0) or '<chosen by Kubernetes>'}"
