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
from tests.support.played_release import EVERYWHERE, PODS, KilledError, Outcomes, Play, World

KILLS = 1000

HOOK_OUTCOMES = [*[HookOutcome.PASSED] * 6, HookOutcome.FAILED, HookOutcome.UNKNOWN]


def ways_to_go_on(play: Play) -> list[str]:
    written = play.world.releases.current
    assert written is not None
    retires = ["retire"] if written.phase in {Phase.BAKE, Phase.RETIRE} else []
    return ["resume", "abort", *retires]


def killed(play: Play, call: Callable[[], object]) -> bool:
    try:
        call()
    except KilledError:
        return True
    except TransitionError:
        # Nothing to go back to: the old colour is retired. What is left is to go on.
        assert play.world.pods["blue"] == 0
    except GateRefusedError:
        # Nothing to go back to either: a hook has left the old version behind.
        current = play.world.releases.current
        assert current is not None
        assert current.irreversible is not None
        assert play.world.serving == "green"
    return False


def expect_hooks_begun_once(play: Play) -> None:
    """Each hook was begun once at most, after the record had it, and none before those in front of it."""
    current = play.world.releases.current
    assert current is not None
    assert all(count == 1 for count in play.world.sent.values()), play.world.sent
    assert set(play.world.sent) <= {hook.name for hook in current.hooks}
    if "contract" in play.world.sent:
        assert (play.world.serving, current.result) == ("green", Result.SUCCEEDED)
    if current.result is Result.SUCCEEDED and play.hooks is not None:
        wanted = {hook.name for _, _, hook in play.hooks.all()} - {"alert"}
        # A call by HTTP may have been lost with the command that was about to send it; a Job may not.
        assert wanted - {"tell", "purge", "done"} <= set(play.world.sent) <= wanted


def test_a_release_killed_at_every_moment_is_resumed_and_aborted_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    for breach in (False, True):
        outcomes: Outcomes = {Phase.WATCH: Ended(Event.BREACHED, "bad")} if breach else {}
        whole = Play(outcomes=dict(outcomes), hooks=EVERYWHERE)
        whole.deploy()
        for moment in range(whole.world.moments):
            for act in ("resume", "abort"):
                play = Play(World(kill=moment), dict(outcomes), hooks=EVERYWHERE)
                assert killed(play, play.deploy), "the command was not killed"
                play.world.kill = None
                if play.world.releases.current is None or not play.world.releases.current.running:
                    continue  # killed before its first write, or after its last
                # Once for a release that is held by a hook, and once more where another one holds it.
                for again in (act, "resume", "resume"):
                    if play.world.releases.current.running:
                        killed(play, partial(play.act, again))
                current = play.world.releases.current
                assert not current.running
                expect_hooks_begun_once(play)
                assert play.world.pods[play.world.serving] == PODS
                wanted = "green" if current.result is Result.SUCCEEDED else "blue"
                assert (play.world.serving, play.world.configured) == (wanted, wanted)
        with capsys.disabled():
            print(f"\na release{' that is condemned' * breach}: {whole.world.moments} moments", end=" ")


def test_commands_killed_at_random_leave_a_described_state_and_a_full_colour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, kills, results = random.Random(13), 0, dict.fromkeys(Result, 0)  # noqa: S311 - no secret
    begun: Counter[str] = Counter()
    while kills < KILLS:
        watch = chance.choice([Ended(Event.PASSED), Ended(Event.BREACHED, "bad"), Ended(Event.NO_VERDICT, "none")])
        play = Play(outcomes={Phase.WATCH: watch}, bake_seconds=chance.choice([0, 2]))
        if chance.random() < 0.7:
            outcomes = {name: chance.choice(HOOK_OUTCOMES) for name in ("expand", "load", "purge", "contract", "done")}
            play = Play(play.world, play.outcomes, play.bake_seconds, hooks=EVERYWHERE, hook_outcomes=outcomes)
        calls: list[Callable[[], object]] = [play.deploy]
        for attempt in range(100):
            play.world.kill = chance.randrange(45) if attempt < 20 else None
            kills += killed(play, calls.pop())
            current = play.world.releases.current
            if current is not None and not current.running:
                results[current.result] += 1
                break
            if current is None:
                calls.append(play.deploy)
                continue
            act = chance.choice(ways_to_go_on(play))
            if attempt >= 20:
                play.outcomes.clear()
                play.world.time += timedelta(seconds=60)
                act = "resume"
            calls.append(partial(play.act, act))
        else:
            pytest.fail("the release does not end")
        assert play.world.pods[play.world.serving] == PODS
        expect_hooks_begun_once(play)
        begun.update(play.world.sent)
    assert set(begun) == {hook.name for _, _, hook in EVERYWHERE.all()}
    with capsys.disabled():
        print(
            f"\n{kills} kills of releases: { ({str(key): value for key, value in results.items() if value}) }", end=" "
        )
    assert results[Result.SUCCEEDED]
    assert results[Result.ROLLED_BACK]
    assert results[Result.FAILED]
