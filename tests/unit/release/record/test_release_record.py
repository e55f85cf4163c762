"""The record of releases: its JSON form, its history, and the versions that were rolled back."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from switchyard.kube.rolled_back import (
    RECORD_VERSION,
    ROLLED_BACK,
    RolledBack,
    check_own,
    find_rolled_back,
    find_rolled_back_tag,
    json_of,
    parse_rolled_back,
)
from switchyard.manifests.labels import MANAGED
from switchyard.release.phases import Phase, Result
from switchyard.release.record.latest import LatestRelease, latest_release
from switchyard.release.record.release_record import ReleaseRecord, new_id
from switchyard.release.record.store import (
    HISTORY_BYTES,
    KEPT_RELEASES,
    KEPT_ROLLBACKS,
    RecordedReleases,
    _history_text,
)
from switchyard.release_errors import ForeignRecordError, RecordUnreadableError
from tests.support.release_records import START, record


def rolled_back(tag: str = "v2.0.0", colour: str = "green") -> RolledBack:
    return RolledBack(colour, tag, "id-0", "2030-01-31T12:00:00Z", "ada", "errors")


def config_map(**data: Any) -> dict[str, Any]:
    metadata = {"name": "backend-release", "namespace": "shop"}
    return {"kind": "ConfigMap", "metadata": metadata, "data": {key: json.dumps(data[key]) for key in data}}


def test_a_record_reads_what_it_has_written() -> None:
    written = record(
        reason="new prices", configured=True, content={"Secret/backend": "sha256:1"}, receipt={"patchedAfter": 0.2}
    )
    written = written.entering(Phase.WARM, START).leaving("passed", START + timedelta(seconds=12), "3 of 3 ready")
    written = written.entering(Phase.PROVE, START + timedelta(seconds=12))
    assert ReleaseRecord.from_json(json.loads(json.dumps(written.to_json()))) == written
    assert [(phase.phase, phase.seconds, phase.outcome) for phase in written.phases] == [
        (Phase.WARM, 12, "passed"),
        (Phase.PROVE, None, None),
    ]


def test_the_latest_release_of_a_status_is_the_one_that_commands_find() -> None:
    deploy, killed = record(phase=Phase.WATCH), record(1, kind="switch", replaces=Result.ROLLED_BACK)
    above = config_map(current=killed.to_json(), history=[deploy.to_json()])
    above["metadata"]["labels"] = MANAGED
    assert latest_release(above) == LatestRelease(killed, beneath=deploy)
    failed = replace(killed, result=Result.FAILED, ended=killed.started, replaces=None)
    left = config_map(current=failed.to_json(), history=[failed.to_json(), deploy.to_json()])
    left["metadata"]["labels"] = MANAGED
    assert latest_release(left) == LatestRelease(deploy)
    broken = {**above, "data": {**above["data"], "history": '[{"result": "running"}]'}}
    with pytest.raises(RecordUnreadableError, match="key current or history of ConfigMap backend-release"):
        latest_release(broken)


def test_keys_of_a_later_program_of_the_same_form_are_kept() -> None:
    later = {"later": {"key": 1}}
    written = record().entering(Phase.WARM, START).to_json()
    written = {**written, **later, "phases": [{**written["phases"][0], **later}]}
    read = ReleaseRecord.from_json(written)
    assert read.leaving("passed", START).ending(Result.SUCCEEDED, START).to_json()["later"] == later["later"]
    assert read.to_json() == written
    entry = rolled_back().to_json() | later
    assert [version.to_json() for version in parse_rolled_back(config_map(rolledBack=[entry]))] == [entry]


def test_the_json_form_has_the_keys_that_scripts_read() -> None:
    document = record().ending(Result.SUCCEEDED, START).to_json()
    wanted = {"from", "to", "tag", "phase", "result", "started", "ended", "actor", "receipt"}
    assert wanted <= document.keys()
    assert (document["from"], document["to"], document["result"]) == ("blue", "green", "succeeded")


def test_ids_sort_by_the_start_of_their_releases_and_differ() -> None:
    later = new_id(START + timedelta(seconds=1))
    assert new_id(START) < later
    assert new_id(START) != new_id(START)


def test_a_release_enters_the_history_once_it_has_ended_and_once_only() -> None:
    releases = RecordedReleases().writing(record(1))
    assert (releases.current, releases.history) == (record(1), ())
    ended = record(1).ending(Result.SUCCEEDED, START)
    releases = releases.writing(ended).writing(ended)
    assert releases.history == (ended,)


def test_the_history_keeps_the_newest_releases_of_a_bounded_number_and_size() -> None:
    releases = RecordedReleases()
    for number in range(KEPT_RELEASES + 5):
        releases = releases.writing(record(number).ending(Result.SUCCEEDED, START))
    assert [release.id for release in releases.history][:2] == [f"id-{KEPT_RELEASES + 4}", f"id-{KEPT_RELEASES + 3}"]
    assert len(releases.history) == KEPT_RELEASES
    large = [record(number, reason="x" * 10_000, detail="x" * 10_000) for number in range(KEPT_RELEASES)]
    text = _history_text(large, HISTORY_BYTES)
    assert HISTORY_BYTES - 11_000 < len(text) <= HISTORY_BYTES + 2
    assert [release["id"] for release in json.loads(text)] == [
        f"id-{number}" for number in range(len(json.loads(text)))
    ]


def test_a_version_that_was_rolled_back_is_found_until_it_is_permitted() -> None:
    releases = RecordedReleases()
    for number in range(KEPT_ROLLBACKS + 3):
        releases = releases.rolling_back(rolled_back(f"v2.0.{number}"))
    assert len(releases.rolled_back) == KEPT_ROLLBACKS
    newest = f"v2.0.{KEPT_ROLLBACKS + 2}"
    assert find_rolled_back(releases.rolled_back, "green", newest) == rolled_back(newest)
    assert find_rolled_back(releases.rolled_back, "blue", newest) is None
    assert find_rolled_back_tag(releases.rolled_back, newest) == rolled_back(newest)
    assert releases.rolling_back(rolled_back(newest)).rolled_back == releases.rolled_back
    permitted = releases.rolling_back(replace(rolled_back(newest), colour="blue")).permitting(newest)
    assert find_rolled_back_tag(permitted.rolled_back, newest) is None
    assert find_rolled_back(permitted.rolled_back, "green", newest) is None


def test_versions_that_were_rolled_back_are_read_from_the_config_map() -> None:
    assert parse_rolled_back(None) == ()
    assert parse_rolled_back(config_map()) == ()
    entry = rolled_back().to_json() | {"later": "a key of a later version of the program"}
    assert parse_rolled_back(config_map(rolledBack=[entry])) == (rolled_back(),)


@pytest.mark.parametrize("entries", ["text", [1], [{"colour": "green"}]])
def test_a_broken_list_of_versions_names_its_key_and_the_remedy(entries: Any) -> None:
    with pytest.raises(RecordUnreadableError, match=f"key {ROLLED_BACK} of ConfigMap backend-release") as error:
        parse_rolled_back(config_map(rolledBack=entries))
    assert "kubectl -n shop edit configmap backend-release" in str(error.value)


def test_a_record_of_a_newer_version_is_not_read() -> None:
    newer = config_map(current={})
    newer["metadata"]["annotations"] = {RECORD_VERSION: "2"}
    with pytest.raises(RecordUnreadableError, match="has version 2 of the record"):
        json_of(newer, "current", None)


def test_an_object_of_somebody_else_is_not_taken_over() -> None:
    with pytest.raises(ForeignRecordError, match="ConfigMap backend-release in namespace shop is not of this program"):
        check_own(config_map())


@pytest.mark.parametrize(
    "broken",
    [
        {"receipt": []},
        {"receipt": {"doubt": 5}},
        {"receipt": {"notSeen": {}}},
        {"reason": 5},
        {"detail": ["a"]},
        {"fromTag": True},
        {"phases": [{"phase": "bake", "started": "yesterday"}]},
        {"phases": [{"phase": "bake", "started": "2030-01-31T12:00:00"}]},
        {"phases": [{"phase": "bake", "started": "2030-01-31T12:00:00Z", "detail": 5}]},
    ],
)
def test_a_record_that_somebody_has_broken_is_refused_before_anything_uses_it(broken: dict[str, Any]) -> None:
    document = config_map(current=record().to_json() | broken)
    assert latest_release(config_map(current=record().to_json())) == LatestRelease(record())
    with pytest.raises(RecordUnreadableError, match="key current of ConfigMap backend-release in namespace shop"):
        latest_release(document)
