"""One release takes the place of another that has not ended. Pure functions.

What becomes of the earlier release is decided when the later one begins, and happens when it has succeeded: until then
the earlier one stays in the history as one that runs. If the later one fails, or its command is killed before it has
changed the selector, the earlier one is the latest release again, as if the later one had not been tried.
"""

from dataclasses import replace
from datetime import datetime

from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Result
from switchyard.release.record.earlier_releases import abandoned
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replaced_release import CHANGED, SWITCHES, ended_by, result_of, running_in
from switchyard.release.record.store import RecordedReleases


def beginning(releases: RecordedReleases, record: ReleaseRecord, serving: str, now: datetime) -> RecordedReleases:
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
    if last.kind in SWITCHES:
        if abandoned(releases, serving) is not None:
            ended = ended_by(last, record, Result.FAILED, now, f"not changed the selector from {serving}")
            return beginning(ending(releases, ended, now), record, serving, now)
        if last.replaces is Result.RUNNING:
            ended = ended_by(last, record, Result.SUCCEEDED, now, CHANGED)
            return beginning(ending(releases, ended, now), record, serving, now)
        # It has changed the selector, and so has decided about the one before.
        releases, last = _replaced(releases, last, now), replace(last, replaces=None)
    record = replace(record, replaces=result_of(last, record, serving))
    return replace(releases, current=record, history=(last, *releases.history))


def ending(releases: RecordedReleases, record: ReleaseRecord, now: datetime) -> RecordedReleases:
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
    runs = running_in(releases.history)
    if replaces is not Result.RUNNING or runs is None:
        return releases
    return replace(releases, current=runs, history=tuple(release for release in releases.history if release != runs))


def without_abandoned(releases: RecordedReleases, serving: str, now: datetime) -> RecordedReleases:
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


def beneath(releases: RecordedReleases, serving: str) -> ReleaseRecord | None:
    """The release that runs on beneath a switch or a rollback whose command was killed; None without one.

    Args:
        releases: the releases.
        serving: the colour that serves.
    """
    last = abandoned(releases, serving)
    return None if last is None or last.replaces is None else running_in(releases.history)


def _replaced(releases: RecordedReleases, record: ReleaseRecord, now: datetime) -> RecordedReleases:
    """The releases in which the one whose place a release has taken has ended, unless it is to run on."""
    if record.replaces in {None, Result.RUNNING}:
        return releases

    def ended(release: ReleaseRecord) -> ReleaseRecord:
        result = Result(str(record.replaces))
        return ended_by(release, record, result, now, CHANGED) if release.running else release

    return replace(releases, history=tuple(map(ended, releases.history)))


def _without_marks_of(releases: RecordedReleases, record: ReleaseRecord) -> tuple[RolledBack, ...]:
    """The versions that were rolled back, without those of a release that has not changed the selector."""
    return tuple(version for version in releases.rolled_back if version.release != record.id)
