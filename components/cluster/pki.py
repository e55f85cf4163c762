"""Certificates, keys and the join token of a cluster: all known before its first machine boots."""

import base64
import hashlib
import hmac

import pulumi
import pulumi_tls as tls
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from switchyard.bootstrap import api_server, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster

ADMIN_GROUP = "kubeadm:cluster-admins"
"""Group that kubeadm binds to cluster-admin. Unlike that of system:masters, its binding can be deleted."""

ADMIN = "switchyard-admin"

CA_USES = ["cert_signing", "crl_signing", "digital_signature", "key_encipherment"]
CLIENT_USES = ["client_auth", "digital_signature"]

AUTHORITIES = {"": "kubernetes", "front-proxy-": "front-proxy-ca", "etcd/": "etcd-ca"}
"""Common name of each certificate authority of kubeadm, by the prefix of its files under the PKI directory."""


class Pki(pulumi.ComponentResource):
    """The certificate authorities (CAs) of the cluster, the administrator's kubeconfig, and the join token of workers.

    A certificate that is renewed keeps its key, so that what the key has signed, the discovery hash and the join token
    stay as they are. A new key of a certificate authority would be a new cluster.

    The first update within `pki.renewBeforeDays` of its expiry renews the administrator's certificate. Certificates of
    the certificate authorities are replaced only on request.
    """

    kubeconfig: pulumi.Output[str]
    """The administrator's kubeconfig, secret."""
    files: dict[str, pulumi.Output[str]]
    """Files of the control plane, secret, by their paths under /etc/kubernetes/pki."""
    join_token: pulumi.Output[str]
    """Bootstrap token with which a worker joins, secret."""
    discovery_hash: pulumi.Output[str]
    """Digest of the CA's public key, by which a worker verifies the cluster: ``sha256:`` and hexadecimal digits."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        endpoint: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("switchyard:pki:Pki", name, None, opts)
        self._name = name
        self._cluster = cluster

        self.files = {}
        pairs = {}
        for prefix, common_name in AUTHORITIES.items():
            key, certificate = pairs[prefix] = self._authority(common_name)
            self.files[f"{prefix}ca.crt"] = _secret(certificate.cert_pem)
            self.files[f"{prefix}ca.key"] = _secret(key.private_key_pem)

        # RSA: verifiers outside the cluster, such as AWS's for roles of pods, all know RS256.
        account = tls.PrivateKey(f"{name}-service-accounts", algorithm="RSA", rsa_bits=2048, opts=self._child())
        self.files["sa.key"] = _secret(account.private_key_pem)
        self.files["sa.pub"] = _secret(account.public_key_pem)
        encryption = _secret(self._key("encryption").private_key_pem)
        self.files["encryption.yaml"] = encryption.apply(
            lambda pem: kubeadm.to_yaml(
                api_server.encryption_configuration(derived(pem, "encryption of secrets at rest"))
            )
        )

        ca_key, ca = pairs[""]
        self.join_token = _secret(self._key("join").private_key_pem).apply(join_token)
        self.discovery_hash = ca.cert_pem.apply(discovery_hash)
        self.kubeconfig = self._kubeconfig(endpoint, ca_key, ca)
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "files": self.files,
                "join_token": self.join_token,
                "discovery_hash": self.discovery_hash,
            }
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _key(self, purpose: str) -> tls.PrivateKey:
        # P-256 and not RSA: the machines sign with it at every handshake, its PEM is 230 bytes of the 4 KB of a
        # parameter, and all that speak to the API server know it.
        return tls.PrivateKey(f"{self._name}-{purpose}", algorithm="ECDSA", ecdsa_curve="P256", opts=self._child())

    def _authority(self, common_name: str) -> tuple[tls.PrivateKey, tls.SelfSignedCert]:
        key = self._key(common_name)
        certificate = tls.SelfSignedCert(
            f"{self._name}-{common_name}",
            private_key_pem=_secret(key.private_key_pem),
            subject=tls.SelfSignedCertSubjectArgs(common_name=common_name),
            allowed_uses=CA_USES,
            is_ca_certificate=True,
            set_subject_key_id=True,
            validity_period_hours=self._cluster.pki.ca_days * 24,
            # Within the hours before its end the provider replaces a certificate in any update (terraform-provider-tls,
            # ModifyPlan of its certificates). The machines would keep the authority that they have.
            early_renewal_hours=0,
            # The settings refuse another validity for a cluster that runs; an older stack has not recorded its own.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["validityPeriodHours"]),
        )
        return key, certificate

    def _kubeconfig(
        self, endpoint: pulumi.Input[str], ca_key: tls.PrivateKey, ca: tls.SelfSignedCert
    ) -> pulumi.Output[str]:
        key = self._key("admin")
        request = tls.CertRequest(
            f"{self._name}-admin",
            private_key_pem=_secret(key.private_key_pem),
            subject=tls.CertRequestSubjectArgs(common_name=ADMIN, organization=ADMIN_GROUP),
            opts=self._child(),
        )
        certificate = tls.LocallySignedCert(
            f"{self._name}-admin",
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=_secret(ca_key.private_key_pem),
            ca_cert_pem=ca.cert_pem,
            allowed_uses=CLIENT_USES,
            validity_period_hours=self._cluster.pki.admin_days * 24,
            # From then on the provider replaces it by itself, in the next update, for the same key.
            early_renewal_hours=self._cluster.pki.renew_before_days * 24,
            opts=self._child(),
        )
        texts = pulumi.Output.all(
            endpoint=endpoint, ca=ca.cert_pem, certificate=certificate.cert_pem, key=_secret(key.private_key_pem)
        )
        return texts.apply(lambda parts: kubeadm.to_yaml(kubeadm.kubeconfig(cluster=self._cluster, **parts)))


def _secret(text: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.secret(text)


def derived(pem: str, purpose: str) -> bytes:
    """32 secret bytes, derived from a private key that has no other use; they differ for each purpose."""
    return hmac.new(pem.encode(), f"switchyard: {purpose}".encode(), hashlib.sha256).digest()


def join_token(pem: str) -> str:
    """A bootstrap token, ``abcdef.0123456789abcdef``, from a private key: 80 secret bits after the dot."""
    text = base64.b32encode(derived(pem, "join token")).decode().lower()
    return f"{text[:6]}.{text[6:22]}"


def discovery_hash(certificate: str) -> str:
    """The hash by which kubeadm pins a certificate authority: the digest of its SubjectPublicKeyInfo.

    Args:
        certificate: the certificate of the certificate authority, as PEM.
    """
    public_key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    digest = hashlib.sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return f"sha256:{digest.hexdigest()}"
