"""Secrets stay out of the state: an encrypted value in the settings is refused, a Secret is named instead."""

from pathlib import Path

from devtools.engine import Stack
from tests.support.kubectl import Kubectl

VALUE = "hunter2-of-the-test"


def test_a_secret_variable_is_a_reference_and_a_value_set_with_secret_is_refused_unstored(
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
    assert not any(VALUE.encode() in content for content in contents(tmp_path))

    stack.set("services.backend.secretEnv", None)
    stack.run("config", "set", "--secret", "--path", "switchyard:services.backend.env.TOKEN", VALUE, check=True)
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "switchyard:services: has a value set with --secret" in result.output
        assert "Traceback" not in result.output
        assert VALUE not in result.output
    files = contents(tmp_path)
    assert any(b"backend-blue" in content for content in files)  # the state is among them
    assert not any(VALUE.encode() in content for content in files)


def contents(directory: Path) -> list[bytes]:
    """The content of every file below a folder."""
    return [file.read_bytes() for file in directory.rglob("*") if file.is_file()]
