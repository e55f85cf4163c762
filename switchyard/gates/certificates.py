"""Certificates of a cluster that come near their end."""

import base64
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from switchyard.errors import UnreachableError
from switchyard.gates import runbook
from switchyard.kube.access import ClusterAccess
from switchyard.kube.error_texts import why_unreachable

CALL_SECONDS = 10
"""Bound on the connection that shows the API server's certificate."""

AUTHENTICATION = ("kube-system", "extension-apiserver-authentication")
"""Namespace and name of the ConfigMap in which the API server publishes the certificate authorities that it has."""

PUBLISHED = {"client-ca-file": "kubernetes", "requestheader-client-ca-file": "front-proxy-ca"}
"""Common name of each authority in that ConfigMap, by its key. etcd's is as old as they are, and is not in it."""

RUNBOOK = f"See {runbook.RUNBOOK}, certificates"


def administrator_renewal(kubeconfig: Mapping[str, Any], days: int, now: datetime) -> str | None:
    """What this update does with the administrator's certificate within so many days of its end; None before.

    The TLS provider replaces the certificate by itself then. The kubeconfig of the Kubernetes provider is not known
    in that preview, and so the preview cannot tell of most objects whether they change.

    Args:
        kubeconfig: what is in the administrator's.
        days: before the end.
        now: the time.
    """
    own = base64.b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"])
    end = _end(own)
    if end >= now + timedelta(days=days):
        return None
    ends = "ended" if end <= now else "ends"
    return (
        f"the administrator's certificate {ends} on {end:%Y-%m-%d}, and this update renews it by itself, for the same "
        "key. The preview therefore lists most objects of the cluster: the kubeconfig of their provider is not known "
        "before. The update replaces cluster-pki-admin, updates the provider, and changes none of them because of it. "
        f"Fetch the kubeconfig again afterwards: pulumi stack output kubeconfig --show-secrets. {RUNBOOK}"
    )


def server_warning(kubeconfig: Mapping[str, Any], days: int, now: datetime) -> str | None:
    """A warning of the API server's certificate within so many days of its end, which only kubeadm renews.

    Args:
        kubeconfig: what is in the administrator's.
        days: before the end.
        now: the time.

    Raises:
        switchyard.errors.UnreachableError: the API server does not show its certificate.
    """
    server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
    try:
        shown = ssl.get_server_certificate((str(server.hostname), server.port or 443), timeout=CALL_SECONDS)
    except OSError as error:
        raise UnreachableError(f"the certificate of {server.netloc}: {why_unreachable(error)}") from error
    end = _end(shown.encode())
    if end >= now + timedelta(days=days):
        return None
    return (
        f"the API server's certificate ends on {end:%Y-%m-%d}: sudo kubeadm certs renew all, on the control plane. "
        f"{RUNBOOK}"
    )


def authority_warnings(
    kubeconfig: Mapping[str, Any], on_machines: Mapping[str, str], days: int, now: datetime
) -> list[str]:
    """Warnings of the certificate authorities within so many days of their end, and of one that the stack has alone.

    No update replaces an authority: the machines would keep the one that they have.

    Args:
        kubeconfig: what is in the administrator's, with the authority of the stack.
        on_machines: what `authorities_on_machines` read; none where it could not be read.
        days: before the end.
        now: the time.
    """
    own = base64.b64decode(kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"])
    authorities = {name: pem.encode() for name, pem in on_machines.items()} or {"kubernetes": own}
    warnings = [
        f"the certificate authority {name} of the machines ends on {end:%Y-%m-%d}: no certificate of the cluster is "
        f"good after it, and no update renews it. {RUNBOOK}, the authorities'"
        for name, pem in authorities.items()
        if (end := _end(pem)) < now + timedelta(days=days)
    ]
    live = authorities.get("kubernetes", own)
    if _serials(own).isdisjoint(_serials(live)):
        warnings.append(
            "the stack has another certificate of the authority kubernetes than the machines: they keep theirs, which "
            f"ends on {_end(live):%Y-%m-%d}, until it is put there by hand. {RUNBOOK}, the authorities'"
        )
    return warnings


async def authorities_on_machines(access: ClusterAccess) -> dict[str, str]:
    """The certificate authorities that the API server has from its machine, by common name, as PEM.

    Args:
        access: the cluster.

    Raises:
        switchyard.errors.ClusterError: no answer, or none for this user.
    """
    namespace, name = AUTHENTICATION
    published = await (await access.api()).find("configmaps", name, namespace)
    data = {} if published is None else published.get("data") or {}
    return {PUBLISHED[key]: data[key] for key in PUBLISHED if data.get(key)}


def _end(pem: bytes) -> datetime:
    """The end of a certificate; of several in one file, of that which ends first."""
    return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(pem))


def _serials(pem: bytes) -> set[int]:
    return {each.serial_number for each in x509.load_pem_x509_certificates(pem)}
