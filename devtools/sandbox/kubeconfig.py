"""Kubeconfigs of a sandbox."""

import base64
from pathlib import Path
from typing import Any

import yaml


def write(file: Path, name: str, server: str, pki: Path) -> None:
    """Writes a kubeconfig that contains its certificates, so that it can be copied, and that only its owner can read.

    Args:
        file: the kubeconfig, which is replaced in one step.
        name: name of cluster, user and context.
        server: URL of the API server.
        pki: folder with the certificate authority's certificate, and the administrator's with its key.
    """

    def pem(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": pem("ca.crt")},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": pem("admin.crt"),
                    "client-key-data": pem("admin.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(yaml.safe_dump(config, sort_keys=False))
    new.replace(file)
