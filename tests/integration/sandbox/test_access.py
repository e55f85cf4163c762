"""What a user may not do is reported in one line: verb, resource, and the API server's own words on the permission."""

import asyncio
from pathlib import Path

import pytest
import yaml

from devtools.engine import Stack
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import GateRefusedError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.access import ClusterAccess
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.shared_stack


def kubeconfig_of(kubectl: Kubectl, directory: Path, token: str) -> ClusterAccess:
    """The cluster as somebody else reaches it."""
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return ClusterAccess(str(path))


def refusal(serving: Stack, access: ClusterAccess) -> str:
    settings = serving.snapshot()["config"]["switchyard:services"]["backend"]
    gates = BlueGreenGates(
        "backend", BlueGreenSettings.model_validate(settings | {"active": "green"}), access, warn=print
    )
    with pytest.raises(GateRefusedError) as error:
        asyncio.run(gates.before_switch(creating=False, preview=True))
    return str(error.value)


def test_a_missing_permission_is_named(serving: Stack, kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl.run("create", "serviceaccount", "weak")
    access = kubeconfig_of(kubectl, tmp_path, kubectl.run("create", "token", "weak").strip())
    text = refusal(serving, access)
    assert f"backend: the gate may not get services/backend in namespace {kubectl.namespace} (403: " in text
    assert f'User "system:serviceaccount:{kubectl.namespace}:weak" cannot get resource "services"' in text


def test_an_unauthenticated_user_is_reported(serving: Stack, kubectl: Kubectl, tmp_path: Path) -> None:
    text = refusal(serving, kubeconfig_of(kubectl, tmp_path, "made-up"))
    assert "backend: the gate may not get /version (401: Unauthorized)" in text
