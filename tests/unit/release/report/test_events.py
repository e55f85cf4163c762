"""What counts as a rollback: a switch that took a deploy back does, a later switch does not."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from switchyard.cli.history import all_releases
from switchyard.release.phases import Phase, Result
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replacing import beginning, ending, without_abandoned
from switchyard.release.record.store import RecordedReleases
from switchyard.release.report.dora import dora
from switchyard.release.report.events import Events, Status, events_of
from tests.support.release_records import START, record

SWITCHED, BACK = START + timedelta(seconds=60), START + timedelta(seconds=600)


def deployed() -> ReleaseRecord:
    release = record().entering(Phase.SWITCH, SWITCHED).leaving("passed", SWITCHED)
    return release.entering(Phase.BAKE, SWITCHED)


def switched(result: Result = Result.SUCCEEDED) -> ReleaseRecord:
    back = record(1, kind="switch", source="green", target="blue", from_tag="v2.0.0", tag="v1.0.0", started=text(BACK))
    receipt = {"started": text(BACK), "patchedAfter": 0.5, "endpointsAfter": 0.75}
    return record_with(back, receipt).ending(result, BACK + timedelta(seconds=5))


def record_with(release: ReleaseRecord, receipt: dict[str, object]) -> ReleaseRecord:
    return ReleaseRecord.from_json({**release.to_json(), "receipt": receipt})


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def events(deploy: ReleaseRecord, back: ReleaseRecord) -> Events:
    running = replace(back, result=Result.RUNNING, ended=None)
    begun = beginning(RecordedReleases().writing(deploy), running, "green", BACK)
    replaces = None if begun.current is None else begun.current.replaces
    return events_of(all_releases(ending(begun, replace(back, replaces=replaces), BACK)))


def test_a_switch_that_takes_a_deploy_back_is_its_rollback_and_no_deployment() -> None:
    counted = events(deployed(), switched())
    [deployment], [rollback] = counted.deployments, counted.rollbacks
    assert (deployment.record.kind, deployment.status, deployment.rollback) == ("deploy", Status.ROLLED_BACK, rollback)
    assert (rollback.by, rollback.decision_to_serving) == ("switch", 0.75)
    [recovery] = [measure for measure in dora(counted.deployments, 1) if measure.name == "failedDeploymentRecoveryTime"]
    assert recovery.value == 540.75


@pytest.mark.parametrize(
    ("deploy", "back"),
    [
        (deployed().ending(Result.SUCCEEDED, SWITCHED), switched()),  # it has ended well before
        (deployed(), switched(Result.FAILED)),
    ],
)
def test_another_switch_is_a_deployment_and_no_rollback(deploy: ReleaseRecord, back: ReleaseRecord) -> None:
    counted = events(deploy, back)
    assert [deployment.record.kind for deployment in counted.deployments] == ["deploy", "switch"]
    assert [rollback.by for rollback in counted.rollbacks] == []


@pytest.mark.parametrize(
    ("hook", "numbers", "by"),
    [
        (HookOutcome.FAILED, None, "hook"),
        (HookOutcome.UNKNOWN, None, "hook"),
        (HookOutcome.FAILED, {"outcome": "breach"}, "watch"),  # the release continued after the hook
        (HookOutcome.PASSED, None, "watch"),  # a record of an earlier version of the program
        (None, None, "watch"),
    ],
)
def test_a_rollback_after_a_hook_that_did_not_pass_is_not_one_of_the_watch(
    hook: HookOutcome | None, numbers: dict[str, Any] | None, by: str
) -> None:
    bad = replace(deployed(), phases=deployed().phases[:1]).entering(Phase.WATCH, SWITCHED)
    bad = bad.leaving("breached", BACK, "hook check at afterSwitch has failed", numbers)
    if hook is not None:
        check = HookRecord("check", "afterSwitch", text(SWITCHED)).ending(hook, BACK, "exit code 1")
        before = HookRecord("warn", "beforeSwitch", text(START)).ending(HookOutcome.FAILED, START, "no")
        bad = bad.with_hook(before).with_hook(check)
    receipt = {"started": text(BACK), "patchedAfter": 0.5, "endpointsAfter": 0.75}
    [rollback] = events_of([record_with(bad, receipt).ending(Result.ROLLED_BACK, BACK)]).rollbacks
    assert (rollback.by, rollback.decision_to_serving, rollback.seen_to_serving) == (by, 0.75, None)


@pytest.mark.parametrize("by", ["resume", "rollback"])
def test_a_switch_that_was_killed_before_it_changed_the_selector_is_withdrawn(by: str) -> None:
    killed = replace(switched(), result=Result.RUNNING, ended=None, receipt=None)
    begun = beginning(RecordedReleases().writing(deployed()), killed, "green", BACK)
    if by == "resume":
        after = without_abandoned(begun, "green", BACK)
    else:
        after = beginning(begun, replace(killed, id="id-9", kind="rollback"), "green", BACK)
    counted = {entry.record.kind: entry.status for entry in events_of(all_releases(after)).deployments}
    assert counted == {"deploy": Status.RUNNING, "switch": Status.WITHDRAWN}
