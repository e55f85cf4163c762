"""Switches and rollbacks of service `backend` in tests, and assertions about their results."""

import json
import subprocess
from typing import Any

from devtools.engine import Stack
from tests.support.commands import read_back, run_command
from tests.support.kubectl import Kubectl


def command(
    stack: Stack, *arguments: str, code: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command that is confirmed, and whose output is one JSON document."""
    return run_command(stack, *arguments, "--yes", "--json", code=code, **environment)


def let_serve(stack: Stack, kubectl: Kubectl, colour: str) -> None:
    """Switches service `backend` to a colour that does not serve yet."""
    if kubectl.serving() != colour:
        result = command(stack, "switch", "backend", colour)
        assert result.returncode == 0, result.stdout + result.stderr
        read_back(stack)


def active(stack: Stack) -> str:
    """The colour that the configuration has for service `backend`."""
    read_back(stack)
    return str(stack.config["config"]["switchyard:services"]["backend"]["active"])


def record(kubectl: Kubectl) -> dict[str, Any]:
    """The record of service `backend`, by key."""
    data = kubectl.get("configmap", "backend-release")["data"]
    return {key: json.loads(value) for key, value in data.items()}


def expect_converged(stack: Stack, kubectl: Kubectl, colour: str) -> None:
    """Checks that cluster, configuration and state have the same colour."""
    assert (kubectl.serving(), active(stack)) == (colour, colour)
    assert stack.planned() == {}
    assert stack.outputs()["services"]["backend"]["active"] == colour
