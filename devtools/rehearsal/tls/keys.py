"""Private keys of the fake TLS provider: generates and reads them, and renders their public keys."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from devtools.rehearsal.provider import Created
from devtools.rehearsal.values import Values

CURVES = {"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def new_key(inputs: Values) -> Created:
    """A private key, and all forms in which the provider gives it."""
    algorithm = inputs["algorithm"]
    key: Key
    if algorithm == "RSA":
        key = rsa.generate_private_key(65537, inputs["rsaBits"])
        traditional = PrivateFormat.TraditionalOpenSSL
    elif algorithm == "ECDSA":
        key = ec.generate_private_key(CURVES[inputs["ecdsaCurve"]])
        traditional = PrivateFormat.TraditionalOpenSSL
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        traditional = PrivateFormat.PKCS8

    def private(form: PrivateFormat) -> str:
        return key.private_bytes(Encoding.PEM, form, serialization.NoEncryption()).decode()

    # The SSH format has no P-224, and the provider then leaves these out.
    ssh = not isinstance(key, ec.EllipticCurvePrivateKey) or inputs["ecdsaCurve"] != "P224"
    return Created(
        key_id(key),
        {
            "privateKeyPem": private(traditional),
            "privateKeyPemPkcs8": private(PrivateFormat.PKCS8),
            "privateKeyOpenssh": private(PrivateFormat.OpenSSH) if ssh else "",
            **public_outputs(key),
        },
        "cryptography",
    )


def load_key(pem: str) -> Key:
    """Reads a private key. Raises `ValueError` or `TypeError`."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("the key is neither RSA, ECDSA nor ED25519")
    return key


def digest_of(key: Key) -> hashes.SHA256 | None:
    """The digest algorithm of a signature by the key; None if the signature algorithm defines it."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def algorithm(key: Key) -> str:
    """Name of the key's algorithm, as the provider has it."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def key_id(key: Key) -> str:
    """Id of a key: the digest of its public half."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def public_outputs(key: Key) -> Values:
    """The public half, in all forms in which the provider gives it."""
    public = key.public_key()
    outputs: Values = {
        "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP224R1):
        outputs["publicKeyOpenssh"] = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + "\n"
        for name, algorithm in (("Md5", hashes.MD5()), ("Sha256", hashes.SHA256())):  # noqa: S303 - a name for a key
            outputs[f"publicKeyFingerprint{name}"] = _fingerprint(public, algorithm)
    return outputs


def _fingerprint(public: Any, algorithm: hashes.MD5 | hashes.SHA256) -> str:
    digest = serialization.ssh_key_fingerprint(public, algorithm)
    if isinstance(algorithm, hashes.MD5):
        return digest.hex(":")
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
