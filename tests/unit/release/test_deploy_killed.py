"""A command that is killed at every moment, and again and again: a full colour serves, and its release ends."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from switchyard.release.deploy import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release_errors import TransitionError
from tests.support.played_release import PODS, KilledError, Outcomes, Play, World

KILLS = 1000


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
    return False


def test_a_release_killed_at_every_moment_is_resumed_and_aborted_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    for breach in (False, True):
        outcomes: Outcomes = {Phase.WATCH: Ended(Event.BREACHED, "bad")} if breach else {}
        whole = Play(outcomes=dict(outcomes))
        whole.deploy()
        for moment in range(whole.world.moments):
            for act in ("resume", "abort"):
                play = Play(World(kill=moment), dict(outcomes))
                assert killed(play, play.deploy), "the command was not killed"
                play.world.kill = None
                if play.world.releases.current is None or not play.world.releases.current.running:
                    continue  # killed before its first write, or after its last
                if not killed(play, partial(play.act, act)) and play.world.releases.current.running:
                    play.act("resume")
                current = play.world.releases.current
                assert not current.running
                assert play.world.pods[play.world.serving] == PODS
                wanted = "green" if current.result is Result.SUCCEEDED else "blue"
                assert (play.world.serving, play.world.configured) == (wanted, wanted)
        with capsys.disabled():
            print(f"\na release{' that is condemned' * breach}: {whole.world.moments} moments", end=" ")


def test_commands_killed_at_random_leave_a_described_state_and_a_full_colour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, kills, results = random.Random(13), 0, dict.fromkeys(Result, 0)  # noqa: S311 - no secret
    while kills < KILLS:
        watch = chance.choice([Ended(Event.PASSED), Ended(Event.BREACHED, "bad"), Ended(Event.NO_VERDICT, "none")])
        play = Play(outcomes={Phase.WATCH: watch}, bake_seconds=chance.choice([0, 2]))
        calls: list[Callable[[], object]] = [play.deploy]
        for attempt in range(100):
            play.world.kill = chance.randrange(30) if attempt < 20 else None
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
    with capsys.disabled():
        print(
            f"\n{kills} kills of releases: { ({str(key): value for key, value in results.items() if value}) }", end=" "
        )
    assert results[Result.SUCCEEDED]
    assert results[Result.ROLLED_BACK]
    assert results[Result.FAILED]
