"""Warns of certificates of a cluster that expire soon."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.gates import runbook
from switchyard.gates.rules.refusal import notice

RUNBOOK = f"See {runbook.RUNBOOK}, certificates"


def administrator_renewal(kubeconfig: Mapping[str, Any], days: int, now: datetime) -> str | None:
    """Announces the renewal of the administrator's certificate within so many days of its expiry; None before.

    The TLS provider then replaces the certificate by itself. The kubeconfig of the Kubernetes provider is not known in
    that preview, so the preview cannot tell for most objects whether they change.

    Args:
        kubeconfig: the content of the administrator's kubeconfig.
        days: days before the expiry from which the certificate is renewed.
        now: the present time.
    """
    own = base64.b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"])
    end = _end(own)
    if end >= now + timedelta(days=days):
        return None
    expires = "expired" if end <= now else "expires"
    return notice(
        Code.ADMIN_CERTIFICATE_RENEWED,
        "",
        f"the administrator's certificate {expires} on {end:%Y-%m-%d}, and this update renews it by itself, for the "
        "same key",
        "The preview therefore lists most objects of the cluster: the kubeconfig of their provider is not known in a "
        "preview. The update replaces cluster-pki-admin, updates the provider, and changes none of them because of it. "
        "Fetch the kubeconfig again afterwards: "
        f"{typed('pulumi stack output kubeconfig --show-secrets')}. {RUNBOOK}",
    )


def server_warning(certificate: str, days: int, now: datetime) -> str | None:
    """Warns of the API server's certificate within so many days of its expiry; only kubeadm renews it.

    Args:
        certificate: the certificate that the API server shows, as PEM.
        days: days before the expiry from which to warn.
        now: the present time.
    """
    end = _end(certificate.encode())
    if end >= now + timedelta(days=days):
        return None
    return notice(
        Code.SERVER_CERTIFICATE_ENDS,
        "",
        f"the API server's certificate expires on {end:%Y-%m-%d}",
        f"Renew it on the control plane: sudo kubeadm certs renew all. {RUNBOOK}",
    )


def authority_warnings(
    kubeconfig: Mapping[str, Any], on_machines: Mapping[str, str], days: int, now: datetime
) -> list[str]:
    """Warns of certificate authorities within so many days of their expiry, and of one that only the stack has.

    No update replaces a certificate authority: the machines would keep their own certificate of it.

    Args:
        kubeconfig: the content of the administrator's kubeconfig, which has the certificate authority of the stack.
        on_machines: certificates of the machines as PEM, by common name; empty where they could not be read.
        days: days before the expiry from which to warn.
        now: the present time.
    """
    own = base64.b64decode(kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"])
    authorities = {name: pem.encode() for name, pem in on_machines.items()} or {"kubernetes": own}
    warnings = [
        notice(
            Code.CA_CERTIFICATE_ENDS,
            "",
            f"the certificate authority {name} of the machines expires on {end:%Y-%m-%d}: no certificate of the "
            "cluster is valid after that, and no update renews it",
            f"{RUNBOOK}, the certificate authorities'",
        )
        for name, pem in authorities.items()
        if (end := _end(pem)) < now + timedelta(days=days)
    ]
    live = authorities.get("kubernetes", own)
    if _serials(own).isdisjoint(_serials(live)):
        warnings.append(
            notice(
                Code.CA_CERTIFICATE_DIFFERS,
                "",
                "the stack has another certificate of the certificate authority kubernetes than the machines, which "
                f"keep theirs, valid until {_end(live):%Y-%m-%d}",
                f"Put the new one on the machines by hand. {RUNBOOK}, the certificate authorities'",
            )
        )
    return warnings


def _end(pem: bytes) -> datetime:
    """The expiry of a certificate; of several in one file, the earliest expiry."""
    return min(certificate.not_valid_after_utc for certificate in x509.load_pem_x509_certificates(pem))


def _serials(pem: bytes) -> set[int]:
    return {certificate.serial_number for certificate in x509.load_pem_x509_certificates(pem)}
