"""Certificates of a cluster that come near their end."""

import base64
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

CALL_SECONDS = 10
"""Bound on the connection that shows the API server's certificate."""


def ends_soon(kubeconfig: Mapping[str, Any], days: int, now: datetime) -> list[str]:
    """Warnings of the administrator's certificate and the API server's own, within so many days of their end.

    The engine renews neither by itself: the first is renewed by a replacement that is asked for, the second by kubeadm.

    Args:
        kubeconfig: what is in the administrator's.
        days: before the end.
        now: the time.

    Raises:
        OSError: the API server does not show its certificate.
    """
    own = base64.b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"])
    server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
    shown = ssl.get_server_certificate((str(server.hostname), server.port or 443), timeout=CALL_SECONDS)
    found = {
        "the administrator's certificate": (own, "pulumi up --replace '**LocallySignedCert::cluster-pki-admin'"),
        "the API server's certificate": (shown.encode(), "sudo kubeadm certs renew all, on the control plane"),
    }
    return [
        f"{what} ends on {end:%Y-%m-%d}: {remedy}. See docs/runbook.md, certificates"
        for what, (pem, remedy) in found.items()
        if (end := x509.load_pem_x509_certificate(pem).not_valid_after_utc) < now + timedelta(days=days)
    ]
