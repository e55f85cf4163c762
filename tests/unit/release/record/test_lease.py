"""Taking the Lease of a service while somebody else changes it."""

import asyncio
import itertools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from switchyard.errors import ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock, from_text
from switchyard.kube.release_lease import DURATION_SECONDS
from switchyard.manifests.labels import object_labels
from switchyard.release.leased_journal import WAIT_SECONDS
from switchyard.release.record.lease import ATTEMPTS, ReleaseLease
from switchyard.release.record.lease_holder import HOLDER, Held, Holder
from switchyard.release_errors import LeaseHeldError, LeaseLostError

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def lease(holder: str, version: int = 1) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "backend-release",
            "labels": object_labels("backend"),
            "creationTimestamp": "2030-01-31T12:00:00Z",
            "resourceVersion": str(version),
        },
        "spec": {"holderIdentity": holder, "renewTime": "2030-01-31T12:00:00.000000Z"},
    }


@dataclass
class ChangedMeanwhile:
    """An API server on which the Lease is changed after each read, until there are no more changes.

    Attributes:
        stored: the Lease; None without one.
        changes: what the Lease becomes between a read and the write that follows it.
        deleted_before_read: number of the read before which somebody deletes the Lease; 0 for none.
        reads: how many there were.
        refused: writes that were refused because of such a change.
        written: verbs of the writes that were accepted.
    """

    stored: dict[str, Any] | None
    changes: Sequence[dict[str, Any] | None] = ()
    deleted_before_read: int = 0
    reads: int = 0
    refused: int = 0
    written: list[str] = field(default_factory=list)

    async def find(self, *_: Any) -> dict[str, Any] | None:
        self.reads += 1
        if self.reads == self.deleted_before_read:
            self.stored = None
        return self.stored

    async def ask(self, verb: str, resource: str, *_: Any, content: str) -> dict[str, Any]:
        if self.changes:
            self.stored, *self.changes = self.changes
        document: dict[str, Any] = json.loads(content)
        version = document["metadata"].get("resourceVersion")
        stored = None if self.stored is None else self.stored["metadata"]["resourceVersion"]
        if version != stored:
            self.refused += 1
            status = httpx.codes.NOT_FOUND if stored is None else httpx.codes.CONFLICT
            raise ApiStatusError(verb, resource, status, "somebody else has changed it")
        self.written.append(verb)
        document["metadata"] |= {"resourceVersion": str(int(stored or 0) + 1)}
        document["metadata"].setdefault("creationTimestamp", "2030-01-31T12:00:00Z")
        self.stored = document
        return document


def hold(server: ChangedMeanwhile) -> str:
    """Takes the Lease; returns the holder that the API server has then."""

    async def held() -> str:
        api = cast("BoundedApi", server)
        async with ReleaseLease(api, "shop", "backend", Holder("deploy", user="ada"), ServerClock(START)).held():
            assert server.stored is not None
            return str(server.stored["spec"]["holderIdentity"])

    return asyncio.run(held())


@pytest.mark.parametrize("holder", ["[]", "5", "null", "{", '"text"'])
@pytest.mark.parametrize("emptied", [{"spec": None}, {"spec": {}}, {}])
def test_a_lease_that_somebody_has_emptied_is_free(emptied: dict[str, Any], holder: str) -> None:
    document = {key: value for key, value in lease("").items() if key != "spec"} | emptied
    document["metadata"]["annotations"] = {HOLDER: holder}
    assert Held.of(document).act == "command"
    server = ChangedMeanwhile(document)
    assert hold(server).startswith("ada@")


def test_a_lease_that_is_deleted_before_the_write_is_held_only_once_it_is_written() -> None:
    server = ChangedMeanwhile(lease(""), [None])
    assert hold(server).startswith("ada@")
    assert (server.refused, server.written) == (1, ["create", "update"])


def test_a_lease_that_is_created_and_deleted_in_between_is_held_only_once_it_is_written() -> None:
    server = ChangedMeanwhile(None, [lease("")], deleted_before_read=2)
    assert hold(server).startswith("ada@")
    assert server.refused == 1


@pytest.mark.parametrize("taken", [None, lease("grace@desk/7/n", 5)])
def test_a_lease_that_is_deleted_while_it_is_held_is_created_again(taken: dict[str, Any] | None) -> None:
    server = ChangedMeanwhile(None)

    async def held() -> None:
        own = ReleaseLease(cast("BoundedApi", server), "shop", "backend", Holder("deploy"), ServerClock(START))
        async with own.held():
            server.stored = None
            server.changes = [] if taken is None else [None, taken]  # another command is faster to create it
            await own.confirm()

    if taken is None:
        asyncio.run(held())
        assert server.written == ["create", "create", "update"]
    else:
        with pytest.raises(LeaseLostError):
            asyncio.run(held())
        assert server.stored == taken
    assert server.refused > 0


def test_a_free_lease_that_somebody_labels_is_taken() -> None:
    server = ChangedMeanwhile(lease(""), [lease("", 2)])
    assert hold(server).startswith("ada@")
    assert server.refused == 1


