"""A command that is killed at every moment, and again and again: a full colour serves, and its release ends."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from switchyard.errors import GateRefusedError
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.hook import HookOutcome
from switchyard.release_errors import TransitionError
from tests.support.fake_release import EVERYWHERE, PODS, FakeCommand, KilledError, Outcomes, World

KILLS = 1000

HOOK_OUTCOMES = [*[HookOutcome.PASSED] * 6, HookOutcome.FAILED, HookOutcome.UNKNOWN]


def ways_to_go_on(command: FakeCommand) -> list[str]:
    written = command.world.releases.current
    assert written is not None
    retires = ["retire"] if written.phase in {Phase.BAKE, Phase.RETIRE} else []
    return ["resume", "abort", *retires]


def killed(command: FakeCommand, call: Callable[[], object]) -> bool:
    try:
        call()
    except KilledError:
        return True
    except TransitionError:
        # Nothing to go back to: the old colour is retired. What is left is to go on.
        assert command.world.pods["blue"] == 0
    except GateRefusedError:
        # Nothing to go back to either: a hook has left the old version behind.
        current = command.world.releases.current
        assert current is not None
        assert current.irreversible is not None
        assert command.world.serving == "green"
    return False


def expect_hooks_begun_once(command: FakeCommand) -> None:
    """Each hook was begun once at most, after the record had it, and none before those in front of it."""
    current = command.world.releases.current
    assert current is not None
    assert all(count == 1 for count in command.world.sent.values()), command.world.sent
    assert set(command.world.sent) <= {hook.name for hook in current.hooks}
    if "contract" in command.world.sent:
        assert (command.world.serving, current.result) == ("green", Result.SUCCEEDED)
    if current.result is Result.SUCCEEDED and command.hooks is not None:
        wanted = {hook.name for _, _, hook in command.hooks.all()} - {"alert"}
        # A call by HTTP may have been lost with the command that was about to send it; a Job may not.
        assert wanted - {"tell", "purge", "done"} <= set(command.world.sent) <= wanted


def test_a_release_killed_at_every_moment_is_resumed_and_aborted_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    for breach in (False, True):
        outcomes: Outcomes = {Phase.WATCH: Ended(Event.BREACHED, "bad")} if breach else {}
        whole = FakeCommand(outcomes=dict(outcomes), hooks=EVERYWHERE)
        whole.deploy()
        for moment in range(whole.world.moments):
            for act in ("resume", "abort"):
                command = FakeCommand(World(kill=moment), dict(outcomes), hooks=EVERYWHERE)
                assert killed(command, command.deploy), "the command was not killed"
                command.world.kill = None
                if command.world.releases.current is None or not command.world.releases.current.running:
                    continue  # killed before its first write, or after its last
                # Once for a release that is held by a hook, and once more where another one holds it.
                for again in (act, "resume", "resume"):
                    if command.world.releases.current.running:
                        killed(command, partial(command.act, again))
                current = command.world.releases.current
                assert not current.running
                expect_hooks_begun_once(command)
                assert command.world.pods[command.world.serving] == PODS
                wanted = "green" if current.result is Result.SUCCEEDED else "blue"
                assert (command.world.serving, command.world.configured) == (wanted, wanted)
        with capsys.disabled():
            print(f"\na release{' that is condemned' * breach}: {whole.world.moments} moments", end=" ")


def test_commands_killed_at_random_leave_a_described_state_and_a_full_colour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, kills, results = random.Random(13), 0, dict.fromkeys(Result, 0)  # noqa: S311 - no secret
    begun: Counter[str] = Counter()
    while kills < KILLS:
        watch = chance.choice([Ended(Event.PASSED), Ended(Event.BREACHED, "bad"), Ended(Event.NO_VERDICT, "none")])
        command = FakeCommand(outcomes={Phase.WATCH: watch}, bake_seconds=chance.choice([0, 2]))
        if chance.random() < 0.7:
            outcomes = {name: chance.choice(HOOK_OUTCOMES) for name in ("expand", "load", "purge", "contract", "done")}
            command = FakeCommand(
                command.world, command.outcomes, command.bake_seconds, hooks=EVERYWHERE, hook_outcomes=outcomes
            )
        calls: list[Callable[[], object]] = [command.deploy]
        for attempt in range(100):
            command.world.kill = chance.randrange(45) if attempt < 20 else None
            kills += killed(command, calls.pop())
            current = command.world.releases.current
            if current is not None and not current.running:
                results[current.result] += 1
                break
            if current is None:
                calls.append(command.deploy)
                continue
            act = chance.choice(ways_to_go_on(command))
            if attempt >= 20:
                command.outcomes.clear()
                command.world.time += timedelta(seconds=60)
                act = "resume"
            calls.append(partial(command.act, act))
        else:
            pytest.fail("the release does not end")
        assert command.world.pods[command.world.serving] == PODS
        expect_hooks_begun_once(command)
        begun.update(command.world.sent)
    assert set(begun) == {hook.name for _, _, hook in EVERYWHERE.all()}
    with capsys.disabled():
        print(
            f"\n{kills} kills of releases: { ({str(key): value for key, value in results.items() if value}) }", end=" "
        )
    assert results[Result.SUCCEEDED]
    assert results[Result.ROLLED_BACK]
    assert results[Result.FAILED]
