"""One control plane with simulated nodes, Argo Rollouts' controller and a Prometheus for all tests of a run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import prometheus
from devtools.sandbox.rollouts import argo_rollouts
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import GROUPS, TOOLS
from tests.support.exporter import Exporter
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [tool.name for tool in (*TOOLS, *GROUPS["canary"]) if installed_from(tool) is None]
    for item in items:
        if Path(__file__).parent in item.path.parents and missing:
            item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} missing; run: make test-canary"))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox(f"canary-{os.getpid()}")
    running.up()
    yield running
    running.down()


@pytest.fixture(scope="session")
def exporter() -> Iterator[Exporter]:
    exporter = Exporter()
    yield exporter
    exporter.close()


@pytest.fixture(scope="session")
def scraping(exporter: Exporter) -> dict[str, Any]:
    """Prometheus' configuration."""
    return {
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [{"job_name": "made-up", "static_configs": [{"targets": [exporter.address]}]}],
    }


@pytest.fixture(scope="session")
def metrics(scraping: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Prometheus."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), scraping) as address:
        yield address


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The controller's log."""
    return tmp_path_factory.mktemp("argo") / "rollouts.log"


@pytest.fixture(scope="session")
def controlled(sandbox: Sandbox, log: Path) -> Iterator[Sandbox]:
    """The sandbox with Argo Rollouts."""
    with argo_rollouts(sandbox, log):
        yield sandbox


@pytest.fixture
def canary(stack: Stack, controlled: Sandbox, metrics: str) -> Stack:
    """The stack with service `backend` under a canary of seconds instead of minutes, v1.0.0 serving; not up yet."""
    stack.set("services.backend", to_canary(stack.config["config"]["switchyard:services"]["backend"], metrics))
    return stack


def to_canary(backend: dict[str, Any], metrics: str) -> dict[str, Any]:
    """The settings of a service, under a canary that takes seconds."""
    steps: list[dict[str, Any]] = [{"weight": 20}, {"analysis": True}, {"weight": 60}, {"analysis": True}]
    analysis = {"prometheus": metrics, "windowSeconds": 3, "intervalSeconds": 1, "count": 3, "initialDelaySeconds": 3}
    limits = {"failureLimit": 1, "inconclusiveLimit": 1, "consecutiveErrorLimit": 1, "minRequests": 10}
    return backend | {
        "strategy": "canary",
        "tag": "v1.0.0",
        "replicas": 5,
        # The hash of a template is the same in every namespace, and the metrics are those of all tests.
        "podAnnotations": {"example.org/namespace": backend["namespace"]},
        "canary": {"steps": steps, "analysis": analysis | limits},
    }


@pytest.fixture
def serving(canary: Stack) -> Stack:
    """The stack of the canary after its first update."""
    result = canary.up()
    assert result.ok, result.output
    return canary


@pytest.fixture
def rollouts(kubectl: Kubectl) -> Rollouts:
    """Rollout `backend`, and the plugin's commands on it."""
    return Rollouts(kubectl)
