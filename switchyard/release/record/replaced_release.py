"""What becomes of a release whose place another one takes. Pure functions.

A record may be written by several versions of the program in turn, for example from a pipeline and from a laptop. An
earlier version does not know `replaces`: it ends or continues a switch, and leaves the release before it running in the
history. `settled` repairs such a record whenever it is read.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from switchyard.kube.clock import from_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord

SWITCHES = frozenset({Act.SWITCH.value, Act.ROLLBACK.value})
"""Kinds of releases that take the place of another one."""

CHANGED = "changed the selector"
"""What the command of a switch has done that is ended by another one."""

_SERVED = frozenset({Phase.BAKE, Phase.RETIRE})
"""Phases of a deploy whose watch has passed."""

_DONE = frozenset({Result.SUCCEEDED, Result.ROLLED_BACK})
"""Results of a switch that has changed the selector."""


def result_of(last: ReleaseRecord, record: ReleaseRecord, serving: str) -> Result:
    """The result of a release once another one has taken its place; running if it runs on beside that.

    Args:
        last: record of the release before.
        record: record of the switch or the rollback that takes its place.
        serving: the colour that served when that one began.
    """
    if last.kind == Act.DEPLOY:
        if last.target == serving == record.target and last.phase in _SERVED:
            return Result.RUNNING  # nothing has changed for its users, and its old colour is retired later
        is_switched = last.target == serving or last.has_switched
        return Result.ROLLED_BACK if is_switched and last.source in {serving, record.target} else Result.FAILED
    if last.kind == Act.DRILL:
        return Result.FAILED
    goes_back = record.kind == Act.ROLLBACK and record.target == last.source
    return Result.ROLLED_BACK if goes_back and last.kind == Act.SWITCH else Result.SUCCEEDED


def ended_by(last: ReleaseRecord, record: ReleaseRecord, result: Result, now: datetime, effect: str) -> ReleaseRecord:
    """The release before, ended by the one that has taken its place.

    Args:
        last: record of the release before.
        record: record of the release that has taken its place.
        result: result of the release before.
        now: the time of its end.
        effect: what its command has done, if it is a switch or a rollback.
    """
    of_command = f"its command had {effect} and has not written its end; " if last.kind in SWITCHES else ""
    return replace(last.ending(result, now, f"{of_command}{_taking(record)}"), replaced_by=record.id)


def is_taken_back(deploy: ReleaseRecord, by: ReleaseRecord) -> bool:
    """Whether a switch by command has taken a deploy back to the version that served before it.

    Args:
        deploy: record of the release that may have been taken back.
        by: record of the switch.
    """
    if deploy.kind != Act.DEPLOY or deploy.result is not Result.ROLLED_BACK or by.kind != Act.SWITCH:
        return False
    if deploy.replaced_by is None:  # a record of an earlier version of the program has it in the text alone
        return by.target == deploy.source and str(deploy.detail).endswith(_taking(by))
    return by.target == deploy.source and deploy.replaced_by == by.id


def settled(
    current: ReleaseRecord | None, history: Sequence[ReleaseRecord]
) -> tuple[ReleaseRecord | None, tuple[ReleaseRecord, ...]]:
    """The latest release and the history, in which no release runs except one that the latest is to replace.

    A release that is left running in the history ends as it would have ended by the one that has taken its place. If
    none has, because every later switch has failed, it is the latest release again.

    Args:
        current: the latest release; None without one.
        history: the other releases, newest first.
    """
    latest = () if current is None else (current,)
    ended = [_ended_by_later(release, (*latest, *history[:place])) for place, release in enumerate(history)]
    runs = running_in(ended)
    if runs is not None and (current is None or not current.running):
        return runs, tuple(release for release in ended if release is not runs)
    if runs is not None and current is not None and current.kind in SWITCHES and current.replaces is None:
        current = replace(current, replaces=result_of(runs, current, _served(runs)))
    return current, tuple(ended)


def running_in(history: Sequence[ReleaseRecord]) -> ReleaseRecord | None:
    """The newest release of a history that runs; None without one."""
    return next((release for release in history if release.running), None)


def _ended_by_later(release: ReleaseRecord, later: Sequence[ReleaseRecord]) -> ReleaseRecord:
    """A release of the history, ended if it runs although a later one has taken its place.

    Args:
        release: record of the release.
        later: the releases after it, newest first.
    """
    if not release.running:
        return release
    takes = ((taking, _result_by(release, taking)) for taking in reversed(later))
    taking, result = next((pair for pair in takes if pair[1] is not Result.RUNNING), (release, Result.RUNNING))
    now = from_text(taking.ended or taking.started)
    return release if result is Result.RUNNING else ended_by(release, taking, result, now, CHANGED)


def _result_by(release: ReleaseRecord, later: ReleaseRecord) -> Result:
    """The result of a release that was left running before a later one; running if that has not taken its place."""
    if (release.kind, later.kind) == (Act.DEPLOY, Act.DEPLOY):  # which gives the idle colour another version
        return Result.SUCCEEDED if release.phase in _SERVED else Result.FAILED
    has_changed = later.kind == Act.DEPLOY or (later.kind in SWITCHES and later.result in _DONE)
    return later.replaces or result_of(release, later, _served(release)) if has_changed else Result.RUNNING


def _served(release: ReleaseRecord) -> str:
    """The colour that served when a later release began, as far as the record of a release tells."""
    return release.target if release.has_switched else release.source


def _taking(record: ReleaseRecord) -> str:
    """The end of the detail of a release that another one replaces."""
    return f"{record.kind} {record.id} of {record.actor} took its place"
