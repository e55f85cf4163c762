"""Users of a cluster that have the rights of a ServiceAccount and no others."""

from pathlib import Path

import yaml

from tests.support.kubectl import Kubectl


def kubeconfig_of(kubectl: Kubectl, account: str, directory: Path) -> Path:
    """A kubeconfig with the token of a ServiceAccount in the namespace of a client."""
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": kubectl.run("create", "token", account).strip()}
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
