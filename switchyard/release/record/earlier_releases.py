"""Determines which earlier release in the record decides what serves. Pure functions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from switchyard.config.models.service import Colour
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import Releases


def latest(releases: Releases, serving: str) -> ReleaseRecord | None:
    """The latest release that may have changed the serving colour; None without one.

    A drill that ended has changed nothing, and neither has a switch or a rollback that failed, or whose command was
    killed before it changed the selector. A release that ended before its switch changed the idle colour alone; it is
    returned only if there is no other release.

    Args:
        releases: the record of the service.
        serving: the colour that serves.
    """
    current = () if releases.current is None else (releases.current,)
    others = [release for release in (*current, *releases.history) if not _has_changed_nothing(release, serving)]
    return next((release for release in others if not _ended_before_switch(release)), next(iter(others), None))


def abandoned(releases: Releases, serving: str) -> ReleaseRecord | None:
    """A switch or a rollback whose command has not changed the selector, and has not written its end; None without one.

    Args:
        releases: the record of the service.
        serving: the colour that serves.
    """
    last = releases.current
    is_open = last is not None and last.running and last.kind in {Act.SWITCH, Act.ROLLBACK}
    return last if last is not None and is_open and last.target != serving else None


def left_open(releases: Releases, serving: str) -> ReleaseRecord | None:
    """The running release that a switch to the colour that serves continues or ends; None without one.

    A deploy whose watch has passed is not ended: its version serves already, and its old colour is retired later.

    Args:
        releases: the record of the service.
        serving: the colour that serves.
    """
    last = releases.current
    if last is None or not last.running or last.target != serving:
        return abandoned(releases, serving)
    return None if last.kind == Act.DEPLOY and last.phase in {Phase.BAKE, Phase.RETIRE} else last


def has_not_switched(release: ReleaseRecord, serving: str) -> bool:
    """Whether a release is a switch that has failed, or whose command was killed, while the other colour served.

    Args:
        release: the latest release.
        serving: the colour that serves.
    """
    is_undone = release.running or release.result is Result.FAILED
    return release.kind == Act.SWITCH and is_undone and release.target != serving


def unfinished_target(last: ReleaseRecord | None) -> Colour | None:
    """The target of an unfinished switch of several services for one of them; None without one."""
    if last is None or not last.running or last.kind != Act.SWITCH or not last.together:
        return None
    return Colour(last.target)


def unreached(latest: Mapping[str, ReleaseRecord | None], serving: Mapping[str, Colour]) -> set[str]:
    """The services that a killed switch of several services has not switched, although it has switched others.

    A rollback of all of them rolls back the switched services, and leaves these.

    Args:
        latest: the latest release of each service; None without one.
        serving: the serving colour of each service.
    """
    switches = {
        key: last for key, last in latest.items() if last is not None and last.kind == Act.SWITCH and last.together
    }
    split = {last.together for key, last in switches.items() if last.running and last.target == serving[key]}
    return {
        key for key, last in switches.items() if last.together in split and has_not_switched(last, serving[key].value)
    }


def superseded(releases: Releases, record: ReleaseRecord, serving: str, now: datetime) -> Releases:
    """The releases with the running one moved into the history, because another release replaces it.

    Args:
        releases: the releases before the change.
        record: record of the release that replaces it. With the same ID, it continues the running release.
        serving: the colour that serves.
        now: the time by the API server's clock.
    """
    last = releases.current
    if last is None or not last.running or last.id == record.id:
        return releases
    result = _result(last, record, serving)
    ended = last.ending(result, now, f"{_of_command(last, serving)}{_taking(record)}")
    if last.kind == Act.ROLLBACK and result is Result.FAILED:
        releases = replace(releases, rolled_back=without_marks_of(releases, last))
    return releases.writing(ended)


def is_taken_back(deploy: ReleaseRecord, by: ReleaseRecord) -> bool:
    """Whether a switch by command has taken a deploy back to the version that served before it.

    Args:
        deploy: record of the release that may have been taken back.
        by: record of the switch.
    """
    if deploy.kind != Act.DEPLOY or deploy.result is not Result.ROLLED_BACK or by.kind != Act.SWITCH:
        return False
    return by.target == deploy.source and str(deploy.detail).endswith(_taking(by))


def _taking(record: ReleaseRecord) -> str:
    """The end of the detail of a release that another one replaces."""
    return f"{record.kind} {record.id} of {record.actor} took its place"


def without_marks_of(releases: Releases, record: ReleaseRecord) -> tuple[RolledBack, ...]:
    """The versions that were rolled back, without those of a rollback that has not changed the selector.

    Args:
        releases: the record of the service.
        record: record of the rollback.
    """
    return tuple(version for version in releases.rolled_back if version.release != record.id)


def _result(last: ReleaseRecord, record: ReleaseRecord, serving: str) -> Result:
    """The result of a release that another one replaces."""
    if last.kind == Act.DEPLOY:
        is_switched = last.target == serving or last.has_switched
        return Result.ROLLED_BACK if is_switched and last.source in {serving, record.target} else Result.FAILED
    if last.kind == Act.DRILL or last.target != serving:
        return Result.FAILED
    goes_back = record.kind == Act.ROLLBACK and record.target == last.source
    return Result.ROLLED_BACK if goes_back and last.kind == Act.SWITCH else Result.SUCCEEDED


def _of_command(last: ReleaseRecord, serving: str) -> str:
    """A clause about the command of a switch or a rollback that has not recorded its end."""
    if last.kind not in {Act.SWITCH, Act.ROLLBACK}:
        return ""
    effect = "had changed the selector" if last.target == serving else f"had not changed the selector from {serving}"
    return f"its command {effect} and has not written its end; "


def _ended_before_switch(release: ReleaseRecord) -> bool:
    if release.kind != Act.DEPLOY or release.result not in {Result.REFUSED, Result.FAILED}:
        return False
    # A switch by command takes the place of a release whose version serves already, and may have failed itself.
    return not release.has_switched


def _has_changed_nothing(release: ReleaseRecord, serving: str) -> bool:
    if release.kind == Act.SWITCH:  # it fails when the Service was read again, and had not changed
        return release.result is Result.FAILED or has_not_switched(release, serving)
    if release.kind == Act.ROLLBACK:
        return release.target != serving and (release.running or release.result is Result.FAILED)
    return release.kind == Act.DRILL and not release.running
