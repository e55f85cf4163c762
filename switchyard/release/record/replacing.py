"""One release takes the place of another that has not ended. Pure functions.

What becomes of the earlier release is decided when the later one begins, and happens when it has succeeded: until then
the earlier one stays in the history as one that runs. If the later one fails, or its command is killed before it has
changed the selector, the earlier one is the latest release again, as if the later one had not been tried.
"""

from dataclasses import replace
from datetime import datetime

from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.earlier_releases import abandoned
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import Releases


def beginning(releases: Releases, record: ReleaseRecord, serving: str, now: datetime) -> Releases:
    """The releases at the start of a switch or a rollback.

    Args:
        releases: the releases before it.
        record: record of the release that begins. With the ID of the running release, it continues that one.
        serving: the colour that serves.
        now: the time by the API server's clock.
    """
    last = releases.current
    if last is None or not last.running or last.id == record.id:
        return releases.writing(record)
    if last.kind in {Act.SWITCH, Act.ROLLBACK}:
        if abandoned(releases, serving) is not None:
            ended = last.ending(Result.FAILED, now, _detail(last, record, f"not changed the selector from {serving}"))
            return beginning(ending(releases, ended, now), record, serving, now)
        if last.replaces is Result.RUNNING:
            ended = last.ending(Result.SUCCEEDED, now, _detail(last, record, "changed the selector"))
            return beginning(ending(releases, ended, now), record, serving, now)
        # It has changed the selector, and so has decided about the one before.
        releases, last = _replaced(releases, last, now), replace(last, replaces=None)
    record = replace(record, replaces=_result(last, record, serving))
    return replace(releases, current=record, history=(last, *releases.history))


def ending(releases: Releases, record: ReleaseRecord, now: datetime) -> Releases:
    """The releases after the end of a switch or a rollback.

    Args:
        releases: the releases before its end.
        record: record of the release, with its result.
        now: the time by the API server's clock.
    """
    if record.result is not Result.SUCCEEDED:
        record = record if record.replaces is None else replace(record, replaces=Result.RUNNING)
        # What this release has marked serves on; the selector was not changed.
        releases = replace(releases, rolled_back=_without_marks_of(releases, record))
    releases, replaces = _replaced(releases, record, now), record.replaces
    releases = releases.writing(replace(record, replaces=None))
    runs = next((release for release in releases.history if release.running), None)
    if replaces is not Result.RUNNING or runs is None:
        return releases
    return replace(releases, current=runs, history=tuple(release for release in releases.history if release != runs))


def without_abandoned(releases: Releases, serving: str, now: datetime) -> Releases:
    """The releases as if a switch or a rollback whose command was killed before the selector had not been tried.

    They are as they were unless another release runs that it was to replace.

    Args:
        releases: the releases.
        serving: the colour that serves.
        now: the time by the API server's clock.
    """
    last = abandoned(releases, serving)
    if last is None or last.replaces is None:
        return releases
    detail = f"its command had not changed the selector from {serving} and has not written its end"
    return ending(releases, last.ending(Result.FAILED, now, detail), now)


def is_taken_back(deploy: ReleaseRecord, by: ReleaseRecord) -> bool:
    """Whether a switch by command has taken a deploy back to the version that served before it.

    Args:
        deploy: record of the release that may have been taken back.
        by: record of the switch.
    """
    if deploy.kind != Act.DEPLOY or deploy.result is not Result.ROLLED_BACK or by.kind != Act.SWITCH:
        return False
    return by.target == deploy.source and str(deploy.detail).endswith(_taking(by))


def _replaced(releases: Releases, record: ReleaseRecord, now: datetime) -> Releases:
    """The releases in which the one whose place a release has taken has ended, unless it is to run on."""
    if record.replaces in {None, Result.RUNNING}:
        return releases

    def ended(release: ReleaseRecord) -> ReleaseRecord:
        detail = _detail(release, record, "changed the selector")
        return release.ending(Result(str(record.replaces)), now, detail) if release.running else release

    return replace(releases, history=tuple(map(ended, releases.history)))


def _result(last: ReleaseRecord, record: ReleaseRecord, serving: str) -> Result:
    """The result of a release once another one has taken its place; running if it runs on beside that."""
    if last.kind == Act.DEPLOY:
        if last.target == serving == record.target and last.phase in {Phase.BAKE, Phase.RETIRE}:
            return Result.RUNNING  # nothing has changed for its users, and its old colour is retired later
        is_switched = last.target == serving or last.has_switched
        return Result.ROLLED_BACK if is_switched and last.source in {serving, record.target} else Result.FAILED
    if last.kind == Act.DRILL:
        return Result.FAILED
    goes_back = record.kind == Act.ROLLBACK and record.target == last.source
    return Result.ROLLED_BACK if goes_back and last.kind == Act.SWITCH else Result.SUCCEEDED


def _detail(last: ReleaseRecord, record: ReleaseRecord, effect: str) -> str:
    """The detail of a release that another one replaces; for a switch or a rollback, with what its command has done."""
    of_command = f"its command had {effect} and has not written its end; "
    return f"{of_command if last.kind in {Act.SWITCH, Act.ROLLBACK} else ''}{_taking(record)}"


def _taking(record: ReleaseRecord) -> str:
    """The end of the detail of a release that another one replaces."""
    return f"{record.kind} {record.id} of {record.actor} took its place"


def _without_marks_of(releases: Releases, record: ReleaseRecord) -> tuple[RolledBack, ...]:
    """The versions that were rolled back, without those of a release that has not changed the selector."""
    return tuple(version for version in releases.rolled_back if version.release != record.id)
