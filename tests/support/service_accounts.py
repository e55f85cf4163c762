"""Users of a cluster with the permissions of a ServiceAccount and no others."""

import subprocess
import time
from pathlib import Path

import yaml

from tests.support.kubectl import SECONDS, Kubectl


def kubeconfig_of(kubectl: Kubectl, account: str, directory: Path) -> Path:
    """A kubeconfig with the token of a ServiceAccount in the namespace of a client."""
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": kubectl.run("create", "token", account).strip()}
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def expect_right(kubectl: Kubectl, account: str, verb: str, resource: str, *, permitted: bool) -> None:
    """Waits until the API server permits or denies something to a ServiceAccount.

    It applies a changed role a moment after the write, which cannot be watched.
    """
    user = f"--as=system:serviceaccount:{kubectl.namespace}:{account}"
    end = time.monotonic() + SECONDS
    while True:
        answer = subprocess.run(
            kubectl.command("auth", "can-i", verb, resource, user), capture_output=True, text=True, check=False
        )
        if answer.stdout.strip() == ("yes" if permitted else "no"):
            return
        assert time.monotonic() < end, f"{verb} {resource}: {answer.stdout}{answer.stderr}"
