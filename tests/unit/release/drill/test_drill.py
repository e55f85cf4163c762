"""A drill ends where it began: by itself, and after a kill at any moment by a drill, a rollback or a switch."""

from dataclasses import replace
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.drain.report import DrainReport
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import ColourState
from switchyard.release.record.hook import HookRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import DrillNotBackError, LeaseLostError
from tests.support.fake_drill import DrilledService, FakeDrillJournal, KilledError
from tests.support.release_records import START, record

WRITES = 6
"""Writes of a drill: the record begins, out, the record, the record goes back, back, the record ends."""

GONE = UnreachableError("connection refused")
RUNNING = record(1, from_tag="v1", tag="v2")
DEPLOYED = RUNNING.ending(Result.SUCCEEDED, START)
BAKING = RUNNING.entering(Phase.BAKE, START)
HELD = replace(BAKING, held=True)
KILLED = record(2, kind="switch", source="green", target="blue", phase=Phase.SWITCH, replaces=Result.ROLLED_BACK)


@pytest.fixture(autouse=True)
def gates(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The colours whose gates a switch has passed; drains are fakes."""
    passed: list[str] = []

    async def before_switch(self: BlueGreenGates, **_: Any) -> None:
        passed.append(str(self._service.active))

    async def drain(_: object, __: str, ___: object, colour: Colour, *____: object, **_____: object) -> DrainReport:
        return DrainReport(colour, DrainMethod.NONE)

    monkeypatch.setattr(BlueGreenGates, "before_switch", before_switch)
    monkeypatch.setattr("switchyard.release.switch.fast_lane.drain", drain)
    monkeypatch.setattr("switchyard.release.switch.fast_lane.undrain", drain)
    monkeypatch.setattr("switchyard.release.retries.PAUSE_SECONDS", 0)
    return passed


def drilled(**changes: Any) -> DrilledService:
    """The service after a deploy of v2 in green, with v1 warm in blue."""
    return DrilledService(releases=RecordedReleases().writing(DEPLOYED), **changes)


def expect_ended(service: DrilledService) -> None:
    current = service.releases.current
    assert current is not None
    assert not current.running
    assert service.serving is Colour.GREEN
    assert service.releases.rolled_back == ()


def test_a_drill_goes_out_and_back_and_marks_no_version(gates: list[str]) -> None:
    service = drilled()
    outcome = service.drill()
    assert service.events == [
        "drill running",
        "select blue",
        "drill running",
        "drill running",
        "select green",
        "drill succeeded",
    ]
    assert service.writes == WRITES
    assert gates == ["blue"], "the rollback passes no gate"
    expect_ended(service)
    assert outcome.out is not None
    assert outcome.back is not None
    assert outcome.problem is None
    current = service.releases.current
    assert current is not None
    assert (current.kind, current.source, current.target, current.tag) == ("drill", "green", "blue", "v1")
    assert [(phase.phase, phase.outcome) for phase in current.phases] == [(Phase.SWITCH, "passed")] * 2
    assert current.receipt is not None
    assert {**outcome.back.to_json(), "out": outcome.out.to_json()} == current.receipt
    assert service.releases.history[:2] == (current, DEPLOYED)


def test_after_a_drill_a_rollback_goes_where_it_would_have_gone_before() -> None:
    service = drilled()
    service.drill()
    service.command("rollback")
    assert service.serving is Colour.BLUE
    [version] = service.releases.rolled_back
    assert (version.colour, version.tag) == ("green", "v2")


@pytest.mark.parametrize("act", ["drill", "rollback", "switch"])
@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("kill", range(1, WRITES + 1))
def test_a_drill_that_is_killed_is_led_back(kill: int, after: bool, act: str) -> None:
    service = drilled(kill=kill, after=after)
    with pytest.raises(KilledError):
        service.drill()
    service.kill = None
    current = service.releases.current
    assert current is not None
    if service.serving is Colour.BLUE:
        assert current.running, "the record says that the drill has not ended"
    elif not current.running or act != "drill":
        return  # nothing to lead back
    service.command(act) if act != "drill" else service.drill()
    expect_ended(service)
    killed = next(release for release in service.releases.history if release.kind == "drill")
    assert killed.result is Result.FAILED


def test_a_drill_sends_nobody_to_a_version_that_an_irreversible_hook_has_left_behind() -> None:
    contract = HookRecord("contract", "beforeRetire", "2030-01-31T12:30:00Z", irreversible=True)
    service = DrilledService(releases=RecordedReleases().writing(replace(DEPLOYED, hooks=(contract,))))
    with pytest.raises(GateRefusedError, match="SY-P092"):
        service.drill()
    assert (service.writes, service.serving) == (0, Colour.GREEN)


def test_an_interrupted_drill_is_no_second_drill() -> None:
    service = drilled(kill=2)
    with pytest.raises(KilledError):
        service.drill()
    service.kill = None
    service.events.clear()
    outcome = service.drill()
    assert service.events == ["drill failed"]
    assert (outcome.out, outcome.back) == (None, None)
    expect_ended(service)


def test_a_rollback_while_a_drill_has_not_ended_marks_no_version_and_a_later_one_does() -> None:
    service = drilled(kill=2, after=True)
    with pytest.raises(KilledError):
        service.drill()
    service.kill = None
    service.command("rollback")
    expect_ended(service)
    assert [release.kind for release in service.releases.history] == ["rollback", "drill", "deploy"]


def test_the_rollback_is_tried_again_when_the_api_server_is_gone_for_a_while() -> None:
    service = drilled(errors={2: GONE, 3: GONE})
    assert service.drill().back is not None
    expect_ended(service)


def test_both_ends_are_recorded_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    service, end, refused = drilled(), FakeDrillJournal.end, list[str]()

    async def ended(journal: FakeDrillJournal, *arguments: Any, **result: Any) -> None:
        if service.events[-1] not in refused:  # once after each switch
            refused.append(service.events[-1])
            raise GONE
        await end(journal, *arguments, **result)

    monkeypatch.setattr(FakeDrillJournal, "end", ended)
    outcome = service.drill()
    assert refused[::2] == ["select blue", "select green"]
    assert (outcome.out is not None, outcome.back is not None, outcome.problem) == (True, True, None)
    assert [event for event in service.events if event.startswith("drill ")][-1] == "drill succeeded"
    expect_ended(service)


def test_a_rollback_that_fails_says_what_serves_and_the_same_command_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switchyard.release.retries.SECONDS", 0)
    service = drilled(errors={2: GONE})
    with pytest.raises(DrillNotBackError) as raised:
        service.drill()
    text = str(raised.value)
    assert "the drill has not switched back to green v2, and blue v1 serves: connection refused (SY-P124)" in text
    assert "switchyard drill backend" in text
    assert "switchyard rollback backend" in text
    current = service.releases.current
    assert current is not None
    assert (current.running, current.held, service.serving) == (True, True, Colour.BLUE)
    assert "the rollback is not done: connection refused" in str(current.detail)
    service.drill()
    expect_ended(service)


def test_a_switch_that_the_api_server_has_not_taken_changes_nothing() -> None:
    service = drilled(errors={1: GONE})
    with pytest.raises(UnreachableError):
        service.drill()
    expect_ended(service)
    assert service.events == ["drill running", "drill failed"]


def test_a_switch_whose_answer_is_lost_goes_back_at_once() -> None:
    service = drilled(errors={1: GONE}, applied={1})
    outcome = service.drill()
    assert service.events[:3] == ["drill running", "select blue", "drill running"]
    assert outcome.problem == "the switch was interrupted: connection refused"
    assert outcome.back is not None
    expect_ended(service)


def test_a_rollback_that_takes_the_lease_ends_the_drill_where_it_is() -> None:
    service = drilled(lost=2)
    with pytest.raises(LeaseLostError):
        service.drill()
    assert service.events == ["drill running", "select blue"]
    service.lost = None
    service.command("rollback")
    expect_ended(service)


@pytest.mark.parametrize(
    ("service", "code", "said"),
    [
        (drilled(blue=ColourState(Colour.BLUE, "v1", 0, 0)), "SY-P121", "backend.blue.replicas"),
        (drilled(blue=ColourState(Colour.BLUE, "v3", 3, 3)), "SY-P121", "blue v1, is not warm (blue v3"),
        (drilled(blue=ColourState(Colour.BLUE, "v1", 3, 0)), "SY-P024", "none of its 3 pods is ready"),
        (drilled(configured=Colour.BLUE), "SY-P122", "switchyard switch backend green"),
        (DrilledService(releases=RecordedReleases().writing(BAKING)), "SY-P122", "It bakes until 2030-01-31T13:00:00Z"),
        (DrilledService(releases=RecordedReleases().writing(BAKING)), "SY-P122", "switchyard retire backend"),
        (
            DrilledService(releases=RecordedReleases().writing(BAKING)),
            "SY-P122",
            "'switchyard:services.backend.blue.replicas' 3 && pulumi up && switchyard drill backend",
        ),
        (DrilledService(releases=RecordedReleases().writing(HELD)), "SY-P122", "Finish it: switchyard resume backend"),
        (
            DrilledService(releases=RecordedReleases(KILLED, (replace(HELD, held=False, phase=Phase.WATCH),))),
            "SY-P122",
            "or switchyard resume backend (stays with green, and continues the deploy of ",
        ),
        (
            DrilledService(
                releases=RecordedReleases().writing(replace(RUNNING, kind="switch", together=("backend", "worker")))
            ),
            "SY-P122",
            "Finish it: switchyard switch backend worker --together",
        ),
        (
            DrilledService(
                releases=RecordedReleases().rolling_back(
                    RolledBack("blue", "v1", "id-0", "2030-01-31T12:00:00Z", "ada", None)
                )
            ),
            "SY-P123",
            "blue v1 was rolled back at 2030-01-31T12:00:00Z by ada",
        ),
    ],
)
def test_a_drill_is_refused_and_nothing_is_written(service: DrilledService, code: str, said: str) -> None:
    with pytest.raises(GateRefusedError) as raised:
        service.drill()
    assert f"({code})" in str(raised.value)
    assert said in str(raised.value)
    assert "Nothing was changed. " in str(raised.value)
    assert "backend serves green v2" in str(raised.value)
    assert service.writes == 0


def test_a_rollback_after_a_drill_killed_before_its_switch_has_the_same_target_as_without_it() -> None:
    service = drilled(kill=1, after=True)
    with pytest.raises(KilledError):
        service.drill()
    service.kill = None
    service.command("rollback")
    assert service.serving is Colour.BLUE
    assert [version.tag for version in service.releases.rolled_back] == ["v2"]
