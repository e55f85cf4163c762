"""Which messages a change of the record causes, and what they say."""

import dataclasses
from typing import Any

import pytest

from switchyard.kube.clock import to_text
from switchyard.release.notices.notices import queueing
from switchyard.release.notices.text import UNDECIDED, WORSE, json_document, slack_document, slack_text
from switchyard.release.phases import Phase, Result
from switchyard.release.record.outbox import KEPT_MESSAGES, OUTBOX_BYTES, Outbox
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replacing import beginning, ending
from switchyard.release.record.store import RecordedReleases
from switchyard.release.watch.verdict import Outcome
from tests.support.fake_messages import notification, subscriptions
from tests.support.release_records import START, record

SUBSCRIBED = subscriptions(notification("chat", "slack"))


def changed(before: RecordedReleases, *releases: ReleaseRecord) -> RecordedReleases:
    """The record after writes, with the messages that they cause."""
    for release in releases:
        before = queueing(SUBSCRIBED)(before, before.writing(release))
    return before


def begun(before: RecordedReleases, release: ReleaseRecord, serving: str) -> RecordedReleases:
    """The record after the start of a switch or a rollback, with the messages that it causes."""
    return queueing(SUBSCRIBED)(before, beginning(before, release, serving, START))


def ended(before: RecordedReleases, result: Result) -> RecordedReleases:
    """The record after the end of the switch or the rollback that began last."""
    assert before.current is not None
    return queueing(SUBSCRIBED)(before, ending(before, before.current.ending(result, START), START))


def ids(releases: RecordedReleases) -> list[str]:
    return [message.id for message in releases.outbox.messages]


def watched(outcome: str, release: ReleaseRecord | None = None, **changes: Any) -> ReleaseRecord:
    return (release or record()).entering(Phase.WATCH, START).leaving(outcome, START, **changes)


ROLLBACK = record(1, kind="rollback", source="green", target="blue", from_tag="v2.0.0", tag="v1.0.0", reason="5xx")


def test_the_same_write_again_causes_no_second_message() -> None:
    once = changed(RecordedReleases(), record())
    assert ids(once) == ["id-0/start"]
    assert changed(once, record(), record()) == once
    sent = dataclasses.replace(once, outbox=Outbox())
    assert ids(changed(sent, record())) == []


def test_a_second_watch_of_a_release_has_a_verdict_of_its_own() -> None:
    first = watched("noVerdict")
    after = changed(RecordedReleases(), record(), first, first, watched("passed", first))
    assert ids(after) == ["id-0/start", "id-0/verdict", "id-0/verdict-2"]


@pytest.mark.parametrize(
    ("result", "event"),
    [
        (Result.SUCCEEDED, "retirement"),
        (Result.ROLLED_BACK, "rollback"),
        (Result.REFUSED, "verdict"),
        (Result.FAILED, "verdict"),
    ],
)
def test_the_end_of_a_release_is_one_message(result: Result, event: str) -> None:
    ended = record().ending(result, START)
    assert ids(changed(RecordedReleases(), record(), ended, ended)) == ["id-0/start", f"id-0/{event}"]


def test_a_rollback_by_command_is_one_message_and_one_that_failed_is_none() -> None:
    running = changed(RecordedReleases(), ROLLBACK)
    assert ids(running) == ["id-1/rollback"]
    assert ids(ended(running, Result.SUCCEEDED)) == ["id-1/rollback"]
    assert ids(ended(running, Result.FAILED)) == []


def test_a_rollback_that_takes_the_place_of_a_release_is_one_message() -> None:
    running = begun(changed(RecordedReleases(), record()), ROLLBACK, "green")
    assert ids(running) == ids(ended(running, Result.SUCCEEDED)) == ["id-0/start", "id-1/rollback"]
    assert ids(ended(running, Result.FAILED)) == ["id-0/start"]


def test_a_switch_that_takes_a_deploy_back_sends_its_rollback_once_it_is_done() -> None:
    before = changed(RecordedReleases(), record())
    back = record(1, kind="switch", source="green", target="blue", from_tag="v2.0.0", tag="v1.0.0")
    running = begun(before, back, "green")
    assert ids(running) == ["id-0/start", "id-1/start"]
    done = ended(running, Result.SUCCEEDED)
    assert ids(done) == ["id-0/start", "id-1/start", "id-0/rollback"]
    assert "v1.0.0 in blue serves again: the release of v2.0.0 in green by ada" in slack_text(done.outbox.messages[-1])
    assert ids(ended(running, Result.FAILED)) == ["id-0/start"]
    assert ids(changed(done, done.history[0])) == ids(done)


