"""An update with an outdated configuration does not end a release whose command is running."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from switchyard.config.models.service import Track
from switchyard.errors import UnreachableError
from switchyard.kube.release_lease import DURATION_SECONDS
from switchyard.manifests.labels import selector
from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.fake_record import Record
from tests.support.release_records import START, record
from tests.unit.gates.test_service import DENIED, FakeCluster, gates_on, refusal

RUNNING = record(from_tag="v1", tag="v2.1", phase=Phase.WATCH)


def lease(holder: str = "ada@laptop/7/1f0c", seconds: float = 0) -> dict[str, Any]:
    """A Lease that its holder has renewed some seconds ago."""
    renewed = START - timedelta(seconds=seconds)
    spec = {"holderIdentity": holder, "leaseDurationSeconds": DURATION_SECONDS, "renewTime": renewed.isoformat()}
    return {"metadata": {"name": "backend-release"}, "spec": spec}


def on_green(release: ReleaseRecord, held: dict[str, Any] | Exception | None) -> FakeCluster:
    class Recorded(FakeCluster):
        """A cluster with this record and this Lease, on which green serves."""

        api: ClassVar[Any] = Record((), releases=(release,), lease=held)

    return Recorded(selected=selector("backend", Track.GREEN), behind=("a",))


@pytest.mark.parametrize("preview", [True, False])
def test_a_switch_that_would_end_a_running_release_is_refused(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    it = gates_on(monkeypatch, on_green(RUNNING, lease()))
    text = refusal(it.gates.before_switch(creating=False, preview=preview))
    assert (
        "backend: the switch to blue is refused (SY-P001): the deploy of v2.1 by ada is running, and this "
        "configuration does not have it" in text
    )
    assert "green continues to serve" in text
    assert "To have blue serve again: switchyard abort backend." in text
    assert it.cluster.asked == ["selector"]


@pytest.mark.parametrize(
    ("release", "held"),
    [
        (RUNNING, None),
        (RUNNING, lease(holder="")),
        (RUNNING, lease(seconds=DURATION_SECONDS + 2)),
        (RUNNING, DENIED),
        (RUNNING.ending(Result.SUCCEEDED, START), lease()),
        (replace(RUNNING, kind="switch"), lease()),
        (replace(RUNNING, source="green", target="blue"), lease()),
    ],
)
def test_any_other_switch_is_permitted(
    monkeypatch: pytest.MonkeyPatch, release: ReleaseRecord, held: dict[str, Any] | Exception | None
) -> None:
    it = gates_on(monkeypatch, on_green(release, held))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_a_rollback_by_a_configuration_that_has_the_release_is_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(replace(RUNNING, tag="v2"), lease()))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_the_update_of_the_release_itself_is_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(RUNNING, lease()))
    it.gates.by_command = True
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_a_lease_that_cannot_be_read_stops_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(RUNNING, UnreachableError("connection refused")))
    assert "connection refused" in refusal(it.gates.before_switch(creating=False, preview=True))
