"""Determines which earlier release in the record decides what serves. Pure functions."""

from collections.abc import Mapping

from switchyard.config.models.service import Colour
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases


def latest(releases: RecordedReleases, serving: str) -> ReleaseRecord | None:
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


def latest_begun(releases: RecordedReleases) -> ReleaseRecord | None:
    """The release that began last, also a switch or a rollback that failed, after which an earlier one runs on."""
    begun = [release for release in (releases.current, *releases.history[:1]) if release is not None]
    return max(begun, key=lambda release: release.id, default=None)


def abandoned(releases: RecordedReleases, serving: str) -> ReleaseRecord | None:
    """A switch or a rollback whose command has not changed the selector, and has not written its end; None without one.

    Args:
        releases: the record of the service.
        serving: the colour that serves.
    """
    last = releases.current
    is_open = last is not None and last.running and last.kind in {Act.SWITCH, Act.ROLLBACK}
    return last if last is not None and is_open and last.target != serving else None


def left_open(releases: RecordedReleases, serving: str) -> ReleaseRecord | None:
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
