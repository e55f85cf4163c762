"""The moves of the runbook under load, step by step: no request fails."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.benchmarks.load import Load, wait_for_answer
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.cluster import Kind
from tests.integration.traffic.conftest import RATE
from tests.integration.traffic.kind import KindCluster
from tests.support.kubectl import Kubectl
from tests.support.load import ENOUGH, assert_nobody_noticed
from tests.support.runbook import Walk

OLD, NEW = "production", "production-b"
"""Stacks, as the runbook names them."""

TWO_CLUSTERS = os.environ.get("SWITCHYARD_TWO_CLUSTERS") == "1"
"""A second cluster with real nodes takes longer to start and to end than everything else here."""

DRAIN_SECONDS = 120
"""Bound on the end of deleted pods, which take their grace period."""

Cluster = Sandbox | KindCluster


@pytest.fixture
def kubectl(sandbox: Cluster) -> Iterator[Kubectl]:
    """kubectl in namespace `default`, where the services of the runbook are; they are deleted afterwards."""
    client = Kubectl(sandbox.kubeconfig, "default")
    yield client
    own = "app in (backend,storefront)"
    client.run("delete", "deployments,services,serviceaccounts,poddisruptionbudgets", "-l", own)
    # Pods that are still there would be counted as those of the next test.
    client.wait("delete", "pods", "-l", own, seconds=DRAIN_SECONDS)
    client.run("delete", "namespace", "shop", "--ignore-not-found", "--wait=false")


@pytest.fixture
def users(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Cluster, Kubectl, str], Load]:
    """Begins the load of the users who go to one Service, at its NodePort on both nodes.

    A quarter of the usual rate: old and new have users at the same time, and the other cluster runs here too.
    """

    def begin(cluster: Cluster, kubectl: Kubectl, service: str) -> Load:
        addresses = [node.address for node in cluster.real_nodes]
        directory, port = tmp_path_factory.mktemp("users"), node_port(kubectl, service)
        for address in addresses:
            wait_for_answer(address, port)
        return Load(addresses, port, RATE // 4, directory, least=2 * ENOUGH)

    return begin


def node_port(kubectl: Kubectl, service: str) -> int:
    return int(kubectl.get("service", service)["spec"]["ports"][0]["nodePort"])


def expect_answers(walk: Walk, step: int, cluster: Cluster, kubectl: Kubectl, service: str, **words: str) -> None:
    """Does the step that sees whether the new service answers, for each node."""
    port = str(node_port(kubectl, service))
    for node in cluster.real_nodes:
        # A kube-proxy takes a moment to route a Service that has just been created. Nobody uses it before.
        wait_for_answer(node.address, int(port))
        printed, answer = walk.step(step, NODE=node.address, NODEPORT=port, **words)
        assert printed == port
        assert '"v1.0.0"' in answer


def expect_no_more_requests(walk: Walk, step: int, kubectl: Kubectl) -> None:
    """Does the step that sees whether the old service has requests, twice for each pod."""

    def counted() -> list[list[str]]:
        pods = [pod["metadata"]["name"] for pod in kubectl.get("pods", "-l", "app=backend")]
        return [walk.step(step, POD=pod) for pod in pods]

    first = counted()
    assert len(first) == 3
    assert all("http_requests_total" in metrics for _, metrics in first)
    assert counted() == first


@pytest.mark.skipif(not TWO_CLUSTERS, reason="a long proof; run: make test-moves")
@pytest.mark.parametrize(
    ("section", "service", "namespace", "steps"),
    [
        ("Move a service to another namespace", "backend", "shop", (1, 2)),
        ("Rename a service", "storefront", "default", (1,)),
    ],
    ids=["namespace", "rename"],
)
def test_a_service_moves_as_the_runbook_says_and_no_request_fails(
    serving: Stack,
    kubectl: Kubectl,
    sandbox: Cluster,
    users: Callable[..., Load],
    section: str,
    service: str,
    namespace: str,
    steps: tuple[int, ...],
) -> None:
    walk, other = Walk(section, serving, kubectl), Walk("Move a service to another namespace", serving, kubectl)
    there, last = Kubectl(kubectl.kubeconfig, namespace), steps[-1]
    with contextlib.ExitStack() as followed:
        with users(sandbox, kubectl, "backend") as old:
            for step in steps:
                walk.step(step)
            expect_answers(walk, last + 1, sandbox, there, service)
            new = followed.enter_context(users(sandbox, there, service))
        expect_no_more_requests(other if section.startswith("Rename") else walk, 5, kubectl)
        walk.step(last + 4)
    assert not walk.left
    for load in (old, new):
        assert_nobody_noticed(load.requests())
    left = kubectl.get("deployments,services,serviceaccounts,poddisruptionbudgets", "-l", "app=backend")
    assert left == []


@pytest.fixture
def other(sandbox: Cluster) -> Iterator[Sandbox]:
    """Another cluster with real nodes of its own, beside the first one."""
    if isinstance(sandbox, KindCluster):
        pytest.skip("wants two clusters, and kind has one")
    second = Sandbox(f"traffic-other-{os.getpid()}")
    try:
        second.up(Kind.REAL)
        yield second
    finally:
        second.down()


@pytest.fixture
def production(stack: Stack, tmp_path: Path) -> Stack:
    """The stack of the first cluster, which serves, by the runbook's name for it."""
    directory = tmp_path / OLD
    directory.mkdir()
    named = Stack(directory, stack.config["config"], name=OLD)
    result = named.up()
    assert result.ok, result.output
    return named


@pytest.mark.skipif(not TWO_CLUSTERS, reason="starts a second cluster; run: make test-moves")
def test_a_stack_moves_to_another_cluster_as_the_runbook_says_and_no_request_fails(
    production: Stack, kubectl: Kubectl, sandbox: Sandbox, other: Sandbox, users: Callable[..., Load]
) -> None:
    section = "Move to another cluster"
    walk, there = Walk(section, production, kubectl), Kubectl(other.kubeconfig, "default")
    words = {"KUBECONFIG": str(other.kubeconfig), "IDENTIFIER": "other"}
    with contextlib.ExitStack() as followed:
        with users(sandbox, kubectl, "backend") as old:
            before = production.snapshot()
            production.set("cluster.kubeconfig", str(other.kubeconfig))
            refused = production.preview()
            assert not refused.ok
            assert "is for another cluster" in refused.output
            assert f'docs/runbook.md, "{section}"' in refused.output
            production.restore(before)

            walk.step(2, **words)
            expect_answers(walk, 3, other, there, "backend", **words)
            new = followed.enter_context(users(other, there, "backend"))
        namespace = Walk("Move a service to another namespace", production, kubectl)
        expect_no_more_requests(namespace, 5, kubectl)
        walk.step(5)
    assert not walk.left
    for load in (old, new):
        assert_nobody_noticed(load.requests())
    assert kubectl.get("deployments,services,serviceaccounts,poddisruptionbudgets", "-l", "app=backend") == []
    assert {file.name for file in production.directory.glob("Pulumi.*.yaml")} == {f"Pulumi.{NEW}.yaml"}
