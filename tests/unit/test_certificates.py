"""Certificates that come near their end."""

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from gate.certificates import ends_soon
from rehearsal.certificate import VALID_DAYS, server_certificate
from rehearsal.tls import Tls

NOW = datetime.now(UTC)


@pytest.fixture
def kubeconfig(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Of an administrator, of an API server; the certificates of both end in `VALID_DAYS`."""
    tls = Tls()
    key = tls.create("tls:index/privateKey:PrivateKey", {"algorithm": "ECDSA", "ecdsaCurve": "P256"}).outputs
    authority = tls.create(
        "tls:index/selfSignedCert:SelfSignedCert",
        {
            "privateKeyPem": key["privateKeyPem"],
            "isCaCertificate": True,
            "validityPeriodHours": 24000,
            "allowedUses": ["cert_signing"],
            "subject": {"commonName": "kubernetes"},
        },
    ).outputs
    certificate, _ = server_certificate(authority["certPem"].encode(), key["privateKeyPem"].encode(), ["127.1.2.3"])
    monkeypatch.setattr(ssl, "get_server_certificate", lambda *_, **__: certificate.decode())
    return {
        "clusters": [{"cluster": {"server": "https://127.1.2.3:6443"}}],
        "users": [{"user": {"client-certificate-data": base64.b64encode(certificate).decode()}}],
    }


def test_nothing_is_said_long_before_the_end(kubeconfig: dict[str, object]) -> None:
    assert ends_soon(kubeconfig, 30, NOW) == []


def test_near_the_end_each_has_a_line_with_how_it_is_renewed(kubeconfig: dict[str, object]) -> None:
    own, server = ends_soon(kubeconfig, 30, NOW + timedelta(days=VALID_DAYS - 29))
    end = f"{NOW + timedelta(days=VALID_DAYS):%Y-%m-%d}"
    assert own.startswith(f"the administrator's certificate ends on {end}: pulumi up --replace")
    assert server.startswith(f"the API server's certificate ends on {end}: sudo kubeadm certs renew all")
