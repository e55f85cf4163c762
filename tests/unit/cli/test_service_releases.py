"""How `switchyard status` reads the latest release of each service."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from switchyard.cli.service_releases import ReleaseStatuses, read_release_statuses
from switchyard.errors import AccessDeniedError
from switchyard.kube.rolled_back import RECORD_VERSION
from switchyard.manifests.labels import MANAGED
from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.release_records import START, record

PLACES = [("shop", "backend"), ("shop", "web"), ("other", "api")]


@dataclass
class FakeApi:
    """An API server with records and Leases, which counts what it is asked.

    Attributes:
        records: the value of key `current`, by namespace and service.
        renewed: when the Lease of each service was renewed.
        denied: kinds that the user may not list.
        version: version of the form of the records.
    """

    records: dict[tuple[str, str], str] = field(default_factory=dict)
    renewed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    version: str = "1"
    asked: list[str] = field(default_factory=list)

    async def find_all(self, resource: str, namespace: str, labels: Any, version: str) -> dict[str, Any]:
        assert labels == MANAGED
        self.asked.append(f"{resource} of {namespace}")
        if resource in self.denied:
            raise AccessDeniedError("list", f"{resource} in namespace {namespace}", 403, "forbidden")
        if resource == "leases":
            assert version == "coordination.k8s.io/v1"
            return {"items": [self._lease(name) for place, name in self.renewed if place == namespace]}
        return {"items": [self._config_map(space, name) for space, name in self.records if space == namespace]}

    async def date(self) -> datetime:
        self.asked.append("date")
        return START

    def _config_map(self, namespace: str, name: str) -> dict[str, Any]:
        metadata = {"name": f"{name}-release", "namespace": namespace, "annotations": {RECORD_VERSION: self.version}}
        return {"metadata": metadata, "data": {"current": self.records[namespace, name]}}

    def _lease(self, name: str) -> dict[str, Any]:
        renewed = self.renewed["shop", name].isoformat()
        spec = {"holderIdentity": "ada@laptop/1/a", "renewTime": renewed, "acquireTime": renewed}
        return {"metadata": {"name": f"{name}-release", "creationTimestamp": renewed}, "spec": spec}


def read(api: Any) -> ReleaseStatuses:
    return asyncio.run(read_release_statuses(api, PLACES))


def text(release: ReleaseRecord) -> str:
    return json.dumps(release.to_json())


def test_services_without_a_record_cost_one_list_for_each_namespace() -> None:
    api = FakeApi()
    assert read(api) == ReleaseStatuses()
    assert sorted(api.asked) == ["configmaps of other", "configmaps of shop"]


def test_releases_that_have_ended_need_no_lease() -> None:
    api = FakeApi({("shop", "backend"): text(record(result=Result.SUCCEEDED))})
    release = read(api).latest["shop", "backend"]
    assert (release.record.result, release.attended) == (Result.SUCCEEDED, False)
    assert not any(asked.startswith("leases") for asked in api.asked)


def test_a_lease_tells_a_command_that_lives_from_one_that_died() -> None:
    running = {place: text(record(phase=Phase.WATCH)) for place in PLACES[:2]}
    renewed = {PLACES[0]: START - timedelta(seconds=10), PLACES[1]: START - timedelta(seconds=60)}
    api = FakeApi(running, renewed)
    statuses = read(api)
    assert [statuses.latest[place].attended for place in PLACES[:2]] == [True, False]
    lives, dead = (statuses.latest[place].to_json()["holder"] for place in PLACES[:2])
    assert (lives["user"], lives["host"], lives["process"], lives["detached"], dead) == (
        "ada",
        "laptop",
        1,
        False,
        None,
    )
    assert api.asked.count("leases of shop") == 1
    assert read(FakeApi(running)).latest[PLACES[0]].attended is False


def test_a_lease_with_a_time_in_the_future_leaves_open_whether_its_command_lives() -> None:
    place = PLACES[0]
    release = read(FakeApi({place: text(record())}, {place: START + timedelta(hours=1)})).latest[place]
    assert (release.attended, release.holder and release.holder.process) == (None, 1)


def test_a_user_who_may_not_list_config_maps_gets_a_note() -> None:
    statuses = read(FakeApi(denied=frozenset({"configmaps"})))
    assert statuses.latest == {}
    assert (
        "its releases are not shown: this user may not list configmaps in namespace shop"
        in statuses.problems[PLACES[0]]
    )


def test_a_user_who_may_not_list_leases_sees_the_release_all_the_same() -> None:
    api = FakeApi({PLACES[0]: text(record())}, denied=frozenset({"leases"}))
    assert read(api).latest[PLACES[0]].attended is None


@pytest.mark.parametrize(("current", "version"), [("{}", "1"), ("no JSON", "1"), (text(record()), "2")])
def test_a_record_that_cannot_be_read_is_a_note_and_hides_no_other(current: str, version: str) -> None:
    statuses = read(FakeApi({PLACES[0]: current}, version=version))
    assert statuses.latest == {}
    assert "backend-release" in statuses.problems[PLACES[0]]
    assert PLACES[1] not in statuses.problems


def test_status_imports_nothing_of_releases_before_there_is_one() -> None:
    # cli.configuration has the engine, which reads the settings.
    code = (
        "import sys, switchyard.cli.service_status, switchyard.cli.status_table, switchyard.cli.status_json;"
        "print([name for name in sys.modules if name.split('.')[1:2] == ['release']])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_form_for_scripts_has_the_release() -> None:
    release = read(FakeApi({PLACES[0]: text(record())})).latest[PLACES[0]]
    assert release.to_json() == {
        "id": "id-0",
        "kind": "deploy",
        "from": "blue",
        "to": "green",
        "tag": "v2.0.0",
        "phase": "warm",
        "next": "prove",
        "result": "running",
        "held": False,
        "attended": False,
        "started": "2030-01-31T12:00:00Z",
        "ended": None,
        "actor": "ada",
        "doubt": None,
        "notSeen": None,
        "holder": None,
    }


@pytest.mark.parametrize(
    ("changes", "doubt", "not_seen"),
    [
        ({"phase": Phase.BAKE}, "nodes do not follow", None),
        ({"kind": "switch", "result": Result.SUCCEEDED}, "nodes do not follow", None),
        ({"kind": "rollback", "result": Result.SUCCEEDED}, "nodes do not follow", None),
        ({"result": Result.ROLLED_BACK}, "nodes do not follow", None),
        ({"result": Result.SUCCEEDED}, None, None),  # no colour is retired before the nodes are seen to follow
        ({"receipt": {"doubt": None, "notSeen": "nobody could see it"}}, None, "nobody could see it"),
        ({"receipt": {"followed": True}}, None, None),  # of an earlier version of the program
    ],
)
def test_the_form_for_scripts_has_what_was_not_seen_to_follow_the_last_switch(
    changes: dict[str, Any], doubt: str | None, not_seen: str | None
) -> None:
    switched = {"receipt": {"doubt": "nodes do not follow", "notSeen": None}, **changes}
    release = read(FakeApi({PLACES[0]: text(record(**switched))})).latest[PLACES[0]]
    document = release.to_json()
    assert (document["doubt"], document["notSeen"]) == (doubt, not_seen)
