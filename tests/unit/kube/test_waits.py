"""What an update waits for while a cluster is created."""

import asyncio
from typing import Any

import pytest

from devtools.sandbox.host import free_ports
from switchyard.errors import ClusterNotReadyError
from switchyard.kube import waits as bring_up
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.waits import wait_for_api, wait_for_node, why_not_ready

WHERE = "Look at k8s-master"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> ClusterAccess:
    """A cluster that nobody has made."""
    monkeypatch.setattr(bring_up, "POLL_SECONDS", 0.1)
    [port] = free_ports(1)
    config = f"""
apiVersion: v1
kind: Config
clusters: [{{name: it, cluster: {{server: "https://127.0.0.1:{port}"}}}}]
users: [{{name: it, user: {{token: none}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
current-context: it
"""
    return ClusterAccess(stack_kubeconfig=StackKubeconfig(config))


def test_an_api_server_that_never_answers_ends_the_wait_with_where_to_look(nowhere: ClusterAccess) -> None:
    said: list[str] = []
    with pytest.raises(
        ClusterNotReadyError, match=r"does not answer yet \(.+\), after 2 s \(SY-K008\)\. Look at k8s-master, then run"
    ):
        asyncio.run(wait_for_api(nowhere, said.append, WHERE, seconds=2))
    assert len(said) == 1, "the same is said once"
    assert said[0].startswith("the API server does not answer yet")


def test_a_node_that_cannot_be_asked_for_is_named(nowhere: ClusterAccess) -> None:
    with pytest.raises(ClusterNotReadyError, match=r"^k8s-redis: the API server does not answer"):
        asyncio.run(wait_for_node(nowhere, "k8s-redis", lambda _: None, WHERE, seconds=0.0))


def _node(status: str, **more: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": status, **more}]}}


@pytest.mark.parametrize(
    ("node", "missing"),
    [
        (None, "k8s-redis: has not joined yet"),
        ({"status": {}}, "k8s-redis: has joined, and is not Ready yet (no reason reported)"),
        (
            _node("False", reason="KubeletNotReady", message="cni plugin not initialized"),
            "k8s-redis: has joined, and is not Ready yet (cni plugin not initialized)",
        ),
        (
            _node("Unknown", reason="NodeStatusUnknown"),
            "k8s-redis: has joined, and is not Ready yet (NodeStatusUnknown)",
        ),
        (_node("True"), None),
    ],
)
def test_a_node_is_waited_for_until_it_is_ready(node: dict[str, Any] | None, missing: str | None) -> None:
    assert why_not_ready("k8s-redis", node) == missing
