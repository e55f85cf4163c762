"""A fake TLS provider: real keys, requests and certificates, by the cryptography package."""

import hashlib
import ipaddress
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devtools.rehearsal.provider import Created, RefusedError
from devtools.rehearsal.tls.keys import Key, algorithm, digest_of, key_id, load_key, new_key, public_outputs
from devtools.rehearsal.values import Values, has_unknown

KEY = "tls:index/privateKey:PrivateKey"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
CERTIFICATES = frozenset({SELF_SIGNED, SIGNED})
PUBLIC_KEY = "tls:index/getPublicKey:getPublicKey"

EARLY_RENEWAL = "earlyRenewalHours"
"""The only input of a certificate that the provider changes in place."""

KEY_USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_USAGES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}
SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
"""Fields of a subject, in the order in which Go writes them."""

COMPUTED = {
    KEY: {
        "privateKeyOpenssh",
        "privateKeyPem",
        "privateKeyPemPkcs8",
        "publicKeyFingerprintMd5",
        "publicKeyFingerprintSha256",
        "publicKeyOpenssh",
        "publicKeyPem",
    },
    REQUEST: {"certRequestPem", "keyAlgorithm"},
    SELF_SIGNED: {"certPem", "keyAlgorithm", "readyForRenewal", "validityEndTime", "validityStartTime"},
    SIGNED: {"certPem", "caKeyAlgorithm", "readyForRenewal", "validityEndTime", "validityStartTime"},
}


class Tls:
    """Keys and certificates, as pulumi-tls creates them.

    A certificate within `earlyRenewalHours` of its end is replaced by any update, as the provider does it
    (terraform-provider-tls, ModifyPlan of its certificates). Unlike the provider, a refresh does not set
    `readyForRenewal`.

    Args:
        now: returns the current time.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def defaults(self, kind: str, name: str, inputs: Values, olds: Values) -> Values:  # noqa: ARG002
        """The provider's own defaults."""
        if kind == KEY and inputs.get("algorithm") == "RSA":
            return {"rsaBits": 2048} | inputs
        if kind == KEY and inputs.get("algorithm") == "ECDSA":
            return {"ecdsaCurve": "P224"} | inputs
        return inputs

    def problems(self, kind: str, inputs: Values) -> list[tuple[str, str]]:
        """Returns values that the provider does not know, and would ignore."""
        if kind not in COMPUTED:
            return [("", f"{kind} is unknown to the fake TLS provider")]
        problems = []
        uses = inputs.get("allowedUses", [])
        if not has_unknown(uses):
            unknown = sorted(set(uses) - KEY_USAGES.keys() - EXTENDED_USAGES.keys())
            problems += [("allowedUses", f"{use} is no use of a key") for use in unknown]
        if kind == KEY and inputs.get("algorithm") not in {"RSA", "ECDSA", "ED25519"}:
            problems.append(("algorithm", "must be RSA, ECDSA or ED25519"))
        return problems

    def computed(self, kind: str) -> set[str]:
        """Returns the outputs that are known only after creation."""
        return COMPUTED[kind]

    def replacing(self, kind: str, olds: Values, news: Values) -> set[str] | None:
        """All properties except the time of the renewal, which is not part of a certificate."""
        if kind not in CERTIFICATES:
            return None
        return (olds.keys() | news.keys()) - {EARLY_RENEWAL}

    def outdated(self, kind: str, state: Values, inputs: Values) -> set[str]:
        """The output of a certificate that is due for renewal."""
        if kind not in CERTIFICATES or has_unknown(inputs.get(EARLY_RENEWAL, 0)):
            return set()
        end = datetime.fromisoformat(state["validityEndTime"])
        due = end - timedelta(hours=inputs.get(EARLY_RENEWAL, 0)) <= self._now()
        return {"readyForRenewal"} if due else set()

    def create(self, kind: str, inputs: Values) -> Created:
        """Creates a key, a request or a certificate."""
        try:
            if kind == KEY:
                return new_key(inputs)
            if kind == REQUEST:
                return _request(inputs)
            return {SELF_SIGNED: _self_signed, SIGNED: _signed}[kind](inputs, self._now())
        except (ValueError, KeyError, TypeError) as error:
            raise RefusedError(f"{kind}: {error}") from error

    def update(self, kind: str, id_: str, state: Values, inputs: Values) -> Created:  # noqa: ARG002
        """Changes the time of the renewal. The certificate stays as it is."""
        if kind not in CERTIFICATES:
            raise RefusedError(f"{kind} cannot be changed")
        return Created(id_, {}, "cryptography")

    def delete(self, kind: str, id_: str, state: Values) -> str:  # noqa: ARG002
        """Deletes nothing: the resource exists in the state only."""
        return "fake"

    def invoke(self, token: str, arguments: Values) -> Values:
        """The public half of a key."""
        if token == PUBLIC_KEY and "privateKeyPem" in arguments:
            key = load_key(arguments["privateKeyPem"])
            return {
                "id": key_id(key),
                "privateKeyPem": arguments["privateKeyPem"],
                "algorithm": algorithm(key),
            } | public_outputs(key)
        raise RefusedError(f"{token} is unknown to the fake TLS provider")


