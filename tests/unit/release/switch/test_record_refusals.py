"""A command whose record the API server does not take is refused with the way by hand."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, ClusterError, GateRefusedError, RejectedError
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.record.store import RecordedReleases
from switchyard.release.switch.record_refusals import refuse_unrecorded
from switchyard.release_errors import ForeignRecordError, RecordUnreadableError
from tests.support.fake_journal import FakeJournal
from tests.support.fake_lane import Lane
from tests.support.observed import observed

BLUE, GREEN = ColourState(Colour.BLUE, "v1.0.0", 3, 3), ColourState(Colour.GREEN, "v2.0.1", 3, 3)
GO = Plan(Act.SWITCH, observed(Colour.BLUE, BLUE, GREEN), Colour.GREEN)
BACK = Plan(Act.ROLLBACK, observed(Colour.GREEN, BLUE, GREEN), Colour.BLUE)
DENIED = RejectedError("the API server does not take configmaps/backend-release: exceeded quota")
BROKEN = ApiStatusError("patch", "configmaps/backend-release", 500, "failed calling webhook")
CONFLICT = ApiStatusError("patch", "configmaps/backend-release", 409, "the object has been modified")
LATE = ApiStatusError("patch", "configmaps/backend-release", 504, "Timeout: request did not complete")
UNREAD = ApiStatusError("get", "configmaps/backend-release", 504, "the load balancer has no answer")
BUSY = ApiStatusError("patch", "configmaps/backend-release", 503, "the server is currently unable to handle")


def webhook(status: int) -> ApiStatusError:
    """The answer to a write that a webhook denies with a status of its own."""
    answer = 'admission webhook "policy.example.org" denied the request: not today'
    return ApiStatusError("patch", "configmaps/backend-release", status, answer)


@pytest.mark.parametrize(
    ("plan", "error", "by_hand"),
    [
        (BACK, DENIED, True),
        (BACK, BROKEN, True),
        (BACK, LATE, True),
        (BACK, webhook(503), True),
        (BACK, webhook(429), True),
        (GO, DENIED, True),
        (replace(BACK, patch=False), DENIED, False),
    ],
)
def test_a_command_whose_record_is_not_taken_is_refused_with_the_way_by_hand(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, error: ClusterError, by_hand: bool
) -> None:
    journal = journal_without_a_record(monkeypatch, error)
    with pytest.raises(GateRefusedError, match=r"its record cannot be written: .*Nothing was changed\. ") as refused:
        asyncio.run(journal.begin(plan, None))
    assert ("kubectl -n default patch service backend " in str(refused.value)) is by_hand


@pytest.mark.parametrize(
    ("plan", "done", "version"),
    [
        (BACK, "Nothing was changed.", "green v2.0.1"),
        (
            replace(BACK, warm_tag="v1.0.0"),
            "The pods of blue v1.0.0 are created, and the configuration has them. The Service was not changed.",
            "green v2.0.1",
        ),
        (replace(GO, target=Colour.BLUE), "Nothing was changed.", "green v2.0.1"),  # weights are left to be written
        (replace(BACK, observation=observed(Colour.GREEN, BLUE, replace(GREEN, tag=None))), "Nothing", "green"),
    ],
)
def test_the_refusal_says_what_was_done_and_which_version_must_not_come_back(
    plan: Plan, done: str, version: str
) -> None:
    text = str(refuse_unrecorded(plan, DENIED))
    assert f" {done}" in text
    assert f"stop the pipelines that would bring {version} back: kubectl -n default patch service backend" in text


@pytest.mark.parametrize("error", [CONFLICT, BUSY, UNREAD])
def test_a_record_that_can_be_written_a_moment_later_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, error: ApiStatusError
) -> None:
    with pytest.raises(ApiStatusError) as raised:
        asyncio.run(journal_without_a_record(monkeypatch, error).begin(BACK, None))
    assert raised.value is error


@pytest.mark.parametrize("plan", [BACK, replace(BACK, warm_tag="v1.0.0")])
def test_a_command_whose_lease_is_not_taken_is_refused_with_the_way_by_hand(
    monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    journal = FakeJournal(RecordedReleases())

    @asynccontextmanager
    async def holding(*_: object, **__: object) -> AsyncGenerator[None, None]:
        raise RejectedError("the API server does not take leases/backend-release: exceeded quota")
        yield

    async def hold() -> None:
        async with journal.held(plan):
            raise AssertionError("it holds a Lease that was not written")

    monkeypatch.setattr(journal, "holding", holding)
    with pytest.raises(
        GateRefusedError, match=r"does not take leases/backend-release.*Nothing was changed\. "
    ) as error:
        asyncio.run(hold())
    assert "kubectl -n default patch service backend " in str(error.value)


def test_an_error_of_the_command_itself_is_no_refusal_of_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = FakeJournal(RecordedReleases())

    @asynccontextmanager
    async def holding(*_: object, **__: object) -> AsyncGenerator[None, None]:
        yield

    async def hold() -> None:
        async with journal.held(BACK):
            raise BROKEN

    monkeypatch.setattr(journal, "holding", holding)
    with pytest.raises(ApiStatusError):
        asyncio.run(hold())


@pytest.mark.parametrize("error", [RecordUnreadableError, ForeignRecordError])
def test_a_rollback_whose_record_cannot_be_read_names_the_way_by_hand(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    it = Lane()

    async def unread(_: Colour) -> None:
        raise error("key current cannot be read. Nothing was changed. Correct or remove the key: kubectl edit it.")

    monkeypatch.setattr(it.journal, "last", unread)
    with pytest.raises(error) as raised:
        asyncio.run(it.lane.plan_rollback(BACK.observation))
    text = str(raised.value)
    assert "remove the key: kubectl edit it. backend serves green v2.0.1, 3 of 3 pods ready. If that takes" in text
    assert "and blue v1.0.0, 3 of 3 pods ready is the version to go back to, switch by hand: kubectl -n default" in text
    assert '"version": "blue"' in text


def journal_without_a_record(monkeypatch: pytest.MonkeyPatch, error: ClusterError) -> FakeJournal:
    async def refused(_: object) -> RecordedReleases:
        raise error

    journal = FakeJournal(RecordedReleases())
    monkeypatch.setattr(journal.store, "update", refused)
    return journal
