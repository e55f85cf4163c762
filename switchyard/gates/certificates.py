"""Reads the certificates of a cluster: that of the API server, and the certificate authorities."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.errors import UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.error_texts import why_unreachable

CALL_SECONDS = 10
"""Time limit in seconds for the connection from which the API server's certificate is read."""

AUTHENTICATION = (KUBE_SYSTEM, "extension-apiserver-authentication")
"""Namespace and name of the ConfigMap in which the API server publishes its certificate authorities."""

PUBLISHED = {"client-ca-file": "kubernetes", "requestheader-client-ca-file": "front-proxy-ca"}
"""Common name of each certificate authority in that ConfigMap, by its key.

The ConfigMap does not have etcd's, which is as old as the others.
"""


def server_certificate(kubeconfig: Mapping[str, Any]) -> str:
    """The certificate that the API server shows, as PEM.

    Args:
        kubeconfig: the content of the administrator's kubeconfig.

    Raises:
        switchyard.errors.UnreachableError: the API server does not show its certificate.
    """
    server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
    try:
        return ssl.get_server_certificate((str(server.hostname), server.port or 443), timeout=CALL_SECONDS)
    except OSError as error:
        raise UnreachableError(f"the certificate of {server.netloc}: {why_unreachable(error)}") from error


async def authorities_on_machines(access: ClusterAccess) -> dict[str, str]:
    """The certificate authorities that the API server uses, by common name, as PEM.

    Args:
        access: the cluster.

    Raises:
        switchyard.errors.ClusterError: the cluster does not answer, or denies the request.
    """
    namespace, name = AUTHENTICATION
    published = await (await access.api()).find("configmaps", name, namespace)
    data = {} if published is None else published.get("data") or {}
    return {PUBLISHED[key]: data[key] for key in PUBLISHED if data.get(key)}
