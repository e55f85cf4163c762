"""The record in its ConfigMap: messages beside releases, and what other programs have written."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from switchyard.errors import ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.rolled_back import RolledBack
from switchyard.manifests.labels import FIELD_MANAGER, MANAGED, RECORD_MANAGER
from switchyard.release.notices.notices import queueing
from switchyard.release.phases import Phase, Result
from switchyard.release.record.outbox import Outbox
from switchyard.release.record.store import (
    KEPT_RELEASES,
    KEPT_ROLLBACKS,
    OUTBOX,
    TEXT_CHARACTERS,
    RecordedReleases,
    ReleaseStore,
)
from tests.support.fake_messages import notification, subscriptions
from tests.support.release_records import START, record

CONFIG_MAP_BYTES = 1024 * 1024
"""Largest size of a ConfigMap's keys and values that an API server accepts."""

SUBSCRIBED = subscriptions(notification("chat"))


@dataclass
class Server:
    """An API server with one ConfigMap, whose keys belong to the managers that have applied them.

    Attributes:
        data: data of the ConfigMap.
        owned: the keys of each field manager.
        before_write: what another command does between the next read and its write.
    """

    data: dict[str, str] | None = None
    owned: dict[str, set[str]] = field(default_factory=dict)
    version: int = 1
    before_write: list[Callable[[], None]] = field(default_factory=list)

    async def find(self, *_: str) -> dict[str, Any] | None:
        if self.data is None:
            return None
        metadata = {"name": "backend-release", "labels": MANAGED, "resourceVersion": str(self.version)}
        return {"metadata": metadata, "data": dict(self.data)}

    async def ask(self, *_: str, params: dict[str, str], content: str, **__: Any) -> dict[str, Any]:
        if self.before_write:
            self.before_write.pop(0)()
        document = json.loads(content)
        if self.data is not None and document["metadata"].get("resourceVersion") != str(self.version):
            raise ApiStatusError("patch", "configmaps", 409, "the object has been modified")
        self.apply(params["fieldManager"], document["data"])
        return {"metadata": {"resourceVersion": str(self.version)}}

    def apply(self, manager: str, data: dict[str, str]) -> None:
        """Server-side apply with force: a manager removes what it alone had set before and sets no more."""
        gone = self.owned.get(manager, set()) - set(data)
        others = set().union(*(keys for name, keys in self.owned.items() if name != manager))
        kept = {key: value for key, value in (self.data or {}).items() if key not in gone - others}
        taken = {key for key, value in data.items() if kept.get(key) != value}
        self.owned = {name: keys - taken for name, keys in self.owned.items()} | {manager: set(data)}
        self.data = {**kept, **data}
        self.version += 1


def store(server: Server) -> ReleaseStore:
    return ReleaseStore(cast("BoundedApi", server), "shop", "backend", queueing(SUBSCRIBED))


def write(server: Server, number: int = 0) -> RecordedReleases:
    return asyncio.run(store(server).update(lambda releases: releases.writing(record(number))))


def test_a_message_is_in_the_same_write_as_what_it_is_about() -> None:
    server = Server()
    releases = write(server)
    assert server.version == 2
    assert server.data is not None
    assert json.loads(server.data[OUTBOX]) == releases.outbox.to_json()
    assert asyncio.run(store(server).read()) == releases
    asyncio.run(store(server).update(lambda releases: replace(releases, outbox=Outbox())))
    assert OUTBOX not in server.data


def test_an_earlier_program_that_writes_the_record_keeps_the_messages() -> None:
    server = Server()
    write(server)
    assert server.data is not None
    earlier = {key: value for key, value in server.data.items() if key != OUTBOX}
    server.apply(FIELD_MANAGER, earlier | {"current": json.dumps(record(1).to_json())})
    server.apply(FIELD_MANAGER, earlier | {"current": json.dumps(record(2).to_json())})
    assert OUTBOX in server.data
    after = write(server, 3)
    assert [message.id for message in after.outbox.messages] == ["id-0/start", "id-3/start"]
    assert set(server.owned) == {FIELD_MANAGER, RECORD_MANAGER}


