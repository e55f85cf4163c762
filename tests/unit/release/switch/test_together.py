"""Several services together: all are switched or none, whatever fails and whenever the command is killed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, GateRefusedError, UnreachableError
from switchyard.release import retries
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.counting import Followed
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.switch.together import planned
from switchyard.release.switch.together_refusals import not_converged_together
from switchyard.release_errors import LeaseHeldError, LeaseLostError, TogetherSplitError, TogetherUndoneError
from tests.support.fake_release import KilledError
from tests.support.fake_together import FakeJournal, World, group, run
from tests.support.observed import observed
from tests.support.release_records import record

BLUE, GREEN = Colour.BLUE, Colour.GREEN
DENIED = ApiStatusError("patch", "services/worker", 403, "denied the request: not now")
AWAY = UnreachableError("no answer")


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not answer is asked once; tests that have it come back ask again."""
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def all_serve(world: World, colour: Colour) -> bool:
    return set(world.serving.values()) == {colour}


def test_gates_leases_records_and_selectors_follow_each_other_and_one_convergence_ends_it() -> None:
    world = World()
    outcomes = run(world)
    assert world.events[:8] == [
        *("gates api green", "gates worker green"),
        *("hold api", "hold worker"),
        *("begin api", "begin worker"),
        *("patch api green", "patch worker green"),
    ]
    assert set(world.events[8:11]) == {"converge", "drain api", "drain worker"}
    assert world.events[11:] == ["end api True", "end worker True", "release worker", "release api"]
    assert world.converged == [{"api": GREEN, "worker": GREEN}]
    assert [outcome.receipt.patched_after for outcome in outcomes.values()] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("error", "is_made"), [(DENIED, False), (AWAY, False), (AWAY, True), (GateRefusedError("changed"), False)]
)
@pytest.mark.parametrize("failing", ["api", "worker"])
def test_a_selector_that_cannot_be_changed_undoes_those_before_it(
    error: Exception, failing: str, *, is_made: bool
) -> None:
    world = World(errors={failing: [(error, is_made)]})
    with pytest.raises(TogetherUndoneError) as raised:
        run(world)
    assert all_serve(world, BLUE)
    assert f"{failing} could not be changed: {error}" in str(raised.value)
    assert "All serve as before: api blue v1, worker blue v1" in str(raised.value)
    assert ("Changed back and read again: api" in str(raised.value)) == (failing == "worker")
    assert all(state.startswith("failed: together with api, worker") for _, state in world.records.values())
    assert world.converged == []
    assert not any(lock.locked() for lock in world.held.values())


@pytest.mark.parametrize(
    ("undo", "lost", "problem"),
    [
        ([(None, True), (AWAY, False)], {}, "api: green may serve (no answer)"),
        ([(None, True), (GateRefusedError("somebody has changed it"), False)], {}, "somebody has changed it"),
    ],
)
def test_a_selector_that_cannot_be_changed_back_is_said_and_its_record_stays_open(
    undo: list[tuple[BaseException | None, bool]], lost: dict[str, Exception], problem: str
) -> None:
    world = World(errors={"api": undo, "worker": [(DENIED, False)]}, lost=lost)
    with pytest.raises(TogetherSplitError) as raised:
        run(world)
    assert problem in str(raised.value)
    assert "As before: worker (blue)" in str(raised.value)
    assert "switchyard switch api worker --together" in str(raised.value)
    assert (world.serving, world.records["api"][1]) == ({"api": GREEN, "worker": BLUE}, "open")
    assert world.records["worker"][1].startswith("failed")


def test_a_selector_is_changed_back_as_soon_as_the_api_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 60)
    world = World(errors={"api": [(None, True), (AWAY, False), (AWAY, False)], "worker": [(DENIED, False)]})
    with pytest.raises(TogetherUndoneError, match="All serve as before"):
        run(world)
    assert (all_serve(world, BLUE), world.errors["api"]) == (True, [])
    assert [event for event in world.events if "is tried again" in event] == [
        "api: the change back to blue is tried again for 60 s at most, because the API server does not answer: "
        "no answer"
    ]