def _request(inputs: Values) -> Created:
    key = load_key(inputs["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(inputs.get("subject", {})))
    names = _alternative_names(inputs)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = builder.sign(key, digest_of(key)).public_bytes(Encoding.PEM).decode()
    outputs = {"certRequestPem": pem, "keyAlgorithm": algorithm(key)}
    return Created(hashlib.sha1(pem.encode(), usedforsecurity=False).hexdigest(), outputs, "cryptography")


def _self_signed(inputs: Values, now: datetime) -> Created:
    key = load_key(inputs["privateKeyPem"])
    name = _name(inputs.get("subject", {}))
    certificate = _certificate(inputs, now, name, name, key.public_key(), key, _alternative_names(inputs), None)
    certificate.outputs["keyAlgorithm"] = algorithm(key)
    return certificate


def _signed(inputs: Values, now: datetime) -> Created:
    request = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    authority = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
    key = load_key(inputs["caPrivateKeyPem"])
    if key.public_key() != authority.public_key():
        raise ValueError("caPrivateKeyPem is not the key of caCertPem")
    names: list[x509.GeneralName] = []
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = list(extension.value)
    certificate = _certificate(
        inputs, now, request.subject, authority.subject, request.public_key(), key, names, authority
    )
    certificate.outputs["caKeyAlgorithm"] = algorithm(key)
    return certificate


def _certificate(
    inputs: Values,
    now: datetime,
    subject: x509.Name,
    issuer: x509.Name,
    public: Any,
    signer: Key,
    names: list[x509.GeneralName],
    authority: x509.Certificate | None,
) -> Created:
    begin = now.replace(microsecond=0)
    end = begin + timedelta(hours=inputs["validityPeriodHours"])
    is_ca = bool(inputs.get("isCaCertificate", False))
    # One bit less than a serial number may have, because the first bit is the sign.
    number = secrets.randbits(127) | 1
    builder = (
        x509.CertificateBuilder(issuer, subject, public, number, begin, end)
        .add_extension(_usage(inputs["allowedUses"]), critical=True)
        .add_extension(x509.BasicConstraints(is_ca, inputs.get("maxPathLength") if is_ca else None), critical=True)
    )
    extended = [EXTENDED_USAGES[use] for use in inputs["allowedUses"] if use in EXTENDED_USAGES]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if inputs.get("setSubjectKeyId"):
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    if authority is not None or inputs.get("setAuthorityKeyId"):
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
    pem = builder.sign(signer, digest_of(signer)).public_bytes(Encoding.PEM).decode()
    outputs: Values = {
        "certPem": pem,
        "readyForRenewal": False,
        "validityStartTime": begin.isoformat().replace("+00:00", "Z"),
        "validityEndTime": end.isoformat().replace("+00:00", "Z"),
    }
    return Created(str(number), outputs, "cryptography")


def _usage(uses: list[str]) -> x509.KeyUsage:
    wanted = {KEY_USAGES[use] for use in uses if use in KEY_USAGES}
    return x509.KeyUsage(**{name: name in wanted for name in KEY_USAGES.values()})


def _name(subject: Values) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, subject[key]) for key, oid in SUBJECT.items() if key in subject])


def _alternative_names(inputs: Values) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in inputs.get("dnsNames", [])),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in inputs.get("ipAddresses", [])),
        *(x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris", [])),
    ]
