"""One sandbox with real nodes for all tests of a run, and load on it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devtools.benchmarks.ablation import QUICK
from devtools.benchmarks.load import Load, wait_for_answer
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.cluster import Kind
from devtools.sandbox.directory import HOME
from devtools.sandbox.real_nodes import unavailable
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import GROUPS, TOOLS
from tests.integration.traffic import kind
from tests.integration.traffic.kind import KindCluster
from tests.support.kubectl import Kubectl
from tests.support.load import ENOUGH

ON_KIND = os.environ.get("SANDBOX") == "kind"

RATE = 200
"""Requests a second, which two cores bear together with everything else that runs on them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    if not here:
        return
    reason = kind.unavailable() if ON_KIND else unavailable()
    tools = (*TOOLS, *(() if ON_KIND else GROUPS["nodes"]), *GROUPS["traffic"])
    missing = [tool.name for tool in tools if installed_from(tool) is None]
    if missing and reason is None:
        reason = f"{', '.join(missing)} missing; run: make test-traffic"
    for item in here:
        item.add_marker(pytest.mark.traffic)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))
        elif ON_KIND and item.path.stem == "test_real_nodes":
            item.add_marker(pytest.mark.skip(reason="is about the sandbox's own nodes, and this is a kind cluster"))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox | KindCluster]:
    """A running cluster with two real nodes."""
    if ON_KIND:
        cluster = KindCluster()
        cluster.up()
        yield cluster
        cluster.down()
        return
    for left in (HOME / "named").glob("traffic-*"):  # by a run that was killed
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            Sandbox(left.name).down()
    running = Sandbox(f"traffic-{os.getpid()}")
    running.up(Kind.REAL)
    yield running
    running.down()


@pytest.fixture
def own_nodes(sandbox: Sandbox | KindCluster) -> Sandbox:
    """The sandbox, for faults of its processes."""
    if isinstance(sandbox, KindCluster):
        pytest.skip("kills processes of the sandbox, and this is a kind cluster")
    return sandbox


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """The stack of a test, whose pods end sooner than by default: 35 s are for a load balancer, and none is here."""
    stack.set("services.backend.drain", QUICK)
    return stack


@pytest.fixture
def warm(serving: Stack, kubectl: Kubectl) -> Stack:
    """Blue serves, and green has as many ready pods."""
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = serving.up()
    assert result.ok, result.output
    return serving


@pytest.fixture
def load(
    sandbox: Sandbox | KindCluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Load]:
    """Begins a load on the NodePort of Service `backend`, once both nodes answer, with a given version if one is."""

    def begin(version: str | None = None) -> Load:
        port = kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"]
        addresses = [node.address for node in sandbox.real_nodes]
        for address in addresses:
            wait_for_answer(address, port, version)
        return Load(addresses, port, RATE, tmp_path_factory.mktemp("load"), least=2 * ENOUGH)

    return begin