def test_a_command_that_was_faster_is_named() -> None:
    server = ChangedMeanwhile(lease(""), [lease("grace@desk/7/n", 2)])
    with pytest.raises(LeaseHeldError, match="grace@desk"):
        hold(server)
    assert (server.refused, server.written) == (1, [])


def test_a_lease_that_changes_all_the_time_ends_the_command() -> None:
    server = ChangedMeanwhile(lease(""), [lease("", version) for version in range(2, 20)])
    with pytest.raises(ApiStatusError):
        hold(server)
    assert (server.refused, server.written) == (ATTEMPTS, [])


@pytest.mark.parametrize(
    ("act", "phase", "interrupted"),
    [
        ("deploy", "watch", True),
        ("resume", "drain", True),
        ("switch", "switch", True),
        ("rollback", "switch", False),
        ("deploy", "warm", False),  # the engine changes the colour that a rollback would switch to
        ("retire", "retire", False),
        ("retire", "", False),
        ("abort", "", False),
    ],
)
def test_a_rollback_takes_the_lease_of_a_command_that_lives_and_changes_no_pods(
    act: str, phase: str, *, interrupted: bool
) -> None:
    held = lease("grace@desk/7/n")
    held["metadata"]["annotations"] = {HOLDER: json.dumps({"act": act, "phase": phase})}
    server = ChangedMeanwhile(held)

    async def roll_back() -> str | None:
        taken = ReleaseLease(
            cast("BoundedApi", server), "shop", "backend", Holder("rollback"), ServerClock(START), urgent=True
        )
        async with taken.held():
            return taken.interrupted

    if not interrupted:
        with pytest.raises(LeaseHeldError, match="grace@desk"):
            asyncio.run(roll_back())
        return
    assert asyncio.run(roll_back()) == f"grace@desk (process 7) runs {act}, in phase {phase}, for 0 s"


def test_a_command_whose_lease_was_taken_changes_nothing_more() -> None:
    server = ChangedMeanwhile(None)

    async def deploy() -> None:
        api = cast("BoundedApi", server)
        first = ReleaseLease(api, "shop", "backend", Holder("deploy", phase="watch"), ServerClock(START))
        async with first.held():
            assert first.is_fresh
            second = ReleaseLease(api, "shop", "backend", Holder("rollback"), ServerClock(START), urgent=True)
            async with second.held():
                with pytest.raises(LeaseLostError):
                    await first.enter("switch")
                assert (first.is_fresh, second.is_fresh) == (False, True)
                await first.confirm()

    with pytest.raises(LeaseLostError):
        asyncio.run(deploy())


def test_a_user_without_a_name_holds_a_lease_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    holder = Holder("retire", host="runner")
    assert holder.identity.startswith(f"uid-{os.getuid()}@runner/")


class HandClock(ServerClock):
    """The API server's clock, which goes on by a step at each look.

    Args:
        seconds: the step.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(START)
        self._steps = (START + timedelta(seconds=seconds * number) for number in itertools.count())

    def now(self) -> datetime:
        return next(self._steps)


def renewed(minutes: int) -> dict[str, Any]:
    """The Lease of a holder that has last renewed it that many minutes after the start."""
    held = lease("grace@desk/7/n", 1 + minutes)
    moment = START + timedelta(minutes=minutes)
    return held | {"spec": held["spec"] | {"renewTime": moment.isoformat(), "leaseDurationSeconds": 15}}


def looks_until_free(server: ChangedMeanwhile, most: int = 100) -> int:
    """The number of looks at a Lease, a second from one to the next, until it can be taken."""

    async def look() -> int:
        own = ReleaseLease(cast("BoundedApi", server), "shop", "backend", Holder("deploy"), HandClock(1))
        for number in range(most):
            if await own.holder() is None:
                return number
        return most

    return asyncio.run(look())


def test_a_lease_with_a_time_in_the_future_is_free_once_it_was_not_renewed_for_its_duration() -> None:
    assert looks_until_free(ChangedMeanwhile(renewed(60))) == 17


def test_a_holder_ahead_of_the_api_server_that_renews_its_lease_lives() -> None:
    server = ChangedMeanwhile(renewed(60))
    find, reads = server.find, itertools.count(1)

    async def renewing(*arguments: Any) -> dict[str, Any] | None:
        if next(reads) % 10 == 0:
            server.stored = renewed(60 + server.reads)
        return await find(*arguments)

    server.find = renewing  # type: ignore[method-assign]
    assert looks_until_free(server) == 100


def test_every_command_waits_until_such_a_lease_is_free() -> None:
    assert WAIT_SECONDS > DURATION_SECONDS + 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_holder_whose_own_clock_is_wrong_writes_the_time_of_the_api_server(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    wrong = time.time() + 3600 * hours
    monkeypatch.setattr(time, "time", lambda: wrong)
    server = ChangedMeanwhile(lease(""))
    hold(server)
    assert server.stored is not None
    moment = from_text(server.stored["spec"]["renewTime"])
    assert START <= moment < START + timedelta(minutes=1)
    # And a reader whose clock is wrong compares that with the time of the API server.
    assert Held.of(server.stored | {"spec": server.stored["spec"] | {"holderIdentity": "a@b/1/n"}}).lives(
        ServerClock(START).now()
    )
