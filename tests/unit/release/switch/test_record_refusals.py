"""A command whose record the API server does not take is refused with the way by hand."""

import asyncio
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, ClusterError, GateRefusedError, RejectedError
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.record.store import Releases
from switchyard.release.switch.record_refusals import refuse_unrecorded
from tests.support.fake_journal import FakeJournal
from tests.support.observed import observed

BLUE, GREEN = ColourState(Colour.BLUE, "v1.0.0", 3, 3), ColourState(Colour.GREEN, "v2.0.1", 3, 3)
GO = Plan(Act.SWITCH, observed(Colour.BLUE, BLUE, GREEN), Colour.GREEN)
BACK = Plan(Act.ROLLBACK, observed(Colour.GREEN, BLUE, GREEN), Colour.BLUE)
DENIED = RejectedError("the API server does not take configmaps/backend-release: exceeded quota")
BROKEN = ApiStatusError("patch", "configmaps/backend-release", 500, "failed calling webhook")
CONFLICT = ApiStatusError("patch", "configmaps/backend-release", 409, "the object has been modified")


@pytest.mark.parametrize(
    ("plan", "error", "by_hand"),
    [(BACK, DENIED, True), (BACK, BROKEN, True), (GO, DENIED, True), (replace(BACK, patch=False), DENIED, False)],
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
        (replace(BACK, warm_tag="v1.0.0"), "blue has its pods, and nothing else was changed.", "green v2.0.1"),
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


def test_a_record_that_another_command_has_written_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApiStatusError, match="has been modified"):
        asyncio.run(journal_without_a_record(monkeypatch, CONFLICT).begin(BACK, None))


def journal_without_a_record(monkeypatch: pytest.MonkeyPatch, error: ClusterError) -> FakeJournal:
    async def refused(_: object) -> Releases:
        raise error

    journal = FakeJournal(Releases())
    monkeypatch.setattr(journal.store, "update", refused)
    return journal
