"""Certificates that expire soon."""

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from devtools.rehearsal.machines import certificate
from devtools.rehearsal.machines.certificate import VALID_DAYS
from devtools.rehearsal.tls.provider import Tls
from switchyard.gates.certificates import server_certificate
from switchyard.gates.rules.certificates import administrator_renewal, authority_warnings, server_warning

NOW = datetime.now(UTC)


CA_DAYS = 1000


def authority(days: int) -> dict[str, str]:
    """A certificate authority's certificate and key."""
    tls = Tls()
    key = tls.create("tls:index/privateKey:PrivateKey", {"algorithm": "ECDSA", "ecdsaCurve": "P256"}).outputs
    inputs = {
        "privateKeyPem": key["privateKeyPem"],
        "isCaCertificate": True,
        "validityPeriodHours": days * 24,
        "allowedUses": ["cert_signing"],
        "subject": {"commonName": "kubernetes"},
    }
    certificate = tls.create("tls:index/selfSignedCert:SelfSignedCert", inputs).outputs
    return {"certPem": certificate["certPem"], "privateKeyPem": key["privateKeyPem"]}


@pytest.fixture
def kubeconfig(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The kubeconfig of an administrator, whose certificate and the API server's end in `VALID_DAYS`."""
    own = authority(CA_DAYS)
    shown, _ = certificate.server_certificate(own["certPem"].encode(), own["privateKeyPem"].encode(), ["127.1.2.3"])
    monkeypatch.setattr(ssl, "get_server_certificate", lambda *_, **__: shown.decode())
    return {
        "clusters": [
            {
                "cluster": {
                    "server": "https://127.1.2.3:6443",
                    "certificate-authority-data": base64.b64encode(own["certPem"].encode()).decode(),
                }
            }
        ],
        "users": [{"user": {"client-certificate-data": base64.b64encode(shown).decode()}}],
    }


END = NOW + timedelta(days=VALID_DAYS)


def test_certificates_that_are_valid_for_long_are_not_reported(kubeconfig: dict[str, object]) -> None:
    assert administrator_renewal(kubeconfig, 30, NOW) is None
    assert server_warning(server_certificate(kubeconfig), 30, NOW) is None
    assert authority_warnings(kubeconfig, {}, 30, NOW) == []


def test_the_administrators_certificate_is_renewed_by_the_update_with_a_notice(
    kubeconfig: dict[str, object],
) -> None:
    said = administrator_renewal(kubeconfig, 30, END - timedelta(days=29))
    assert said is not None
    assert said.startswith(
        f"the administrator's certificate expires on {END:%Y-%m-%d}, and this update renews it by itself"
    )
    assert "lists most objects of the cluster" in said
    assert "changes none of them" in said
    after = administrator_renewal(kubeconfig, 30, END + timedelta(days=1))
    assert after is not None
    assert after.startswith(f"the administrator's certificate expired on {END:%Y-%m-%d}, and this update renews it")


def test_the_api_servers_certificate_is_renewed_by_kubeadm(kubeconfig: dict[str, object]) -> None:
    said = server_warning(server_certificate(kubeconfig), 30, END - timedelta(days=29))
    assert said is not None
    assert said.startswith(
        f"the API server's certificate expires on {END:%Y-%m-%d} (SY-E002). Renew it on the control plane: sudo "
        "kubeadm certs"
    )


def test_each_certificate_authority_of_the_instances_is_reported_before_it_expires(
    kubeconfig: dict[str, object],
) -> None:
    own = authority(CA_DAYS)["certPem"]
    kubeconfig["clusters"] = [{"cluster": {"certificate-authority-data": base64.b64encode(own.encode()).decode()}}]
    near = NOW + timedelta(days=CA_DAYS - 29)
    end = f"{NOW + timedelta(days=CA_DAYS):%Y-%m-%d}"
    for on_machines in ({}, {"kubernetes": own}):
        [said] = authority_warnings(kubeconfig, on_machines, 30, near)
        assert said.startswith(
            f"the certificate authority kubernetes of the machines expires on {end}: no certificate of"
        )
        assert "no update renews it" in said
    later = authority(CA_DAYS + 100)["certPem"]
    [said] = authority_warnings(kubeconfig, {"kubernetes": own, "front-proxy-ca": later}, 30, near)
    assert "authority kubernetes of" in said
    assert len(authority_warnings(kubeconfig, {"kubernetes": own, "front-proxy-ca": own}, 30, near)) == 2


def test_a_certificate_authority_that_only_the_stack_has_is_reported(kubeconfig: dict[str, object]) -> None:
    said = authority_warnings(kubeconfig, {"kubernetes": authority(CA_DAYS)["certPem"]}, 30, NOW)
    assert len(said) == 1
    assert said[0].startswith(
        "the stack has another certificate of the certificate authority kubernetes than the machines"
    )
