"""The cluster's certificates and keys: what is requested from the TLS provider, and how its answers are used."""

import base64
import hashlib
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pulumi.runtime import mocks, rpc

from components.cluster import pki
from components.cluster.pki import Pki
from switchyard.bootstrap import cloud_init, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from tests.support.engine import Answers, Recording, record

KEY = "tls:index/privateKey:PrivateKey"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
USES_OF = {
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "digital_signature": "digital_signature",
    "key_encipherment": "key_encipherment",
}
ADDRESS = "203.0.113.10"
CLUSTER = Ec2Cluster.model_validate(
    {"kind": "ec2", "name": "production", "pki": {"caDays": 1000, "adminDays": 100, "renewBeforeDays": 20}}
)
SECRET = {rpc._special_sig_key: rpc._special_secret_sig}


def answer(args: mocks.MockResourceArgs) -> dict[str, Any]:
    """What the tls provider makes of its inputs, by the cryptography package."""
    given = {key: _plain(value) for key, value in args.inputs.items()}
    if args.typ == KEY:
        key = (
            ec.generate_private_key(ec.SECP256R1())
            if given["algorithm"] == "ECDSA"
            else rsa.generate_private_key(65537, int(given["rsaBits"]))
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {"privateKeyPem": private.decode(), "publicKeyPem": public.decode()}
    if args.typ == REQUEST:
        own = _private(given["privateKeyPem"])
        request = (
            x509.CertificateSigningRequestBuilder().subject_name(_name(given["subject"])).sign(own, hashes.SHA256())
        )
        return {"certRequestPem": request.public_bytes(Encoding.PEM).decode()}
    if args.typ == SELF_SIGNED:
        own = _private(given["privateKeyPem"])
        name = _name(given["subject"])
        return {"certPem": _certificate(name, own.public_key(), name, own, given)}
    if args.typ == SIGNED:
        request = x509.load_pem_x509_csr(given["certRequestPem"].encode())
        issuer = x509.load_pem_x509_certificate(given["caCertPem"].encode())
        own = _private(given["caPrivateKeyPem"])
        return {"certPem": _certificate(request.subject, request.public_key(), issuer.subject, own, given)}
    return {}


def _plain(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and rpc._special_sig_key in value else value


def _private(pem: str) -> Any:
    return load_pem_private_key(pem.encode(), None)


def _name(subject: dict[str, str]) -> x509.Name:
    oids = {"commonName": NameOID.COMMON_NAME, "organization": NameOID.ORGANIZATION_NAME}
    return x509.Name([x509.NameAttribute(oids[key], value) for key, value in sorted(subject.items())])


def _certificate(subject: x509.Name, public: Any, issuer: x509.Name, key: Any, given: dict[str, Any]) -> str:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(hours=given["validityPeriodHours"]))
    if given.get("isCaCertificate"):
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    uses = dict.fromkeys(USES, False) | {USES_OF[use]: True for use in given["allowedUses"] if use in USES_OF}
    builder = builder.add_extension(x509.KeyUsage(**uses), critical=True)
    if "client_auth" in given["allowedUses"]:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Built:
    """A component on answers of real cryptography, its outputs as values."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.values: dict[str, Any] = {}
        self.secret: dict[str, bool] = {}

        def new_resource(_: Answers, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
            return f"{args.name}-id", {**args.inputs, **answer(args)}

        monkeypatch.setattr(Answers, "new_resource", new_resource)
        self.recording: Recording = record(monkeypatch, self._build)

    def _build(self) -> None:
        built = Pki("it", cluster=CLUSTER, endpoint=pulumi.Output.from_input(ADDRESS))
        outputs = {
            "kubeconfig": built.kubeconfig,
            "join_token": built.join_token,
            "discovery_hash": built.discovery_hash,
            **built.files,
        }
        for name, output in outputs.items():
            self._keep(name, output)

    def _keep(self, name: str, output: pulumi.Output[str]) -> None:
        def put(resolved: Any) -> None:
            self.values[name], self.secret[name] = resolved

        pulumi.Output.all(output, output.is_secret()).apply(put)

    def inputs(self, type_: str, name: str) -> Any:
        return self.recording.requests[type_, name].object


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    return Built(monkeypatch)


def test_it_creates_three_certificate_authorities_keys_and_a_client_certificate(built: Built) -> None:
    recording = built.recording
    assert recording.names(SELF_SIGNED) == {"it-kubernetes", "it-front-proxy-ca", "it-etcd-ca"}
    assert recording.names(SIGNED) == recording.names(REQUEST) == {"it-admin"}
    others = {"it-service-accounts", "it-encryption", "it-join", "it-admin"}
    assert recording.names(KEY) == recording.names(SELF_SIGNED) | others


def test_every_resource_is_a_child_and_the_outputs_are_registered(built: Built) -> None:
    for (type_, _), request in built.recording.requests.items():
        if type_.startswith("tls:"):
            assert request.parent.endswith("switchyard:pki:Pki::it")
    assert built.recording.outputs["it"] == ["discovery_hash", "files", "join_token", "kubeconfig"]


def test_keys_are_p256_except_that_of_service_accounts(built: Built) -> None:
    for name in built.recording.names(KEY):
        inputs = dict(built.inputs(KEY, name))
        if name == "it-service-accounts":
            assert inputs == {"algorithm": "RSA", "rsaBits": 2048}
        else:
            assert inputs == {"algorithm": "ECDSA", "ecdsaCurve": "P256"}


def test_certificate_authorities_may_sign_and_are_valid_as_long_as_configured(built: Built) -> None:
    for name in built.recording.names(SELF_SIGNED):
        inputs = built.inputs(SELF_SIGNED, name)
        assert inputs["isCaCertificate"]
        assert "cert_signing" in list(inputs["allowedUses"])
        assert (inputs["validityPeriodHours"], inputs["earlyRenewalHours"]) == (24000, 0)


def test_the_administrators_certificate_is_in_kubeadms_group_and_cannot_sign(built: Built) -> None:
    subject = dict(built.inputs(REQUEST, "it-admin")["subject"])
    assert subject == {"commonName": "switchyard-admin", "organization": "kubeadm:cluster-admins"}
    signed = built.inputs(SIGNED, "it-admin")
    assert list(signed["allowedUses"]) == ["client_auth", "digital_signature"]
    assert "isCaCertificate" not in signed
    assert (signed["validityPeriodHours"], signed["earlyRenewalHours"]) == (2400, 480)


def test_the_administrators_certificate_depends_on_the_certificate_authority(built: Built) -> None:
    assert {"it-kubernetes", "it-admin"} <= built.recording.dependencies(SIGNED, "it-admin")
    assert "it-etcd-ca" not in built.recording.dependencies(SIGNED, "it-admin")


def test_a_private_key_is_sent_to_the_engine_as_a_secret_only(built: Built) -> None:
    for (type_, name), request in built.recording.requests.items():
        for key in ("privateKeyPem", "caPrivateKeyPem"):
            if type_.startswith("tls:") and key in request.object:
                assert dict(request.object[key]).items() >= SECRET.items(), (type_, name)


def test_everything_but_the_discovery_hash_is_secret(built: Built) -> None:
    assert {name for name, secret in built.secret.items() if not secret} == {"discovery_hash"}
    assert set(built.values) == {*kubeadm.PKI_FILES, "kubeconfig", "join_token", "discovery_hash"}


def test_the_files_are_those_that_the_control_plane_fetches_and_each_fits_a_parameter(built: Built) -> None:
    secrets = cloud_init.secrets(
        {file: built.values[file] for file in kubeadm.PKI_FILES},
        built.values["join_token"],
        built.values["discovery_hash"],
    )
    for key, value in secrets.items():
        assert cloud_init.parameter_value(cloud_init.parameter_name(CLUSTER, key), value) == value


def test_no_secret_is_in_the_user_data_of_any_node(built: Built) -> None:
    secrets = [line for value in built.values.values() for line in value.splitlines() if len(line) > 20]
    secrets = [line for line in secrets if not re.match(r"-----|\s*(- )?[-A-Za-z]+:\s*\S{0,40}$", line)]
    assert len(secrets) > 40
    for node_name in CLUSTER.nodes:
        text = cloud_init.user_data(CLUSTER, node_name, endpoint=ADDRESS, backup_bucket="b")
        assert [line for line in secrets if line.strip() in text] == []


def test_each_certificate_has_its_own_key(built: Built) -> None:
    for prefix in pki.AUTHORITIES:
        certificate = x509.load_pem_x509_certificate(built.values[f"{prefix}ca.crt"].encode())
        key = load_pem_private_key(built.values[f"{prefix}ca.key"].encode(), None)
        assert certificate.public_key() == key.public_key()
    account = load_pem_private_key(built.values["sa.key"].encode(), None).public_key()
    assert account.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() == built.values["sa.pub"]


def test_the_kubeconfig_has_a_certificate_that_the_certificate_authority_signed(built: Built) -> None:
    config = yaml.safe_load(built.values["kubeconfig"])
    user = config["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    authority = x509.load_pem_x509_certificate(built.values["ca.crt"].encode())
    certificate.verify_directly_issued_by(authority)
    key = load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    assert certificate.public_key() == key.public_key()
    assert base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == (
        built.values["ca.crt"].encode()
    )


def test_the_join_token_has_kubeadms_form_and_is_derived_from_the_private_key(built: Built) -> None:
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", built.values["join_token"])
    assert pki.join_token("one key") == pki.join_token("one key") != pki.join_token("another key")


def test_bytes_derived_for_different_purposes_differ() -> None:
    assert pki.derived("key", "one") != pki.derived("key", "another")
    assert len(pki.derived("key", "one")) == 32


def test_the_key_for_secrets_at_rest_is_in_the_encryption_configuration(built: Built) -> None:
    [rule] = yaml.safe_load(built.values["encryption.yaml"])["resources"]
    assert len(base64.b64decode(rule["providers"][0]["secretbox"]["keys"][0]["secret"])) == 32


def test_the_discovery_hash_is_what_kubeadms_page_computes_with_openssl(built: Built) -> None:
    authority = built.values["ca.crt"].encode()
    public = subprocess.run(
        ["openssl", "x509", "-pubkey", "-noout"], input=authority, capture_output=True, check=True
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public, capture_output=True, check=True
    ).stdout
    assert built.values["discovery_hash"] == f"sha256:{hashlib.sha256(der).hexdigest()}"


def test_a_renewed_certificate_authority_has_the_same_discovery_hash() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name({"commonName": "kubernetes"})
    first, second = (
        _certificate(name, key.public_key(), name, key, {"validityPeriodHours": hours, "allowedUses": pki.CA_USES})
        for hours in (24, 48)
    )
    assert first != second
    assert pki.discovery_hash(first) == pki.discovery_hash(second)
