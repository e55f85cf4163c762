"""A stack of the small program in `program`, in the real engine, on fake providers of its own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.rehearsal.providers import FakeProviders, fake_providers
from tests.support.longest_first import longest_first

PROGRAM = Path(__file__).parent / "program"

LONGEST = ("test_staging", "test_production", "test_fake_providers")
"""Files whose tests take longest, in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST)


class SmallStack(Stack):
    """The stack of the small program."""

    def state(self) -> list[dict[str, Any]]:
        """Returns the resources of the state."""
        resources: list[dict[str, Any]] = json.loads(self.run("stack", "export", check=True).output)["deployment"][
            "resources"
        ]
        return resources


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProviders]:
    """Fake providers with an empty account."""
    directory = tmp_path / "rehearsal"
    directory.mkdir()
    with fake_providers(directory, region="ap-northeast-2") as running:
        for name, value in running.environment.items():
            monkeypatch.setitem(os.environ, name, value)
        yield running


@pytest.fixture
def stack(aws: FakeProviders, tmp_path: Path) -> SmallStack:
    """The program's stack, without anything in it."""
    directory = tmp_path / "stack"
    directory.mkdir()
    return SmallStack(directory, {"rehearsed:size": "t3.medium"}, PROGRAM)


@pytest.fixture
def built(stack: SmallStack) -> SmallStack:
    """The small stack after its first update."""
    result = stack.up()
    assert result.ok, result.output
    return stack
