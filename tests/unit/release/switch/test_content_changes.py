"""Secrets and ConfigMaps of a release: kept in its record, and compared by a rollback, which they never stop."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError
from switchyard.release.phases import Result
from switchyard.release.plan import Act, Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release.switch import content_changes
from switchyard.release.switch.content_changes import ContentSeen, last_served, see_content
from tests.support.fake_release import release
from tests.support.observed import observed

ENV = [{"configMap": "backend"}, {"secret": "backend"}]
SECRET = {"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"password": "c2VjcmV0"}}
WITH = release(target="green", tag="v2", content={"configmap/backend": "1", "secret/backend": "2"})


class FakeObjects:
    """The API server: objects of two kinds."""

    def __init__(self, settings: Mapping[str, str], error: Exception | None = None) -> None:
        self._settings, self._error = settings, error
        self.accepted: list[str] = []

    async def find(self, resource: str, *_: str, headers: Mapping[str, str]) -> Any:
        if self._error is not None:
            raise self._error
        self.accepted.append(f"{resource} {headers['accept']}")
        return SECRET if resource == "secrets" else {"metadata": {}, "data": self._settings}


def seen(
    act: Act, releases: RecordedReleases, monkeypatch: pytest.MonkeyPatch, api: FakeObjects | None = None
) -> ContentSeen:
    class FakeStore:
        def __init__(self, *_: object) -> None:
            pass

        async def read(self) -> RecordedReleases:
            return releases

    monkeypatch.setattr(content_changes, "ReleaseStore", FakeStore)
    plan = Plan(act, observed(envFrom=ENV), Colour.GREEN)
    return asyncio.run(see_content(api or FakeObjects({"a": "b"}), plan))  # type: ignore[arg-type]


def test_a_switch_keeps_the_versions_and_reads_no_value_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeObjects({"a": "b"})
    content = seen(Act.SWITCH, RecordedReleases(current=WITH), monkeypatch, api)
    assert content.versions.keys() == {"configmap/backend", "secret/backend"}
    assert (content.warning, content.problem) == (None, "")
    [secret] = [accepted for accepted in api.accepted if accepted.startswith("secrets")]
    assert "as=PartialObjectMetadata" in secret


def test_a_rollback_warns_of_what_changed_since_its_version_served(monkeypatch: pytest.MonkeyPatch) -> None:
    now = seen(Act.ROLLBACK, RecordedReleases(), monkeypatch).versions
    same = release(target="green", tag="v2", content=now)
    assert seen(Act.ROLLBACK, RecordedReleases(history=(same,)), monkeypatch).warning is None
    changed = release(target="green", tag="v2", content={**now, "configmap/backend": "0"})
    warning = seen(Act.ROLLBACK, RecordedReleases(history=(changed,)), monkeypatch).warning
    assert warning is not None
    assert "configmap/backend changed since green v2 began to serve at 2030-01-31T12:00:00Z (SY-P141)" in warning
    assert "The rollback continues." in warning


def test_objects_that_may_not_be_read_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = FakeObjects({}, AccessDeniedError("get", "secrets in namespace default", 403, "no"))
    content = seen(Act.ROLLBACK, RecordedReleases(), monkeypatch, denied)
    assert (content.versions, content.warning) == ({}, None)
    assert "may not get secrets" in content.problem


@pytest.mark.parametrize(
    ("current", "history", "expected"),
    [
        (WITH, (), WITH),
        (release(target="blue", tag="v1", content={"a": "b"}), (WITH,), WITH),
        (release(target="green", tag="v2"), (), None),  # this rollback itself, or a record of before
        (release(target="green", tag="v3", content={"a": "b"}), (), None),
        (None, (), None),
    ],
)
def test_the_record_to_compare_with_is_of_the_same_version(
    current: ReleaseRecord | None, history: tuple[ReleaseRecord, ...], expected: ReleaseRecord | None
) -> None:
    plan = Plan(Act.ROLLBACK, observed(), Colour.GREEN)
    assert last_served(RecordedReleases(current=current, history=history), plan) == expected


def test_the_record_of_a_release_has_the_versions_as_history_shows_them() -> None:
    ended = WITH.to_json()
    assert ended["content"] == {"configmap/backend": "1", "secret/backend": "2"}
    assert ReleaseRecord.from_json(ended).content == WITH.content
    assert ended["result"] == Result.RUNNING