def test_a_rollback_killed_before_its_patch_is_withdrawn_by_the_next_one() -> None:
    again = dataclasses.replace(ROLLBACK, id="id-2")
    assert ids(begun(changed(RecordedReleases(), ROLLBACK), again, "green")) == ["id-2/rollback"]
    # Also by a switch to the same colour, which changes the selector itself.
    switch = dataclasses.replace(ROLLBACK, id="id-2", kind="switch")
    assert ids(begun(changed(RecordedReleases(), ROLLBACK), switch, "green")) == ["id-2/start"]


def test_a_rollback_killed_after_its_patch_is_not_withdrawn() -> None:
    after = record(2, source="blue", target="green")
    assert ids(begun(changed(RecordedReleases(), ROLLBACK), after, "blue")) == ["id-1/rollback", "id-2/start"]
    # A switch to the colour that the rollback went to finishes it, and takes its source over.
    finishes = dataclasses.replace(ROLLBACK, id="id-2", kind="switch")
    assert ids(begun(changed(RecordedReleases(), ROLLBACK), finishes, "blue")) == ["id-1/rollback", "id-2/start"]


def test_a_drill_sends_nothing() -> None:
    drill = record(kind="drill")
    assert ids(changed(RecordedReleases(), drill, drill.ending(Result.SUCCEEDED, START))) == []


def test_only_the_events_that_were_asked_for_are_sent() -> None:
    queued = queueing(subscriptions(notification("ci", events=["retirement"])))
    before = queued(RecordedReleases(), RecordedReleases().writing(record()))
    assert before.outbox == Outbox()
    after = queued(before, before.writing(record().ending(Result.SUCCEEDED, START)))
    assert [dict(message.to) for message in after.outbox.messages] == [{"ci": None}]


def test_messages_are_bounded_in_number_and_size_and_what_is_dropped_is_counted() -> None:
    releases = RecordedReleases()
    for number in range(KEPT_MESSAGES + 3):
        releases = changed(releases, record(number, receipt={"nodes": "n" * 50_000}))
    outbox = releases.outbox
    assert (len(outbox.messages), outbox.dropped) == (KEPT_MESSAGES, 3)
    assert len(str(outbox.to_json())) < OUTBOX_BYTES
    wordy = RecordedReleases()
    for number in range(10):
        wordy = changed(wordy, record(number, reason="r" * 15_000))
    assert len(wordy.outbox.messages) == 6
    assert wordy.outbox.dropped == 4


def test_the_outbox_is_read_as_it_was_written_and_a_broken_part_counts_as_dropped() -> None:
    outbox = changed(RecordedReleases(), record(), ROLLBACK).outbox
    outbox, [claim] = outbox.claiming(START)
    assert (claim.to, claim.message.id) == ("chat", "id-0/start")
    assert Outbox.from_json(outbox.to_json()) == outbox
    document = outbox.to_json()
    document["messages"][0]["later"] = "kept"
    document["messages"].extend([{}, 3, {**document["messages"][1], "at": "yesterday"}])
    read = Outbox.from_json(document)
    assert read == dataclasses.replace(outbox, dropped=3)
    assert read.to_json()["messages"][0]["later"] == "kept"
    documents: tuple[object, ...] = (None, 3, [], {"messages": 3, "dropped": "x"})
    assert [Outbox.from_json(broken) for broken in documents] == [Outbox()] * 4


def test_the_json_form_is_the_release_of_the_history_with_the_event() -> None:
    [message] = changed(RecordedReleases(), ROLLBACK).outbox.messages
    assert json_document(message) == {
        "version": 1,
        "id": "id-1/rollback",
        "event": "rollback",
        "at": to_text(START),
        "stack": "production",
        "service": "backend",
        "release": ROLLBACK.to_json(),
    }


def text(*releases: ReleaseRecord) -> str:
    return slack_text(changed(RecordedReleases(), *releases).outbox.messages[-1])