def test_a_lease_that_another_command_has_taken_meanwhile_is_not_written_over() -> None:
    world = World(errors={"worker": [(DENIED, False)]})
    together, plans = group(world), {key: world.plan(key) for key in world.serving}
    lost = LeaseLostError("api: another command has taken the Lease")

    async def taken() -> None:
        patch = together._members["worker"].lane.patch

        async def denied(plan: object) -> float:
            world.lost["api"] = lost  # after both Leases were confirmed
            return await patch(plan)  # type: ignore[arg-type]

        together._members["worker"].lane.patch = denied  # type: ignore[method-assign]
        await together.run(plans, None)

    with pytest.raises(TogetherSplitError, match="another command has taken the Lease"):
        asyncio.run(taken())
    assert (world.serving["api"], world.records["api"]) == (GREEN, (GREEN, "open"))


def test_a_lease_that_was_lost_before_changes_nothing() -> None:
    world = World(lost={"worker": LeaseLostError("worker: another command has taken the Lease")})
    with pytest.raises(TogetherUndoneError, match="worker could not be changed"):
        run(world)
    assert all_serve(world, BLUE)
    assert not any(event.startswith("patch") for event in world.events)
    assert str(world.records["worker"][1]).startswith("failed: "), "the journal leaves that of another command"


def test_the_receipt_of_each_service_has_its_requests_after_the_drain() -> None:
    receipts = [outcome.receipt for outcome in run(World()).values()]
    assert [(receipt.requests, receipt.errors, receipt.drain is not None) for receipt in receipts] == [
        (3000, 0, True)
    ] * 2


@pytest.mark.parametrize("keys", [("api",), ("api", "worker")])
def test_a_service_that_a_rollback_takes_after_the_switch_is_left_to_it(keys: tuple[str, ...]) -> None:
    world = World()
    together, plans = group(world), {key: world.plan(key) for key in world.serving}
    follow = together._members["worker"].lane.follow

    async def taken(*arguments: object) -> Followed:
        world.lost |= {key: LeaseLostError(f"{key}: another command has taken the Lease") for key in keys}
        return await follow(*arguments)  # type: ignore[arg-type]

    together._members["worker"].lane.follow = taken  # type: ignore[method-assign, assignment]
    with pytest.raises(LeaseLostError) as raised:
        asyncio.run(together.run(plans, None))
    assert [f"{key}: another command" in str(raised.value) for key in ("api", "worker")] == [True, "worker" in keys]
    left = [key for key in ("api", "worker") if key not in keys]
    assert world.converged == ([{"worker": GREEN}] if left else [])
    assert [event for event in world.events if event.startswith(("drain", "end"))] == [
        event for key in left for event in (f"drain {key}", f"end {key} True")
    ]


def test_ctrl_c_between_two_selectors_changes_the_first_one_back() -> None:
    world = World(errors={"worker": [(asyncio.CancelledError(), False)]})
    with pytest.raises(asyncio.CancelledError):
        run(world)
    assert all_serve(world, BLUE)
    assert all("interrupted" in state for _, state in world.records.values())


def test_killed_at_every_moment_the_same_command_goes_on_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    moments = 0
    split = 0
    while True:
        world = World(kill=moments)
        try:
            run(world)
        except KilledError:
            split += len(set(world.serving.values())) > 1
            world.kill = None
            targets = {key: target for key, (target, state) in world.records.items() if state == "open"}
            assert all(target is GREEN for target in targets.values())
            assert not any(serving is GREEN and key not in world.records for key, serving in world.serving.items())
            run(world)
            assert all_serve(world, GREEN)
            assert all(state == "ended" for _, state in world.records.values())
            moments += 1
        else:
            break
    assert (moments, split) == (6, 1), "two beginnings, two patches and two ends"
    with capsys.disabled():
        print(f"\nseveral services together: {moments} kills, {split} of them between two selectors", end=" ")


def test_a_second_operator_with_one_of_the_leases_stops_all_and_the_others_are_released() -> None:
    world = World(lost={"held worker": LeaseHeldError("worker: another release is in progress")})
    with pytest.raises(LeaseHeldError):
        run(world)
    assert (world.records, all_serve(world, BLUE)) == ({}, True)
    assert not world.held["api"].locked()


