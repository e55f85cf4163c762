"""The stack that most tests begin with, and one that all tests of a module share where none disturbs another."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.engine import Result, Stack
from devtools.sandbox import Sandbox
from tests.support.kubectl import Kubectl


@dataclass(frozen=True)
class Shared:
    """A stack after its first update, for several tests.

    Attributes:
        kubectl: kubectl in the namespace of the stack.
        stack: stack with service `backend`, of which blue serves.
        first: what the first update said.
    """

    kubectl: Kubectl
    stack: Stack
    first: Result


NODE_MARKS = ("switchyard/project-", "switchyard/stack-", "switchyard/stack-identity-")
"""Arguments of `kubectl annotate` that remove the mark of the stack that has placed a node."""


@contextlib.contextmanager
def fresh_namespace(sandbox: Sandbox) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace, which is deleted afterwards with the marks of its stack on the nodes."""
    client = Kubectl(sandbox.kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    client.run("create", "namespace", client.namespace)
    yield client
    client.run("delete", "namespace", client.namespace, "--wait=false")
    client.run("annotate", "nodes", "--all", *NODE_MARKS)


def backend_stack(sandbox: Sandbox, namespace: str, directory: Path) -> Stack:
    """A stack with service `backend`: three pods of blue v1.0.0, none of green."""
    cluster = {"kind": "existing", "kubeconfig": str(sandbox.kubeconfig), "identifier": "test"}
    # Another cluster than the sandbox has other nodes than the table.
    nodes = getattr(sandbox, "node_table", None)
    return Stack(
        directory,
        {
            "switchyard:cluster": cluster if nodes is None else {**cluster, "nodes": nodes},
            "switchyard:services": {
                "backend": {
                    "image": "ghcr.io/org/backend",
                    "namespace": namespace,
                    "active": "blue",
                    "blue": {"tag": "v1.0.0", "replicas": 3},
                    "green": {"tag": "v1.0.0", "replicas": 0},
                }
            },
        },
    )
