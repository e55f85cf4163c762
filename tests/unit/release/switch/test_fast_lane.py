"""A switch and a rollback: what is refused, in which order the rest happens, and what is seen of it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from switchyard.config.models.service import Colour, Track
from switchyard.errors import AccessDeniedError, ApiStatusError, GateRefusedError, UnreachableError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.release import retries
from switchyard.release.plan import Act, ColourState, Observation, Plan
from switchyard.release.receipt.receipt import Receipt, lines
from switchyard.release_errors import LeaseLostError
from tests.support.fake_lane import OF_BLUE, FakeCluster, Lane, Release, Table, done
from tests.support.lane_fixtures import drained, gates
from tests.support.observed import observed
from tests.support.weighted_service import weighted

__all__ = ["drained", "gates"]


def refused(call: Coroutine[Any, Any, object]) -> str:
    with pytest.raises(GateRefusedError) as error:
        asyncio.run(call)
    return str(error.value)


def test_a_switch_without_a_colour_goes_to_the_one_that_does_not_serve() -> None:
    assert done(Lane().lane.plan_switch(observed(Colour.GREEN), None)).target is Colour.BLUE


def test_a_switch_to_what_serves_is_refused_with_what_serves() -> None:
    text = refused(Lane().lane.plan_switch(observed(), Colour.BLUE))
    assert "(SY-P022): blue serves already (blue v1, 3 of 3 pods ready)" in text
    assert "Nothing was changed" in text


def test_a_switch_to_what_serves_and_is_not_configured_needs_no_patch() -> None:
    plan = done(Lane().lane.plan_switch(observed(active=Colour.GREEN), Colour.BLUE))
    assert plan.patch is False


def test_a_switch_to_what_serves_ends_a_command_that_was_killed() -> None:
    it = Lane()
    it.journal.running = Release("switch", result="running")
    plan = done(it.lane.plan_switch(observed(), Colour.BLUE))
    assert (plan.target, plan.patch) == (Colour.BLUE, False)


def test_a_rollback_without_a_ready_pod_is_refused() -> None:
    text = refused(Lane().lane.plan_rollback(observed(green=ColourState(Colour.GREEN, "v2", 3, 0))))
    assert "(SY-P024): none of its 3 pods is ready (v2)" in text
    assert "backend serves blue v1, 3 of 3 pods ready." in text
    assert "kubectl -n default get pods -l app=backend,version=green" in text


def test_a_rollback_to_fewer_pods_is_warned_of_and_not_stopped() -> None:
    plan = done(Lane().lane.plan_rollback(observed(green=ColourState(Colour.GREEN, "v2", 3, 2))))
    [warning] = plan.warnings
    assert "green has 2 ready pods, and 3 serve now (SY-P033)" in warning


def test_a_rollback_without_a_record_is_refused_and_names_what_serves_and_the_switch() -> None:
    text = refused(Lane(latest=None).lane.plan_rollback(observed()))
    assert "(SY-P023): no record says which version served before blue v1, and green v2 may never have served" in text
    assert "backend serves blue v1, 3 of 3 pods ready." in text
    assert text.endswith("To have green serve (green v2, 3 of 3 pods ready): switchyard switch backend green")


def test_a_rollback_that_leaves_a_node_without_pods_is_warned_of_and_not_stopped() -> None:
    blue = ColourState(Colour.BLUE, "v1", 3, 3, nodes=frozenset({"n1", "n2"}))
    green = ColourState(Colour.GREEN, "v2", 3, 3, nodes=frozenset({"n2"}))
    now = observed(blue=blue, green=green)
    assert done(Lane().lane.plan_rollback(now)).warnings == ()
    local = replace(now, live={**now.live, "spec": {**now.live["spec"], "internalTrafficPolicy": "Local"}})
    [warning] = done(Lane().lane.plan_rollback(local)).warnings
    assert "on n1 pods serve, and none of green is ready there" in warning
    assert "internalTrafficPolicy Local these nodes answer no request after the rollback (SY-S022)" in warning
    patch = 'kubectl -n default patch service backend -p \'{"spec": {"internalTrafficPolicy": "Cluster"}}\''
    assert f"The rollback continues. To have every node route to all pods at once: {patch}" in warning


@pytest.mark.parametrize("blue", [ColourState(Colour.BLUE, "v1", 0, 0), ColourState(Colour.BLUE, "v3", 3, 3)])
def test_a_retired_version_and_one_that_was_replaced_are_warmed_first(blue: ColourState) -> None:
    plan = done(Lane(latest=Release()).lane.plan_rollback(observed(Colour.GREEN, blue=blue)))
    assert (plan.target, plan.warm_tag, plan.to_tag) == (Colour.BLUE, "v1", "v1")


def test_a_rollback_by_a_deploy_that_has_not_written_the_weights_is_completed_by_a_patch() -> None:
    half = weighted(serving=Colour.BLUE, routed=Colour.GREEN)
    plan = done(Lane(latest=Release(result="running", has_switched=True)).lane.plan_rollback(half))
    assert (plan.target, plan.patch, plan.completes, plan.warm_tag) == (Colour.BLUE, True, True, None)


def test_the_record_is_written_before_the_patch_and_ended_after_configuration_and_state(
    gates: list[BlueGreenGates],
) -> None:
    it = Lane()
    outcome = it.run(Plan(Act.SWITCH, observed(), Colour.GREEN))
    assert it.events == ["hold switch", "begin green why", "converge", "end True None", "release"]
    [patch] = it.cluster.api.patches
    assert '"selector": {"app": "backend", "version": "green"}' in patch["content"]
    assert [gate.intended for gate in gates] == [True]
    assert outcome.receipt.patched_after is not None
    assert (outcome.receipt.ready_endpoints, outcome.receipt.endpoints_after is not None) == (2, True)
    assert it.journal.receipt == outcome.receipt


def test_a_rollback_passes_no_gate_that_protects_a_switch(gates: list[BlueGreenGates]) -> None:
    it = Lane()
    it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert gates == []
    assert len(it.cluster.api.patches) == 1


def test_what_serves_already_is_not_patched_again() -> None:
    it = Lane()
    outcome = it.run(Plan(Act.SWITCH, observed(Colour.GREEN), Colour.GREEN, patch=False))
    assert it.cluster.api.patches == []
    assert outcome.receipt.patched_after is None
    assert "converge" in it.events


def test_a_patch_that_the_api_server_does_not_answer_ends_the_record_as_failed() -> None:
    it = Lane(FakeCluster(Table([UnreachableError("connection refused")])))
    with pytest.raises(UnreachableError):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert it.events == ["hold rollback", "begin green why", "end False connection refused"]


def test_an_end_that_cannot_be_written_does_not_hide_why_the_switch_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unwritable(*_: object, **__: object) -> None:
        raise ApiStatusError("patch", "configmaps/backend-release", 500, "no")

    it = Lane(FakeCluster(Table([UnreachableError("connection refused")])))
    monkeypatch.setattr(it.journal, "end", unwritable)
    with pytest.raises(UnreachableError, match="connection refused"):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))


def test_a_retired_version_is_warmed_and_observed_anew_before_the_record() -> None:
    retired = observed(green=ColourState(Colour.GREEN, "v2", 0, 0))
    it = Lane(again=observed())
    it.run(Plan(Act.ROLLBACK, retired, Colour.GREEN, warm_tag="v2"))
    assert it.events[:3] == ["hold rollback", "warm v2", "begin green why"]


@pytest.mark.parametrize(
    ("again", "code"),
    [(observed(Colour.GREEN), "SY-P031"), (observed(green=ColourState(Colour.GREEN, "v2", 3, 0)), "SY-P024")],
)
def test_a_service_that_changed_while_it_warmed_is_not_switched(again: Observation, code: str) -> None:
    it = Lane(again=again)
    retired = observed(green=ColourState(Colour.GREEN, "v2", 0, 0))
    with pytest.raises(GateRefusedError, match=code) as refused:
        it.run(Plan(Act.ROLLBACK, retired, Colour.GREEN, warm_tag="v2"))
    assert it.cluster.api.patches == []
    created = "The pods of green v2 are created, and the configuration has them. The Service was not changed. "
    assert created in str(refused.value)
    assert "Nothing was changed" not in str(refused.value)


@pytest.mark.parametrize(
    ("under_lease", "code"),
    [
        (observed(green=ColourState(Colour.GREEN, "v2", 0, 0)), "SY-P031"),  # another command has retired it
        (observed(green=ColourState(Colour.GREEN, "v2", 3, 0)), "SY-P024"),
        (
            observed(green=ColourState(Colour.GREEN, "v3", 3, 3)),
            "SY-P031",
        ),  # another command has warmed another version
        (observed(Colour.GREEN), "SY-P031"),
    ],
)
def test_a_rollback_is_planned_again_under_the_lease(under_lease: Observation, code: str) -> None:
    it = Lane(under_lease=under_lease)
    with pytest.raises(GateRefusedError, match=code):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert it.cluster.api.patches == []


def test_times_of_a_receipt_count_from_the_start_of_the_command_and_not_of_its_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = Lane(again=observed())
    monkeypatch.setattr(it.lane, "_elapsed", lambda: 65.9)  # most of which a retired version was warmed
    outcome = it.run(Plan(Act.ROLLBACK, observed(green=ColourState(Colour.GREEN, "v2", 0, 0)), Colour.GREEN, "v2"))
    assert "warm v2" in it.events
    assert (outcome.receipt.started, outcome.receipt.patched_after) == ("2026-01-02T03:03:00Z", 65.9)


def test_a_command_that_has_lost_its_lease_changes_nothing() -> None:
    it = Lane()
    it.journal.lost = LeaseLostError("another command has taken it")
    with pytest.raises(LeaseLostError):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert it.cluster.api.patches == []


def losing(it: Lane, monkeypatch: pytest.MonkeyPatch, error: LeaseLostError | UnreachableError) -> None:
    """Lets every check of the Lease fail with an error once the selector is changed."""
    patch = it.lane.patch

    async def patched(plan: Plan) -> float:
        seconds = await patch(plan)
        it.journal.lost = error
        return seconds

    monkeypatch.setattr(it.lane, "patch", patched)


def test_a_switch_that_loses_its_lease_to_a_rollback_after_the_patch_changes_nothing_more(
    monkeypatch: pytest.MonkeyPatch, drained: list[tuple[Any, ...]]
) -> None:
    it = Lane()
    losing(it, monkeypatch, LeaseLostError("another command has taken it"))
    with pytest.raises(LeaseLostError):
        it.run(Plan(Act.SWITCH, observed(), Colour.GREEN))
    assert len(it.cluster.api.patches) == 1
    assert it.events == ["hold switch", "begin green why"], "blue serves again, and has to stay configured"
    assert [act for act, *_ in drained] == ["undrain"], "the pods that serve again are renewed"


def test_an_api_server_that_does_not_say_who_has_the_lease_stops_no_convergence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = Lane()
    losing(it, monkeypatch, UnreachableError("connection refused"))
    it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert "converge" in it.events


@pytest.mark.parametrize(("serving", "unreadable"), [(Track.GREEN, None), (Track.BLUE, UnreachableError("gone"))])
def test_a_patch_that_may_have_been_applied_leaves_the_record_running(
    serving: Track, unreadable: Exception | None
) -> None:
    cluster = FakeCluster(Table([UnreachableError("no answer in 30 s")]), serving=serving, unreadable=unreadable)
    it = Lane(cluster)
    with pytest.raises(UnreachableError):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert it.events == ["hold rollback", "begin green why"]


@pytest.mark.parametrize("what", ["nodes", "all"])
def test_what_may_not_be_seen_is_said_and_does_not_undo_the_switch(what: str) -> None:
    denied = AccessDeniedError("get", "nodes/proxy", 403, "no")
    cluster = FakeCluster(denied=denied) if what == "nodes" else FakeCluster(error=denied)
    outcome = Lane(cluster).run(Plan(Act.SWITCH, observed(), Colour.GREEN))
    text = "\n".join(lines(outcome.receipt))
    assert "may not get nodes/proxy" in text
    assert outcome.convergence.done


def test_a_state_that_cannot_be_reached_is_part_of_the_record() -> None:
    it = Lane(problem="no such host")
    assert it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN)).convergence.problem == "no such host"
    assert "end True no such host" in it.events


@pytest.mark.parametrize(
    ("now", "goes_on"),
    [
        (observed(), True),
        (observed(Colour.GREEN), False),
        (observed(green=ColourState(Colour.GREEN, "v3", 3, 3)), False),
    ],
)
def test_a_switch_that_has_waited_is_planned_anew_and_does_not_serve_what_nobody_confirmed(
    now: Observation, *, goes_on: bool
) -> None:
    lane = Lane(under_lease=now, waited=True)
    plan = Plan(Act.SWITCH, observed(), Colour.GREEN)
    if goes_on:
        lane.run(plan)
        assert len(lane.cluster.api.patches) == 1
        return
    with pytest.raises(GateRefusedError, match="SY-P031"):
        lane.run(plan)
    assert lane.cluster.api.patches == []


@pytest.mark.parametrize("act", [Act.SWITCH, Act.ROLLBACK])
def test_the_end_is_written_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)
    it = Lane(latest=OF_BLUE if act is Act.SWITCH else Release())
    end, left = it.journal.end, [UnreachableError("connection refused")] * 2

    async def ended(receipt: Receipt | None, **result: Any) -> None:
        if left:
            raise left.pop()
        await end(receipt, **result)

    monkeypatch.setattr(it.journal, "end", ended)
    serving = Colour.BLUE if act is Act.SWITCH else Colour.GREEN
    it.run(Plan(act, observed(serving), serving.other))
    assert (left, it.events[-2].startswith("end True"), it.events[-1]) == ([], True, "release")
    assert f"backend: the record of the {act} to {serving.other} is tried again for 60 s at most" in str(it.events)
