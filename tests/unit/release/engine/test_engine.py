"""The engine as a subprocess: what it is asked for, and its own words when it refuses."""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import EngineError, GateRefusedError
from switchyard.release.deploy.acts import SingleServiceActs
from switchyard.release.engine.convergence import Convergence, converge
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.switch.warming import warm
from tests.support.engine_program import EngineFactory, asked, engine_with, steps
from tests.support.observed import observed

__all__ = ["asked", "engine_with"]

PAIRS = ["--plaintext", "a:b.replicas=3", "--plaintext", "a:b[0].active=green"]
SERVICE = "**::switchyard:service:*$kubernetes:core/v1:Service::backend"


def test_values_are_set_in_one_call_and_text_like_a_number_as_text(
    engine_with: EngineFactory, asked: Callable[[], Sequence[object]]
) -> None:
    engine_with({}).change_config(
        {"a:b.tag": "2025", "a:b.replicas": 3, "a:b.0.active": "green"}, removed=["a:b.0.probe"]
    )
    assert asked() == [
        ["config", "set", "--path", "--type", "string", "a:b.tag", "2025", "--stack", "test"],
        ["config", "set-all", "--path", *PAIRS, "--stack", "test"],
        ["config", "rm", "--path", "a:b[0].probe", "--stack", "test"],
    ]


def test_a_change_of_the_configuration_that_fails_half_way_leaves_the_stack_file_as_it_was(
    engine_with: EngineFactory, tmp_path: Path, asked: Callable[[], list[list[str]]]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text("config: {}\n")
    engine = engine_with({"config": (255, "", "error: no space left on device")})
    with pytest.raises(EngineError, match="no space left on device"):
        engine.change_config({"a:b.active": "green"})
    [[*_, option, changed, _, _]] = asked()
    assert (option, Path(changed).parent) == ("--config-file", tmp_path)
    assert (tmp_path / "Pulumi.test.yaml").read_text() == "config: {}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Pulumi.test.yaml", "Pulumi.yaml", "bin"]


def test_a_preview_shows_what_would_change_alone(engine_with: EngineFactory) -> None:
    assert engine_with({"preview": steps(("a", "same"), ("b", "update"))}).preview() == [
        Step("urn:pulumi:test::p::t::b", "update")
    ]


@pytest.mark.parametrize(
    ("output", "errors", "said"),
    [
        ("", "error: no stack named 'test' found\n", "no stack named 'test' found"),
        ("Updating\n  error: the state is locked\nResources:\n", "", "the state is locked"),
        ("", "warning: old\nno such host\n", "warning: old\nno such host"),
        ("", "", "pulumi failed without giving a reason"),
    ],
)
def test_a_failure_has_the_words_of_the_engine(engine_with: EngineFactory, output: str, errors: str, said: str) -> None:
    with pytest.raises(EngineError) as error:
        engine_with({"up": (255, output, errors)}).up()
    assert str(error.value) == said


def test_an_engine_that_does_not_answer_is_ended(engine_with: EngineFactory) -> None:
    answer = engine_with({"stack": (0, "silent", "")}).begin_outputs()
    with pytest.raises(EngineError, match="has not answered"):
        answer.wait(0.01)
    answer.end()


def converged(engine: Engine, *, config: bool) -> Convergence:
    return asyncio.run(converge(engine, "backend", Colour.GREEN, print, config=config))


def test_configuration_and_state_follow_and_the_rest_is_written_when_nothing_else_would_change(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]]
) -> None:
    done = converged(engine_with({"preview": steps(("backend", "same"))}), config=False)
    assert done == Convergence(config=True, state=True)
    assert [words[0] for words in asked()] == ["config", "refresh", "preview", "up"]
    assert "switchyard:services.backend.active=green" in asked()[0]
    assert SERVICE in asked()[1]


def test_the_state_gets_the_weights_too_where_a_load_balancer_chooses(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]]
) -> None:
    engine = engine_with({"preview": steps()})
    asyncio.run(converge(engine, "backend", Colour.BLUE, print, config=True, by_weights=True))
    urn = "**::switchyard:ingress:AlbIngress$kubernetes:networking.k8s.io/v1:Ingress::*-backend"
    assert {SERVICE, urn, f"{urn}.*"} <= set(asked()[0])


def test_a_colour_that_serves_gets_its_pods_in_the_configuration_if_it_has_none_there(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]]
) -> None:
    engine = engine_with({"preview": steps()})
    asyncio.run(converge(engine, "backend", Colour.BLUE, print, config=False, replicas=3))
    path = "switchyard:services.backend"
    assert {f"{path}.active=blue", f"{path}.blue.replicas=3"} <= set(asked()[0])


