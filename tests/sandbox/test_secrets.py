"""Secrets stay out of the state: an encrypted value in the settings is refused, a Secret is named instead."""

from pathlib import Path

from sandbox.stack import Stack
from tests.sandbox.kubectl import Kubectl

VALUE = "hunter2-of-the-test"


def test_a_value_set_with_secret_ends_preview_and_update_and_is_stored_nowhere(serving: Stack, tmp_path: Path) -> None:
    serving.run("config", "set", "--secret", "--path", "switchyard:services.backend.env.TOKEN", VALUE, check=True)
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "switchyard:services: has a value set with --secret" in result.output
        assert "Traceback" not in result.output
        assert VALUE not in result.output
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert any(b"backend-blue" in content for content in files)  # the state is among them
    assert not any(VALUE.encode() in content for content in files)


def test_a_secret_variable_is_a_reference_on_the_cluster_and_in_the_state(
    stack: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.run("create", "secret", "generic", "backend-secrets", f"--from-literal=token={VALUE}")
    stack.set("services.backend.secretEnv", {"TOKEN": {"secret": "backend-secrets", "key": "token"}})
    result = stack.up()
    assert result.ok, result.output
    [container] = kubectl.get("deployment", "backend-blue")["spec"]["template"]["spec"]["containers"]
    assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "backend-secrets", "key": "token"}}} in (
        container["env"]
    )
    assert stack.planned() == {}
    assert not any(VALUE.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
