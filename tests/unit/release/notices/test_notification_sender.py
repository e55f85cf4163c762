"""Messages about releases: each arrives once, whoever is killed, and none stops a release."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest

from switchyard.errors import UnreachableError
from switchyard.release.deploy.runner import Ended
from switchyard.release.notices import notification_sender as module
from switchyard.release.notices.notification_sender import Queue
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.outbox import Outbox
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import TransitionError
from tests.support.fake_messages import Webhooks, notification, subscriptions, telling
from tests.support.fake_release import FakeCommand, KilledError, World

KILLS = 500

CHAT, CI = notification("chat", "slack"), notification("ci", events=["rollback", "retirement"])
BOTH = subscriptions(CHAT, CI)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0)


def expected(record: ReleaseRecord) -> set[tuple[str, str]]:
    """What a release that has ended is to have sent, from its record alone."""
    watches = [phase for phase in record.phases if phase.phase is Phase.WATCH and phase.outcome is not None]
    events = ["start", *("verdict" if number == 0 else f"verdict-{number + 1}" for number in range(len(watches)))]
    ends = {Result.SUCCEEDED: "retirement", Result.ROLLED_BACK: "rollback"}
    last = ends.get(record.result, "verdict" if not watches else f"verdict-{len(watches) + 1}")
    events.append(last)
    return {
        *(("chat", f"{record.id}/{event}") for event in events),
        *(("ci", f"{record.id}/{event}") for event in events if event in {"rollback", "retirement"}),
    }


def killed(webhooks: Webhooks, call: Callable[[], object]) -> bool:
    try:
        call()
    except KilledError:
        webhooks.killed()
        return True
    except TransitionError:
        pass  # the old colour is retired: what is left is to go on
    return False


def finish(command: FakeCommand, webhooks: Webhooks) -> None:
    """Another command of the service, a while later."""
    command.world.kill, webhooks.down = None, lambda _: False
    command.world.time += timedelta(seconds=60)
    asyncio.run(telling(command, webhooks, BOTH, []).finish())


def test_messages_of_killed_commands_arrive_once_or_are_in_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    chance, kills, twice, messages, ends = random.Random(20), 0, 0, 0, set[Result]()  # noqa: S311 - no secret
    while kills < KILLS:
        watch = chance.choice([Ended(Event.PASSED), Ended(Event.BREACHED, "bad"), Ended(Event.NO_VERDICT, "none")])
        command = FakeCommand(outcomes={Phase.WATCH: watch}, bake_seconds=chance.choice([0, 2]))
        if chance.random() < 0.2:
            command.outcomes[Phase.PROVE] = Ended(Event.REFUSED, "too few ready pods")
        webhooks = Webhooks(command.world, down=lambda _: chance.random() < 0.2)
        call: Callable[[], object] = command.deploy
        for attempt in range(60):
            telling(command, webhooks, BOTH, [])  # each command has its own sender
            command.world.kill = chance.randrange(60) if attempt < 20 else None
            kills += killed(webhooks, call)
            current = command.world.releases.current
            if current is not None and not current.running:
                break
            command.world.time += timedelta(seconds=chance.choice([1, 60]))
            if attempt >= 20:
                command.outcomes.clear()
            acts = ["resume", "abort"] if attempt < 20 else ["resume"]
            call = command.deploy if current is None else partial(command.act, chance.choice(acts))
        finish(command, webhooks)
        current = command.world.releases.current
        assert current is not None
        assert not current.running
        assert command.world.releases.outbox == Outbox()
        assert set(webhooks.got) == expected(current)
        for key, count in webhooks.got.items():
            assert 1 <= count <= 1 + webhooks.again[key], f"{key} has arrived {count} times"
        twice += sum(count - 1 for count in webhooks.got.values())
        messages += len(webhooks.got)
        ends.add(current.result)
    with capsys.disabled():
        print(f"\n{kills} kills, {messages} messages, {twice} of them sent again as nobody knew", end=" ")
    assert twice, "no command was killed between a message and its removal"
    assert ends >= {Result.SUCCEEDED, Result.ROLLED_BACK, Result.FAILED, Result.REFUSED}


def test_a_command_killed_at_any_moment_loses_no_message() -> None:
    whole = FakeCommand()
    telling(whole, Webhooks(whole.world), BOTH, [])
    whole.deploy()
    again = 0
    for moment in range(whole.world.moments):
        command = FakeCommand(World(kill=moment))
        webhooks = Webhooks(command.world)
        telling(command, webhooks, BOTH, [])
        assert killed(webhooks, command.deploy), "the command was not killed"
        command.world.kill = None
        if command.world.releases.current is None:
            assert not webhooks.got
            continue
        if command.world.releases.current.running:
            telling(command, webhooks, BOTH, [])
            command.act("resume")
        finish(command, webhooks)
        assert set(webhooks.got) == expected(command.world.releases.current)
        assert webhooks.got == {key: 1 + webhooks.again[key] for key in webhooks.got}
        again += webhooks.again.total()
    assert again, "no command was killed between a message and its removal"


def test_an_undisturbed_release_sends_each_message_once_in_its_order() -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "bad")})
    webhooks, warnings = Webhooks(command.world), list[str]()
    telling(command, webhooks, BOTH, warnings)
    command.deploy()
    chat = [message for name, message in webhooks.order if name == "chat"]
    assert chat == ["id-1/start", "id-1/verdict", "id-1/rollback"]
    assert webhooks.got[("ci", "id-1/rollback")] == 1
    assert webhooks.got.total() == 4
    assert warnings == []


def test_a_webhook_that_is_down_stops_nothing_and_gets_its_messages_in_order_later() -> None:
    command, warnings = FakeCommand(), list[str]()
    webhooks = Webhooks(command.world, down=lambda name: name == "chat")
    telling(command, webhooks, BOTH, warnings)
    assert command.deploy().result is Result.SUCCEEDED
    assert webhooks.order == [("ci", "id-1/retirement")]
    assert warnings == [
        "backend: notification chat has not received the message about the start of a release: it answered 503 "
        "(SY-P110). The message is kept, and delays nothing. The next command that releases the service sends it."
    ]
    finish(command, webhooks)
    assert webhooks.order[1:] == [("chat", f"id-1/{event}") for event in ("start", "verdict", "retirement")]


def test_a_webhook_that_is_down_is_not_tried_again_at_once() -> None:
    command, tried = FakeCommand(), list[str]()

    def down(name: str) -> bool:
        tried.append(name)
        return True

    webhooks = Webhooks(command.world, down=down)
    telling(command, webhooks, subscriptions(CHAT), [])
    command.deploy()
    assert tried == ["chat"]


def test_an_api_server_that_is_away_after_a_message_does_not_have_it_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeCommand()
    webhooks = Webhooks(command.world)
    sender = telling(command, webhooks, subscriptions(CHAT), [])
    command.fake_steps.after_write = None
    command.deploy()
    queue, away = sender._queue, [3]
    update = queue.update

    async def restarted(change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        if webhooks.in_doubt and away[0]:
            away[0] -= 1
            raise UnreachableError("no answer")
        return await update(change)

    monkeypatch.setattr(queue, "update", restarted)
    asyncio.run(sender.finish())
    assert away == [0]
    assert set(webhooks.got.values()) == {1}
    assert command.world.releases.outbox == Outbox()


@dataclass
class LostAnswers:
    """A queue of which the API server applies every write, while the answers to some are lost.

    Attributes:
        queue: the queue.
        lost: numbers of the writes whose answers are lost, from 1.
        writes: number of writes so far.
    """

    queue: Queue
    lost: frozenset[int]
    writes: int = 0

    @property
    def outbox(self) -> Outbox:
        return self.queue.outbox

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        releases = await self.queue.update(change)
        self.writes += 1
        if self.writes in self.lost:
            raise UnreachableError("no answer")
        return releases


def waiting(webhooks: Webhooks, command: FakeCommand) -> None:
    """Leaves the messages of a whole release in the record."""
    webhooks.down = lambda _: True
    telling(command, webhooks, BOTH, [])
    command.deploy()
    webhooks.down = lambda _: False
    assert len(command.world.releases.outbox.messages) == 3


@pytest.mark.parametrize("lost", range(1, 7))
def test_a_write_whose_answer_is_lost_neither_keeps_a_message_back_nor_sends_it_twice(lost: int) -> None:
    command, warnings = FakeCommand(), list[str]()
    waiting(webhooks := Webhooks(command.world), command)
    sender = telling(command, webhooks, BOTH, warnings)
    queue = sender._queue = LostAnswers(sender._queue, frozenset({lost}))
    asyncio.run(sender.finish())
    assert queue.writes == 7, "each of three messages is marked and removed, and one of these writes is repeated"
    assert command.world.releases.outbox == Outbox()
    assert set(webhooks.got.values()) == {1}
    assert webhooks.got.total() == 4
    assert warnings == []


def test_the_number_of_dropped_messages_is_reported_where_the_answer_to_that_write_is_lost() -> None:
    command, warnings = FakeCommand(), list[str]()
    waiting(webhooks := Webhooks(command.world), command)
    command.world.time += timedelta(hours=73)
    sender = telling(command, webhooks, BOTH, warnings)
    sender._queue = LostAnswers(sender._queue, frozenset({1}))
    asyncio.run(sender.finish())
    assert ["3 messages about releases were not sent" in line for line in warnings] == [True]


def test_messages_that_another_command_sends_or_has_died_with_are_named_at_the_end() -> None:
    command, warnings = FakeCommand(), list[str]()
    waiting(webhooks := Webhooks(command.world), command)
    outbox, claims = command.world.releases.outbox.claiming(command.world.time + timedelta(milliseconds=1))
    assert {claim.to for claim in claims} == {"chat", "ci"}
    command.world.releases = replace(command.world.releases, outbox=outbox)
    asyncio.run(telling(command, webhooks, BOTH, warnings).finish())
    assert not webhooks.got
    assert warnings == [
        "backend: another command sends messages to notifications chat, ci, or has died while it did (SY-P110). "
        "The message is kept, and delays nothing. The next command that releases the service sends it."
    ]
    command.world.time += timedelta(seconds=60)
    asyncio.run(telling(command, webhooks, BOTH, warnings).finish())
    assert webhooks.got.total() == 4
    assert len(warnings) == 1


def test_messages_that_are_too_old_are_dropped_with_a_warning() -> None:
    command, warnings = FakeCommand(), list[str]()
    webhooks = Webhooks(command.world, down=lambda _: True)
    telling(command, webhooks, BOTH, [])
    command.deploy()
    command.world.time += timedelta(hours=73)
    webhooks.down = lambda _: False
    asyncio.run(telling(command, webhooks, BOTH, warnings).finish())
    assert not webhooks.got
    assert command.world.releases.outbox == Outbox()
    assert len(warnings) == 1
    assert "3 messages about releases were not sent, and were dropped (SY-P112)" in warnings[0]


def test_a_notification_that_this_configuration_does_not_have_keeps_its_messages() -> None:
    command = FakeCommand()
    webhooks = Webhooks(command.world, down=lambda _: True)
    telling(command, webhooks, BOTH, [])
    command.deploy()
    webhooks.down = lambda _: False
    asyncio.run(telling(command, webhooks, subscriptions(CI), []).finish())
    assert webhooks.order == [("ci", "id-1/retirement")]
    assert {name for message in command.world.releases.outbox.messages for name in message.to} == {"chat"}
