"""Configuration files of the API server: the audit policy, and the encryption of secrets at rest."""

import base64

from switchyard.bootstrap.kubeadm import Config


def audit_policy() -> Config:
    """The audit policy: changes and their authors, without secret content and without routine reads of components."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version"]},
            {
                "level": "None",
                "verbs": ["get", "list", "watch"],
                "users": ["system:kube-proxy", "system:kube-controller-manager", "system:kube-scheduler"],
            },
            {"level": "None", "verbs": ["get", "list", "watch"], "userGroups": ["system:nodes"]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {
                "level": "Metadata",
                "resources": [
                    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
                ],
            },
            {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata"},
        ],
    }


def encryption_configuration(key: bytes) -> Config:
    """The configuration with which the API server encrypts secrets at rest.

    Args:
        key: 32 random bytes.

    Raises:
        ValueError: the key has another length.
    """
    if len(key) != 32:
        raise ValueError(f"key of {len(key)} bytes: secretbox takes 32. Derive one of that length")
    own = {"name": "key1", "secret": base64.b64encode(key).decode()}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": [own]}}, {"identity": {}}]}],
    }
