"""A namespace and a stack of its own for each test, on the `sandbox` of the folder that the test is in."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.stack import Stack
from tests.sandbox.kubectl import Kubectl


@pytest.fixture
def kubectl(sandbox: Sandbox) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace, which is deleted afterwards."""
    client = Kubectl(sandbox.kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    client.run("create", "namespace", client.namespace)
    yield client
    client.run("delete", "namespace", client.namespace, "--wait=false")


@pytest.fixture
def stack(sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path) -> Stack:
    """A stack with service `backend`: three pods of blue v1.0.0, none of green."""
    cluster = {"kind": "existing", "kubeconfig": str(sandbox.kubeconfig), "identifier": "test"}
    # Another cluster than the sandbox has other nodes than the table.
    nodes = getattr(sandbox, "node_table", None)
    return Stack(
        tmp_path,
        {
            "switchyard:cluster": cluster if nodes is None else {**cluster, "nodes": nodes},
            "switchyard:services": {
                "backend": {
                    "image": "ghcr.io/org/backend",
                    "namespace": kubectl.namespace,
                    "active": "blue",
                    "blue": {"tag": "v1.0.0", "replicas": 3},
                    "green": {"tag": "v1.0.0", "replicas": 0},
                }
            },
        },
    )


@pytest.fixture
def serving(stack: Stack) -> Stack:
    """The same stack after its first update: blue serves."""
    result = stack.up()
    assert result.ok, result.output
    return stack
