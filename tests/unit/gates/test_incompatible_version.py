"""An update does not bring back a version that no longer works after a hook that cannot be undone."""

import asyncio
import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from switchyard.config.commands import messages_about
from switchyard.config.models.service import Track
from switchyard.kube.incompatible_version import parse_releases
from switchyard.manifests.labels import selector
from switchyard.release.phases import Phase, Result
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import RecordUnreadableError
from tests.support.fake_record import Record
from tests.support.release_records import START, record
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal

CONTRACT = HookRecord("contract", "beforeRetire", "2030-01-31T12:30:00Z", irreversible=True)
BEGUN = record(from_tag="v1", tag="v2", phase=Phase.RETIRE, hooks=(CONTRACT,))
RELEASED = replace(BEGUN, hooks=(CONTRACT.ending(HookOutcome.PASSED, START, None),)).ending(Result.SUCCEEDED, START)
LATER = record(3, source="green", target="blue", from_tag="v2", tag="v3").ending(Result.SUCCEEDED, START)


def on_green(*releases: ReleaseRecord) -> FakeCluster:
    class Recorded(FakeCluster):
        """A cluster with this record, on which green serves."""

        api: ClassVar[Any] = Record((), releases=releases)

    return Recorded(selected=selector("backend", Track.GREEN), behind=("a",))


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("releases", [[BEGUN], [RELEASED], [LATER.ending(Result.REFUSED, START), RELEASED]])
def test_a_version_behind_an_irreversible_hook_is_refused(
    monkeypatch: pytest.MonkeyPatch, releases: list[ReleaseRecord], *, preview: bool
) -> None:
    it = gates_on(monkeypatch, on_green(*releases))
    with messages_about("production"):
        text = refusal(it.gates.before_switch(creating=False, preview=preview))
    assert (
        "backend: the switch to blue v1 is refused (SY-P092): hook contract of the release of v2 (id-0, by ada)" in text
    )
    assert "it is irreversible, and v1 no longer works after it" in text
    assert "green continues to serve" in text
    stay = "pulumi config set --path 'switchyard:services.backend.active' green --stack production"
    assert f"To stay with green: `{stay}`" in text
    assert text.endswith("give the reason: switchyard rollback backend --override REASON --stack production")
    assert it.cluster.asked == ["selector"]


def test_a_version_that_is_no_longer_the_one_before_is_meant_by_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(LATER, RELEASED))
    text = refusal(it.gates.before_switch(creating=False, preview=True))
    assert "(SY-P092)" in text
    assert text.endswith("release it again: switchyard deploy backend v1")


@pytest.mark.parametrize(
    "releases",
    [
        [],
        [replace(RELEASED, hooks=(replace(CONTRACT, irreversible=False),))],
        [replace(RELEASED, from_tag="v0")],
        [replace(RELEASED, source="green", target="blue")],
        [replace(LATER, kind="rollback", tag="v1"), RELEASED],
    ],
)
def test_other_versions_are_permitted(monkeypatch: pytest.MonkeyPatch, releases: list[ReleaseRecord]) -> None:
    it = gates_on(monkeypatch, on_green(*releases))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_a_command_is_not_stopped_here_for_what_it_refuses_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(RELEASED))
    it.gates.by_command = True
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


@pytest.mark.parametrize("broken", ['{"id": 1}', "[1]", '{"hooks": [1]}'])
def test_a_record_that_somebody_has_broken_is_named(broken: str) -> None:
    with pytest.raises(RecordUnreadableError, match="backend-release"):
        parse_releases({"metadata": {"name": "backend-release"}, "data": {"current": broken}})


def test_the_gates_read_what_the_commands_write() -> None:
    texts = {"current": json.dumps(RELEASED.to_json()), "history": json.dumps([RELEASED.to_json(), LATER.to_json()])}
    first, second, third = parse_releases({"metadata": {}, "data": texts})
    for read, written in ((first, RELEASED), (second, RELEASED), (third, LATER)):
        for name in ("id", "kind", "source", "target", "from_tag", "tag", "actor", "result"):
            assert getattr(read, name) == getattr(written, name)
    assert first.irreversible is not None
    assert (first.irreversible.name, first.irreversible.ended) == ("contract", "2030-01-31T12:00:00Z")
    assert third.irreversible is None