def test_two_commands_never_wait_for_each_other() -> None:
    world = World()
    plans = {key: world.plan(key) for key in ("worker", "api")}

    async def both() -> list[object]:
        turned = group(World(serving=dict(reversed(world.serving.items()))))
        for key, member in turned._members.items():
            turned._members[key] = replace(member, journal=group(world)._members[key].journal)
        async with asyncio.timeout(10):
            runs = group(world).run(plans, None), turned.run(plans, None)
            return list(await asyncio.gather(*runs, return_exceptions=True))

    outcomes = asyncio.run(both())
    assert any(isinstance(outcome, dict) for outcome in outcomes)
    holds = [event for event in world.events if event.startswith("hold")]
    assert holds == ["hold api", "hold worker"] * (len(holds) // 2)
    assert len(holds) == 4


def test_every_service_that_a_gate_refuses_is_named_and_no_lease_is_taken() -> None:
    world = World(refusals={"api": "api: 1 of 3 ready", "worker": "worker: the smoke test failed"})
    with pytest.raises(GateRefusedError) as raised:
        run(world)
    assert str(raised.value) == "api: 1 of 3 ready\nworker: the smoke test failed"
    assert not any(event.startswith("hold") for event in world.events)


def test_what_serves_is_read_again_under_the_leases() -> None:
    world = World()
    plans = {key: world.plan(key) for key in world.serving}
    world.serving["worker"] = GREEN
    with pytest.raises(GateRefusedError, match="SY-P031"):
        asyncio.run(group(world).run(plans, None))
    assert world.records == {}


def test_a_rollback_passes_no_gate_and_warms_what_was_retired() -> None:
    world = World(warm={"worker": "v2"})
    run(world, Act.ROLLBACK)
    assert not any(event.startswith("gates") for event in world.events)
    order = [world.events.index(event) for event in ("warm worker v2", "restore worker green", "patch api green")]
    assert order == sorted(order)
    assert all_serve(world, GREEN)


def test_plans_that_are_refused_are_refused_with_every_reason() -> None:
    async def refused(reason: str) -> object:
        raise GateRefusedError(reason)

    with pytest.raises(GateRefusedError, match="one\ntwo"):
        asyncio.run(planned({"a": refused("one"), "b": refused("two")}))  # type: ignore[dict-item]


OPEN = record(kind="switch", target="green", together=("api", "worker"))


def test_the_record_names_the_others_and_records_of_before_are_read() -> None:
    assert OPEN.to_json()["together"] == ["api", "worker"]
    assert ReleaseRecord.from_json(OPEN.to_json()) == OPEN
    alone = record()
    assert "together" not in alone.to_json()
    assert ReleaseRecord.from_json(alone.to_json()).together == ()


def test_a_state_that_lags_behind_is_said_with_one_command_for_all() -> None:
    world = World()
    plans = {key: world.plan(key) for key in world.serving}
    text = not_converged_together(plans, "test", "no such host", config=False)
    assert "switchyard switch api=green worker=green --together --stack test --yes" in text
    assert "pulumi up --stack test" in not_converged_together(plans, "test", "no such host", config=True)


def test_a_service_that_is_configured_as_it_serves_is_not_in_the_command_that_converges() -> None:
    behind = Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE)
    stays = Plan(Act.ROLLBACK, observed(Colour.BLUE), Colour.BLUE, patch=False)  # a switch to it would be refused
    text = not_converged_together({"api": behind, "worker": stays}, "test", "no such host", config=False)
    assert "switchyard switch api=blue --together --stack test --yes" in text


def test_the_end_of_each_service_is_written_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 60)
    world, left, end = World(), [AWAY], FakeJournal.end

    async def ended(journal: FakeJournal, *arguments: Any, **result: Any) -> None:
        if journal.key == "worker" and left:
            raise left.pop()
        await end(journal, *arguments, **result)

    monkeypatch.setattr(FakeJournal, "end", ended)
    run(world)
    assert (left, world.records) == ([], {"api": (GREEN, "ended"), "worker": (GREEN, "ended")})