def test_texts_say_what_happened_who_why_and_what_to_type() -> None:
    assert text(record(reason="faster")) == (
        "backend (stack production): the release of v2.0.0 in green has begun, by ada on laptop; v1.0.0 in blue serves "
        "until the switch.\nReason: faster\nNow: switchyard status --stack production"
    )
    assert text(ROLLBACK) == (
        "backend (stack production): v1.0.0 in blue serves again, rolled back from v2.0.0 in green by ada on laptop.\n"
        "Reason: 5xx\nNow: switchyard status --stack production; More: switchyard history backend --stack production"
    )
    ended = record().ending(Result.SUCCEEDED, START)
    assert "v2.0.0 in green is released, and v1.0.0 in blue is retired." in text(record(), ended)
    aborted = record().ending(Result.ROLLED_BACK, START, "aborted by grace on desk")
    assert "v1.0.0 in blue serves again: the release of v2.0.0 in green" in text(record(), aborted)
    assert "aborted by grace on desk" in text(record(), aborted)
    refused = record().ending(Result.REFUSED, START, "too few ready pods")
    assert "was refused before users had it; v1.0.0 in blue serves.\ntoo few ready pods" in text(record(), refused)


def test_a_version_that_no_longer_serves_has_no_verdict() -> None:
    reverted = record().entering(Phase.WATCH, START).leaving("reverted", START, "the old colour serves again")
    reverted = reverted.ending(Result.ROLLED_BACK, START, "the old colour serves again")
    verdict, _ = changed(RecordedReleases(), record(), reverted).outbox.messages[-2:]
    assert "v2.0.0 in green is not judged, because v1.0.0 in blue serves again.\n" in slack_text(verdict)


def test_a_verdict_has_its_numbers() -> None:
    numbers = {
        "outcome": "breach",
        "seconds": 9.5,
        "new": {"requests": 1230, "errors": 98, "p95": 0.031},
        "old": {"requests": 60000, "errors": 6, "p95": None},
    }
    condemned = text(record(), watched("breached", detail="It is worse (SY-P050)", numbers=numbers))
    assert condemned == (
        "backend (stack production): v2.0.0 in green is worse than accepted, and is rolled back to v1.0.0 in blue.\n"
        "It is worse (SY-P050)\n"
        "Seen in 9.5 s: new 1,230 requests, 98 failed (7.97%), p95 0.031 s; old 60,000 requests, 6 failed (0.01%)\n"
        "Now: switchyard status --stack production; More: switchyard history backend --stack production"
    )
    assert "To go back: switchyard rollback backend --stack production" in text(record(), watched("passed"))
    assert "switchyard resume backend --stack production" in text(record(), watched("noVerdict"))


@pytest.mark.parametrize(
    ("outcome", "numbers", "expected"),
    [
        ("breached", None, "v2.0.0 in green is rolled back to v1.0.0 in blue."),
        ("noVerdict", {"outcome": "undecided"}, "v2.0.0 in green serves, and its watch is undecided: the release is"),
        ("noVerdict", {"outcome": "noTraffic"}, "v2.0.0 in green serves, and its watch is undecided: the release is"),
        ("noVerdict", {"outcome": "pass"}, "v2.0.0 in green serves, and the release is held."),
        ("noVerdict", None, "v2.0.0 in green serves, and the release is held."),
        ("passed", {"outcome": "pass", "seconds": 0.0}, "v2.0.0 in green serves, and was not watched."),
        ("passed", {"outcome": "pass", "seconds": 300.0}, "v2.0.0 in green serves, and has passed its watch."),
        ("passed", None, "v2.0.0 in green serves, and has passed its watch."),
    ],
)
def test_a_verdict_that_is_not_of_the_watch_is_not_said_to_be(outcome: str, numbers: Any, expected: str) -> None:
    message = text(record(), watched(outcome, detail="hook purge has failed (SY-P090)", numbers=numbers))
    assert message.startswith(f"backend (stack production): {expected}")
    assert "\nhook purge has failed (SY-P090)\n" in message


def test_the_words_of_a_verdict_are_those_of_the_watch() -> None:
    assert {WORSE, *UNDECIDED, "pass"} == set(Outcome)


def test_words_of_an_operator_notify_nobody_and_are_short_in_slack() -> None:
    [message] = changed(RecordedReleases(), record(reason=f"<!channel> & {'long ' * 200}\nend")).outbox.messages
    words = slack_document(message)["text"]
    assert "&lt;!channel&gt; &amp; long" in words
    assert "<" not in words
    assert len(words) < 900
