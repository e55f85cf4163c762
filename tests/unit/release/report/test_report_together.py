"""A release that only another one of its group took along is no failure of its own in a report."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.errors import UnreachableError
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.report.events import Status, events_of
from switchyard.release.report.report import report
from tests.support.fake_group import KEYS, FakeGroupCommand
from tests.support.fake_release import release

SINCE, UNTIL = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 3, 1, tzinfo=UTC)
BREACHED = Ended(Event.BREACHED, "8 % failed")


def measures(records: dict[str, ReleaseRecord]) -> dict[str, Any]:
    document = report({key: [record] for key, record in records.items()}, SINCE, UNTIL).to_json()
    return {measure["name"]: measure for measure in (*document["measures"], *document["dora"])}


def counted(measured: dict[str, Any]) -> dict[str, int]:
    counts = measured["deploymentsThatSucceed"]["sample"]["counts"]
    return {status: count for status, count in counts.items() if count}


def rolled_back(record: ReleaseRecord) -> ReleaseRecord:
    """The record with the receipt of its rollback, half a second after the decision."""
    decided = str(next(phase for phase in record.phases if phase.outcome == "breached").ended)
    return replace(record, receipt={"started": decided, "patchedAfter": 0.5, "endpointsAfter": 0.75})


def test_of_a_group_that_goes_back_the_condemned_version_alone_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["worker"][Phase.WATCH] = BREACHED
    command.members["api"].watch_turns = 1000
    command.deploy()
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    measured = measures({key: rolled_back(command.record(key)) for key in KEYS})
    assert counted(measured) == {"rolledBack": 1, "takenAlong": 1}
    assert measured["deploymentsThatSucceed"]["sample"]["size"] == 1
    assert (measured["changeFailureRate"]["value"], measured["changeFailureRate"]["sample"]["size"]) == (1.0, 1)
    assert measured["deploymentFrequency"]["sample"]["size"] == 2, "both have reached users"
    rollbacks = measured["rollbackTime"]
    assert rollbacks["sample"]["counts"] == {
        "watch": 1,
        "hook": 0,
        "rollback": 0,
        "abort": 0,
        "switch": 0,
        "together": 1,
    }
    accepted = next(part for part in rollbacks["parts"] if part["name"] == "decision -> selector accepted")
    assert (accepted["size"], accepted["worstSeconds"]) == (2, 0.5)


def test_of_a_group_that_fails_before_the_switch_one_alone_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["api"][Phase.PROVE] = UnreachableError("no answer")
    command.deploy()
    command.expect(Result.FAILED, Phase.PROVE, "blue")
    assert counted(measures({key: command.record(key) for key in KEYS})) == {"failed": 1, "takenAlong": 1}


def test_a_version_that_has_passed_and_is_taken_back_with_another_is_taken_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.deploy()
    world = command.worlds["worker"]
    world.serving = "blue"  # by hand
    assert world.releases.current is not None
    watch = world.releases.current.phases[-2]
    assert watch.phase is Phase.WATCH
    passing = replace(world.releases.current, phase=Phase.WATCH, phases=(*world.releases.current.phases[:-2], watch))
    world.releases = replace(world.releases, current=passing)
    command.act("resume")
    api = command.record("api")
    assert str(api.detail).startswith("released together with worker, which was rolled back")
    assert counted(measures({"api": api})) == {"takenAlong": 1}


def test_a_release_that_somebody_else_has_reverted_has_no_time_of_a_rollback() -> None:
    now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    reverted = release().entering(Phase.WATCH, now).leaving("reverted", now).ending(Result.ROLLED_BACK, now)
    reverted = replace(reverted, receipt={"started": "2030-01-31T12:05:00Z", "endpointsAfter": 0.1})
    [deployment] = events_of([reverted]).deployments
    assert (deployment.status, deployment.rollback) == (Status.ROLLED_BACK, None)
