"""The state machine of a release, explored exhaustively."""

from collections import deque

import pytest

from switchyard.release.phases import Event, Phase, Result, Side, State, apply, fitting
from switchyard.release_errors import TransitionError

PATH = [Event.PASSED] * len(Phase)


def explored() -> dict[State, dict[Event, State]]:
    """Every state that can be reached, with the state after each event that fits."""
    transitions: dict[State, dict[Event, State]] = {}
    waiting = deque([State()])
    while waiting:
        state = waiting.popleft()
        if state in transitions:
            continue
        transitions[state] = {event: apply(state, event) for event in fitting(state)}
        waiting.extend(transitions[state].values())
    return transitions


TRANSITIONS = explored()


def test_every_state_has_a_full_serving_colour(capsys: pytest.CaptureFixture[str]) -> None:
    for state in TRANSITIONS:
        assert state.serving in state.full, state
    assert {state.phase for state in TRANSITIONS} == set(Phase)
    assert {state.result for state in TRANSITIONS} == set(Result)
    count = sum(len(following) for following in TRANSITIONS.values())
    with capsys.disabled():
        print(f"\nphases of a release: {len(TRANSITIONS)} states, {count} transitions explored", end=" ")


def test_no_state_is_a_dead_end() -> None:
    ends = {state for state in TRANSITIONS if state.ended}
    reaching = set(ends)
    while True:
        more = {state for state, following in TRANSITIONS.items() if reaching.intersection(following.values())}
        if more <= reaching:
            break
        reaching |= more
    assert reaching == set(TRANSITIONS)


def test_an_operator_can_go_on_from_every_state_without_its_command_and_from_every_held_one() -> None:
    waiting = [state for state in TRANSITIONS if not state.ended and (state.held or not state.attended)]
    assert waiting
    for state in waiting:
        resumed = TRANSITIONS[state][Event.RESUME]
        assert resumed.attended
        assert not resumed.held


def test_an_operator_can_take_back_every_release_whose_old_colour_has_its_pods() -> None:
    for state, following in TRANSITIONS.items():
        if state.ended:
            continue
        if Side.OLD in state.full and not state.irreversible:
            after = following[Event.ABORT]
            assert (after.ended, after.serving) == (True, Side.OLD)
        else:
            assert Event.ABORT not in following
            assert (state.phase, state.serving) == (Phase.RETIRE, Side.NEW)


def test_a_release_that_cannot_be_taken_back_serves_the_new_version_and_goes_on_to_its_end() -> None:
    irreversible = [state for state in TRANSITIONS if state.irreversible]
    assert irreversible
    for state in irreversible:
        assert (state.phase, state.serving) == (Phase.RETIRE, Side.NEW)
        assert Side.NEW in state.full
        assert Event.ABORT not in TRANSITIONS[state]
        assert not state.can_roll_back
        if not state.ended:
            going = state if state.attended and not state.held else TRANSITIONS[state][Event.RESUME]
            assert TRANSITIONS[going][Event.PASSED].result is Result.SUCCEEDED
    assert {state.phase for state in TRANSITIONS if Event.IRREVERSIBLE in TRANSITIONS[state]} == {Phase.RETIRE}


def test_only_a_retirement_that_has_passed_leaves_the_old_colour_without_its_pods() -> None:
    for state in TRANSITIONS:
        if Side.OLD not in state.full:
            assert state.phase is Phase.RETIRE


def test_a_failure_of_a_phase_before_the_switch_ends_the_release_with_the_old_colour_serving() -> None:
    for steps in range(3):
        state = State()
        for event in PATH[:steps]:
            state = apply(state, event)
        for event, result in ((Event.FAILED, Result.FAILED), (Event.REFUSED, Result.REFUSED)):
            after = apply(state, event)
            assert (after.result, after.serving, Side.OLD in after.full) == (result, Side.OLD, True)


def test_a_release_that_was_refused_or_failed_has_the_old_colour_serving() -> None:
    ended = [state for state in TRANSITIONS if state.result in {Result.REFUSED, Result.FAILED}]
    assert ended
    assert {state.serving for state in ended} == {Side.OLD}


@pytest.mark.parametrize("event", [Event.REFUSED, Event.FAILED])
def test_a_setback_after_a_switch_that_lost_its_command_waits_for_the_operator(event: Event) -> None:
    state = State()
    for step in (Event.PASSED, Event.PASSED, Event.LOST_AFTER_CHANGE, Event.RESUME):
        state = apply(state, step)
    assert (state.phase, state.serving) == (Phase.SWITCH, Side.NEW)
    held = apply(state, event)
    assert (held.held, held.result, held.serving) == (True, Result.RUNNING, Side.NEW)
    assert apply(held, Event.ABORT).result is Result.ROLLED_BACK
    assert apply(held, Event.RESUME).attended


def test_a_breach_rolls_back_and_no_verdict_holds() -> None:
    state = State()
    for event in PATH[:4]:
        state = apply(state, event)
    assert (state.phase, state.serving) == (Phase.WATCH, Side.NEW)
    assert apply(state, Event.BREACHED).result is Result.ROLLED_BACK
    held = apply(state, Event.NO_VERDICT)
    assert (held.held, held.result, held.serving) == (True, Result.RUNNING, Side.NEW)


def test_only_a_release_that_is_watched_ends_as_reverted() -> None:
    reverted = {
        state: following[Event.REVERTED] for state, following in TRANSITIONS.items() if Event.REVERTED in following
    }
    assert {state.phase for state in reverted} == {Phase.WATCH}
    for state, after in reverted.items():
        assert (state.serving, after.serving, after.result) == (Side.NEW, Side.OLD, Result.ROLLED_BACK)
        assert Side.OLD in after.full


def test_a_release_succeeds_once_every_phase_has_passed() -> None:
    state = State()
    for event in PATH:
        state = apply(state, event)
    assert (state.result, state.serving, state.full) == (Result.SUCCEEDED, Side.NEW, frozenset({Side.NEW}))


@pytest.mark.parametrize("event", Event)
def test_nothing_fits_a_release_that_has_ended(event: Event) -> None:
    ended = apply(State(), Event.FAILED)
    with pytest.raises(TransitionError, match="has ended"):
        apply(ended, event)


def test_an_act_that_does_not_fit_says_what_would() -> None:
    lost = apply(State(), Event.LOST)
    with pytest.raises(TransitionError, match="without its command; what fits: resume, abort"):
        apply(lost, Event.PASSED)