def test_a_release_that_an_earlier_program_has_left_running_is_settled_by_the_next_write() -> None:
    server = Server()
    write(server)
    back = record(1, kind="switch", source="green", target="blue", result=Result.SUCCEEDED, ended=record().started)
    assert server.data is not None
    history = json.dumps([back.to_json(), record().to_json()])
    server.apply(RECORD_MANAGER, server.data | {"current": json.dumps(back.to_json()), "history": history})
    assert [entry.result for entry in asyncio.run(store(server).read()).history] == [Result.SUCCEEDED, Result.FAILED]
    write(server, 2)
    assert [entry["result"] for entry in json.loads(server.data["history"])] == ["succeeded", "failed"]


def test_a_key_of_a_later_program_is_kept() -> None:
    server = Server()
    write(server)
    assert server.data is not None
    server.apply(RECORD_MANAGER, server.data | {"later": "[1]"})
    write(server, 1)
    assert server.data["later"] == "[1]"


def test_messages_that_another_command_has_sent_meanwhile_stop_no_release() -> None:
    server = Server()
    write(server)

    def sent() -> None:
        assert server.data is not None
        server.apply(RECORD_MANAGER, {key: value for key, value in server.data.items() if key != OUTBOX})

    server.before_write.append(sent)
    after = write(server, 1)
    assert server.before_write == []
    assert [message.id for message in after.outbox.messages] == ["id-1/start"]


def test_a_full_record_fits_into_a_config_map_and_ends_its_release() -> None:
    server, long_text = Server(), "\u001b" * 100_000  # as JSON each of them takes six bytes
    own = store(server)

    def full(releases: RecordedReleases) -> RecordedReleases:
        for number in range(KEPT_RELEASES):
            version = RolledBack("green", f"v{number}", "id", "2030-01-31T12:00:00Z", "ada", long_text)
            running = record(number, reason=long_text).entering(Phase.WARM, START)
            ended = running.leaving("failed", START, long_text).ending(Result.FAILED, START, long_text)
            releases = releases.writing(ended).rolling_back(version)
        return releases

    asyncio.run(own.update(full))
    assert server.data is not None
    assert sum(len(key) + len(text.encode()) for key, text in server.data.items()) < CONFIG_MAP_BYTES
    kept = asyncio.run(own.read())
    assert kept.current == kept.history[0]
    assert (kept.current.id, kept.current.result) == (f"id-{KEPT_RELEASES - 1}", Result.FAILED)
    assert len(kept.rolled_back) == KEPT_ROLLBACKS
    assert [len(kept.current.reason or ""), len(kept.current.detail or "")] == [TEXT_CHARACTERS] * 2


def test_of_two_commands_that_write_a_release_one_is_refused() -> None:
    server = Server()
    write(server)

    def released() -> None:
        assert server.data is not None
        server.apply(RECORD_MANAGER, server.data | {"current": json.dumps(record(7).to_json())})

    server.before_write.append(released)
    with pytest.raises(ApiStatusError, match="409"):
        write(server, 1)
    assert asyncio.run(store(server).read()).current == record(7)


def test_writes_of_one_command_wait_for_each_other() -> None:
    server = Server()
    own = store(server)

    async def both() -> None:
        await asyncio.gather(
            own.update(lambda releases: releases.writing(record(1))),
            own.update(lambda releases: replace(releases, outbox=releases.outbox.withdrawing("id-9"))),
        )

    asyncio.run(both())
    assert own.outbox == asyncio.run(store(server).read()).outbox != Outbox()


@pytest.mark.parametrize("broken", ["{", "[]", '{"messages": [{}], "dropped": 0}'])
def test_broken_messages_stop_no_release(broken: str) -> None:
    server = Server()
    write(server)
    assert server.data is not None
    server.data[OUTBOX] = broken
    after = write(server, 1)
    assert [message.id for message in after.outbox.messages] == ["id-1/start"]
