"""One control plane with simulated nodes for all tests of a run."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devtools.sandbox import Sandbox
from devtools.sandbox.directory import HOME
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import TOOLS
from tests.support.longest_first import longest_first
from tests.support.shared import Shared, backend_stack, fresh_namespace

LONGEST = (
    "test_random_walk",
    "test_runbook_pages",
    "test_weights",
    "test_deploy",
    "test_weights_commands",
    "test_fast_lane",
    "test_killed_releases",
    "test_sandbox_lifecycle",
    "test_faults",
    "test_release",
)
"""Files whose tests take longest, in this order; the first of them is one test."""


def pytest_configure() -> None:
    # Drawn once, before the workers start, which inherit it: they must collect and run the same.
    os.environ.setdefault("SWITCHYARD_WALK_SEED", str(random.randrange(2**32)))  # noqa: S311


def pytest_report_header() -> str:
    return f"random walk: SWITCHYARD_WALK_SEED={os.environ['SWITCHYARD_WALK_SEED']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST)
    missing = [tool.name for tool in TOOLS if installed_from(tool) is None]
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.sandbox)
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} missing; run: make tools"))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A running control plane with the seven simulated nodes."""
    for left in (HOME / "named").glob("test-*"):  # by a run that was killed
        if not psutil.pid_exists(int(left.name.removeprefix("test-"))):
            Sandbox(left.name).down()
    running = Sandbox(f"test-{os.getpid()}")
    running.up()
    yield running
    running.down()


@pytest.fixture(scope="module")
def of_module(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The stack that the tests of a module share, after its first update."""
    with fresh_namespace(sandbox) as kubectl:
        stack = backend_stack(sandbox, kubectl.namespace, tmp_path_factory.mktemp("shared"))
        first = stack.up()
        assert first.ok, first.output
        yield Shared(kubectl, stack, first)


@pytest.fixture
def shared(of_module: Shared) -> Iterator[Shared]:
    """The module's stack for one test, which leaves the cluster as it was; the configuration is restored afterwards."""
    before = of_module.stack.snapshot()
    yield of_module
    of_module.stack.restore(before)
