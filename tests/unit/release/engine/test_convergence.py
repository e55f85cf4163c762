"""A service that is removed from the stack file while a command works on it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.engine.convergence import converge, converge_all
from switchyard.release.engine.convergence_text import not_converged
from switchyard.release.plan import Act, Plan
from switchyard.release.switch.warming import warm
from tests.support.engine_program import EngineFactory, asked, engine_with, steps
from tests.support.observed import observed

__all__ = ["asked", "engine_with"]

PLAN = Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE, warm_tag="v1")

FILE = """config:
  switchyard:services:
    worker: {image: org/worker, active: blue}
"""


@pytest.mark.parametrize("services", [FILE, "config: {}\n"])
def test_a_service_that_was_removed_meanwhile_is_not_written_to_the_configuration(
    engine_with: EngineFactory, tmp_path: Path, asked: Callable[[], list[list[str]]], services: str
) -> None:
    engine = engine_with({"preview": steps(("backend", "delete"))})
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(services)
    done = asyncio.run(converge(engine, "backend", Colour.GREEN, print, config=False))
    assert (done.config, done.state, done.done) == (False, True, False)
    assert [words[0] for words in asked()] == ["refresh"], "an update would delete what serves"
    text = not_converged("backend", Colour.GREEN, "test", str(done.problem), config=done.config)
    assert "green serves, but the configuration of stack test cannot be updated now: " in text
    assert "switchyard:services.backend is no longer in the configuration" in text
    assert "put it back into the stack file" in text
    assert "switchyard switch" not in text


def test_the_others_of_a_group_are_written_to_the_configuration_without_a_removed_service(
    engine_with: EngineFactory, tmp_path: Path, asked: Callable[[], list[list[str]]]
) -> None:
    engine = engine_with({})
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(FILE)
    targets = {"backend": Colour.GREEN, "worker": Colour.GREEN}
    done = asyncio.run(converge_all(engine, targets, print, config=False))
    config, refresh = asked()
    assert "switchyard:services.worker.active=green" in config
    assert not any("backend" in word for word in config)
    assert refresh.count("--target") == 2
    assert str(done.problem).startswith("switchyard:services.backend is no longer")


def test_a_removed_service_is_not_warmed(
    engine_with: EngineFactory, tmp_path: Path, asked: Callable[[], list[list[str]]]
) -> None:
    engine = engine_with({"stack": (0, "test", "")})
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(FILE)
    with pytest.raises(GateRefusedError, match=r"switchyard:services\.backend is no longer in the configuration"):
        asyncio.run(warm(engine, PLAN, print))
    assert not (tmp_path / "bin" / "asked").exists()


def test_a_configuration_that_is_not_in_the_file_alone_is_left_to_the_engine(
    engine_with: EngineFactory, tmp_path: Path
) -> None:
    engine = engine_with({})
    assert engine.entries("switchyard:services") is None, "there is no file"
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(f"environment: [shared]\n{FILE}")
    assert engine.entries("switchyard:services") is None
    (tmp_path / "Pulumi.test.yaml").write_text(FILE)
    assert engine.entries("switchyard:services") == frozenset({"worker"})
