"""Gates, command line and provider use the same cluster with every form of kubeconfig."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.engine import NAME, Stack
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.shared_stack


def status(stack: Stack, where: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "switchyard", "status", "--stack", NAME]
    return subprocess.run(command, cwd=where, env=stack.environment, capture_output=True, text=True, check=False)


def provider(stack: Stack) -> Any:
    """Inputs of the provider in the state."""
    exported = json.loads(stack.run("stack", "export", check=True).output)
    [resource] = [
        entry for entry in exported["deployment"]["resources"] if entry["type"] == "pulumi:providers:kubernetes"
    ]
    return resource["inputs"]


def dead(config: dict[str, Any], path: Path) -> Path:
    """A kubeconfig with the same names and an unreachable server."""
    [entry] = config["clusters"]
    path.write_text(yaml.safe_dump({**config, "clusters": [{**entry, "cluster": {"server": "https://127.0.0.1:1"}}]}))
    return path


def with_files(config: dict[str, Any], directory: Path) -> Path:
    """The kubeconfig with its certificates in files, named by relative paths."""
    directory.mkdir()
    config = json.loads(json.dumps(config))
    for entry, key in (
        (config["clusters"][0]["cluster"], "certificate-authority"),
        (config["users"][0]["user"], "client-certificate"),
        (config["users"][0]["user"], "client-key"),
    ):
        (directory / key).write_bytes(base64.b64decode(entry.pop(f"{key}-data")))
        entry[key] = key
    path = directory / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_login_that_has_expired_ends_in_the_plugins_words(serving: Stack, kubectl: Kubectl) -> None:
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    login = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": "sh",
        "args": ["-c", "echo 'The SSO session has expired. Run: aws sso login' >&2; exit 255", "not-shown"],
    }
    config["users"][0]["user"] = {"exec": login}
    path = serving.directory / "expired"
    path.write_text(yaml.safe_dump(config))
    serving.set("cluster.kubeconfig", str(path))
    shown = status(serving, serving.directory)
    assert shown.returncode == 1
    for output in (serving.preview().output, serving.up().output, shown.stderr):
        assert "exit code 255. It says: The SSO session has expired. Run: aws sso login" in output
        assert "Traceback" not in output
        assert "not-shown" not in output
    assert kubectl.get("service", "backend")["spec"]["selector"]["version"] == "blue"


def test_gates_status_and_provider_follow_one_kubeconfig(serving: Stack, kubectl: Kubectl) -> None:
    # The last of the module: another colour serves after it.
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    other = dead(config, serving.directory / "dead")

    # The first of two files with equal names, for the gates, the provider and the command line.
    serving.set("cluster.kubeconfig", None)
    serving.environment["KUBECONFIG"] = f"{kubectl.kubeconfig}:{other}"
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("service", "backend")["spec"]["selector"]["version"] == "green"
    assert serving.planned() == {}
    assert not provider(serving).get("kubeconfig")
    (below := serving.directory / "a" / "b").mkdir(parents=True)
    assert status(serving, below).returncode == 0

    serving.environment["KUBECONFIG"] = f"{other}:{kubectl.kubeconfig}"
    result = serving.preview()
    assert not result.ok
    assert "the cluster of kubeconfig (the default one) could not be identified" in result.output
    assert status(serving, below).returncode == 1

    # Certificates beside the kubeconfig, in another directory than the project's.
    serving.environment.pop("KUBECONFIG")
    serving.set("cluster.kubeconfig", str(with_files(config, serving.directory / "there")))
    result = serving.up()
    assert result.ok, result.output
    assert serving.planned() == {}
    assert "ciphertext" in provider(serving)["kubeconfig"]
    assert status(serving, below).returncode == 0
