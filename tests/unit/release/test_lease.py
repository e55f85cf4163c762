"""Taking the Lease of a service while somebody else changes it."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest

from switchyard.errors import ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock
from switchyard.manifests.labels import object_labels
from switchyard.release.lease import ATTEMPTS, ReleaseLease
from switchyard.release.lease_holder import HOLDER, Holder
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


def test_a_lease_that_is_deleted_before_the_write_is_held_only_once_it_is_written() -> None:
    server = ChangedMeanwhile(lease(""), [None])
    assert hold(server).startswith("ada@")
    assert (server.refused, server.written) == (1, ["create", "update"])


def test_a_lease_that_is_created_and_deleted_in_between_is_held_only_once_it_is_written() -> None:
    server = ChangedMeanwhile(None, [lease("")], deleted_before_read=2)
    assert hold(server).startswith("ada@")
    assert server.refused == 1


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