@pytest.mark.parametrize(("wanted", "configured", "replicas"), [(3, 0, 3), (3, 3, None), (0, 0, None)])
def test_pods_are_missing_in_the_configuration_only_if_the_cluster_has_some(
    wanted: int, configured: int, replicas: int | None
) -> None:
    observation = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", wanted, wanted))
    blue = observation.settings.blue.model_copy(update={"replicas": configured})
    settings = observation.settings.model_copy(update={"blue": blue})
    assert replace(observation, settings=settings).pods_to_configure(Colour.BLUE) == replicas


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("by_weights", [False, True])
def test_a_deploy_and_its_rollback_refresh_the_ingresses_where_a_load_balancer_switches(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]], *, back: bool, by_weights: bool
) -> None:
    acts = SingleServiceActs(engine_with({"preview": steps()}), AsyncMock(), print, by_weights=by_weights)
    asyncio.run(acts.converge_back("backend", Colour.BLUE, None) if back else acts.converge("backend", Colour.GREEN))
    [refresh] = [words for words in asked() if words[0] == "refresh"]
    assert any(word.endswith(":Ingress::*-backend") for word in refresh) is by_weights


def test_other_changes_of_the_configuration_are_left_to_the_operator(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]]
) -> None:
    engine = engine_with({"preview": steps(("backend-blue", "update"))})
    done = converged(engine, config=True)
    assert (done.done, [step.name for step in done.waiting]) == (True, ["backend-blue"])
    assert [words[0] for words in asked()] == ["refresh", "preview"]


def test_the_autoscaler_follows_the_colour_that_serves(
    engine_with: EngineFactory, asked: Callable[[], list[list[str]]]
) -> None:
    kind = "switchyard:service:BlueGreen$kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
    own, foreign = (f"{kind}::{key}-autoscaler" for key in ("backend", "payments"))
    assert converged(engine_with({"preview": steps((own, "update"))}), config=True).done
    assert [words[0] for words in asked()][-1] == "up"
    waiting = converged(engine_with({"preview": steps((foreign, "update"))}), config=True).waiting
    assert [step.name for step in waiting] == ["payments-autoscaler"]


@pytest.mark.parametrize(("failing", "config"), [("config", False), ("refresh", True), ("preview", True), ("up", True)])
def test_a_state_that_cannot_be_reached_is_no_error(engine_with: EngineFactory, failing: str, *, config: bool) -> None:
    answers = {"preview": steps(), failing: (255, "", "error: no such host")}
    done = converged(engine_with(answers), config=False)
    assert (done.config, done.state, done.problem) == (config, False, "no such host")


def plan() -> Plan:
    retired = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", 0, 0))
    return Plan(Act.ROLLBACK, retired, Colour.BLUE, warm_tag="v1")


def test_a_retired_version_is_warmed_alone(engine_with: EngineFactory, asked: Callable[[], list[list[str]]]) -> None:
    asyncio.run(warm(engine_with({}), plan(), print))
    config, update = asked()
    assert {"switchyard:services.backend.blue.tag=v1", "switchyard:services.backend.blue.replicas=3"} <= set(config)
    assert update[:3] == ["up", "--yes", "--skip-preview"]
    assert update[3:5] == ["--target", "**::switchyard:service:*$kubernetes:apps/v1:Deployment::backend-blue"]


def test_a_version_that_cannot_be_warmed_is_refused_with_a_command_that_needs_no_state(
    engine_with: EngineFactory,
) -> None:
    with pytest.raises(GateRefusedError) as error:
        asyncio.run(warm(engine_with({"up": (255, "", "error: no such host")}), plan(), print))
    assert "(SY-P034)" in str(error.value)
    assert "backend serves green v2, 3 of 3 pods ready" in str(error.value)
    assert "kubectl -n default scale deployment backend-blue --replicas=3" in str(error.value)


def test_outputs_of_an_engine_that_hangs_end_in_the_given_time(engine_with: EngineFactory) -> None:
    engine = engine_with({"stack": (0, "silent", "")})
    with pytest.raises(EngineError, match="pulumi has not answered in 0 s"):
        engine.outputs(secrets=True, seconds=0.2)


def test_an_engine_that_hangs_says_the_same_when_it_is_asked_again(engine_with: EngineFactory) -> None:
    answer = engine_with({"stack": (0, "silent", "")}).begin_outputs()
    for _ in range(2):  # by the check of each service that is due
        with pytest.raises(EngineError, match="pulumi has not answered in 0 s"):
            answer.wait(0.2)


def test_a_disk_without_space_stops_no_command(engine_with: EngineFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    engine = engine_with({"stack": (0, "{}", "")})
    assert engine.begin_outputs().wait() == "{}"
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(EngineError, match="cannot be run: No space left on device"):
        engine.begin_outputs()


def test_a_program_that_cannot_be_started_is_an_error_of_the_engine(engine_with: EngineFactory, tmp_path: Path) -> None:
    engine = engine_with({})
    (tmp_path / "bin" / "pulumi").write_text("#!/no/such/interpreter\n")
    with pytest.raises(EngineError, match="cannot be run: No such file or directory"):
        engine.stack_name()
