"""A namespace and a stack of its own for each test, on the `sandbox` of the folder that the test is in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.stack import Stack
from tests.sandbox.kubectl import Kubectl
from tests.sandbox.shared import backend_stack, fresh_namespace


@pytest.fixture
def kubectl(sandbox: Sandbox) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace, which is deleted afterwards."""
    with fresh_namespace(sandbox) as client:
        yield client


@pytest.fixture
def stack(sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path) -> Stack:
    """A stack with service `backend`: three pods of blue v1.0.0, none of green."""
    return backend_stack(sandbox, kubectl.namespace, tmp_path)


@pytest.fixture
def serving(stack: Stack) -> Stack:
    """The same stack after its first update: blue serves."""
    result = stack.up()
    assert result.ok, result.output
    return stack
