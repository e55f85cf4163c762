"""URLs that name a Service of the cluster, which only the API server can reach."""

from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ServiceAddress:
    """The address of a Service within the cluster.

    Attributes:
        service: name of the Service.
        namespace: namespace of the Service.
        port: number of the Service's port.
        https: whether the Service uses TLS.
        path: path of the URL, without a slash at the end.
    """

    service: str
    namespace: str
    port: int
    https: bool
    path: str

    @property
    def target(self) -> str:
        """Name and port of the Service as in a path of the API server's proxy, for example ``prometheus:9090``."""
        return f"{self.service}:{self.port}"

    @property
    def resource_name(self) -> str:
        """Resource name of the Service in an RBAC rule for services/proxy, for example ``https:prometheus:9090``."""
        return f"https:{self.target}" if self.https else self.target


def service_address(url: str) -> ServiceAddress | None:
    """The Service that a URL names as `NAME.NAMESPACE`, `NAME.NAMESPACE.svc` or longer; None for any other host.

    A host of one label, of three or more without `svc`, or with a dot at its end is a host of any network.
    """
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port or PORTS[split.scheme]
    except (ValueError, KeyError):
        return None
    match host.split("."):
        case [name, namespace] | [name, namespace, "svc"] | [name, namespace, "svc", _, *_] if (
            name and namespace and not host.endswith(".")
        ):
            return ServiceAddress(name, namespace, port, split.scheme == "https", split.path.rstrip("/"))
    return None
