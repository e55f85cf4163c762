"""The rounds of the methods of switching: each method once in each, and what it holds is read when it has settled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devtools.benchmarks import traffic
from devtools.benchmarks.footprint import ResourceUsage
from devtools.benchmarks.method import Method

RUN = traffic.SwitchRun(0.1, 0.1, None, 0.1, 10, 0, ResourceUsage(6, 190.0), ResourceUsage(6, 190.0), {})


class FakeMethod(Method):
    """A method without a cluster, which notes its steps.

    Attributes:
        steps: steps of all methods in their order.
    """

    def __init__(self, name: str, steps: list[str]) -> None:
        self.name, self.colour, self.steps = name, "blue", steps

    def prepare(self, to: str) -> None:
        self.steps.append(f"prepare {self.name} for {to}")

    def settle(self) -> None:
        self.steps.append(f"settle {self.name}")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of two methods that need no cluster."""
    taken: list[str] = []

    @contextmanager
    def no_controller(*_: Any) -> Iterator[None]:
        yield

    def measured(method: Method, to: str, *_: Any) -> traffic.SwitchRun:
        taken.append(f"measure {method.name}")
        return replace(RUN, requests=100 if to == "green" else 200)

    monkeypatch.setattr(traffic, "argo_rollouts", no_controller)
    monkeypatch.setattr(traffic, "methods", lambda *_: [FakeMethod("a", taken), FakeMethod("b", taken)])
    monkeypatch.setattr(traffic, "measure", measured)
    monkeypatch.setattr(traffic, "resource_usage", lambda _: ResourceUsage(3, 95.0))
    return taken


def run(directory: Path, minutes: float | None = None) -> dict[str, list[traffic.SwitchRun]]:
    sandbox: Any = SimpleNamespace(real_nodes=[])
    return traffic.run(sandbox, directory, 2, minutes)


def test_every_method_is_measured_once_a_round_and_again_when_it_has_settled(tmp_path: Path, steps: list[str]) -> None:
    results = run(tmp_path)
    requests = {method: [taken.requests for taken in runs] for method, runs in results.items()}
    assert requests == {"a": [100, 200], "b": [100, 200]}
    assert {taken.after for runs in results.values() for taken in runs} == {ResourceUsage(3, 95.0)}
    assert {step for step in steps if step.startswith("measure")} == {"measure a", "measure b"}
    for method in "ab":
        own = [step.split(" ")[0] for step in steps if step.split(" ")[1] == method]
        assert own == ["prepare", "measure", "settle", "prepare", "measure", "settle"]


def test_a_round_that_would_begin_too_late_is_left_out_for_every_method(tmp_path: Path, steps: list[str]) -> None:
    results = run(tmp_path, minutes=0)
    assert [len(runs) for runs in results.values()] == [1, 1]
    assert sorted(step for step in steps if step.startswith("settle")) == ["settle a", "settle b"]
