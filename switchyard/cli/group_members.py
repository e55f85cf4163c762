"""Determines which services a release continues with, because `deploy --together` started them together."""

from switchyard.cli.deploy_request import DeployRequest
from switchyard.config.commands import typed
from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings
from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.other_services import separated
from switchyard.gates.base import raise_refusal
from switchyard.kube.api import BoundedApi
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy.group_refusals import refuse_incomplete, refuse_undecided
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.earlier_releases import abandoned
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases, ReleaseStore
from switchyard.release.record.text import described

Members = tuple[dict[str, ReleaseRecord], dict[str, str]]
"""The records of the other services of a group, and the reason for each service that left the group."""


def is_watched(record: ReleaseRecord) -> bool:
    """Whether the release runs, and its watch has not passed."""
    return record.running and record.phase not in {Phase.BAKE, Phase.RETIRE}


def is_of_group(other: ReleaseRecord, record: ReleaseRecord) -> bool:
    """Whether two releases were started by the same command."""
    return (other.kind, other.together, other.started) == (record.kind, record.together, record.started)


async def members_of(api: BoundedApi, settings: StackSettings, record: ReleaseRecord) -> Members:
    """The other services of a group.

    Args:
        api: the API server.
        settings: settings of the stack.
        record: record of the release of one of the services.
    """
    running, missing = dict[str, ReleaseRecord](), dict[str, str]()
    for key in record.together:
        if key == record.service:
            continue
        service = settings.services.get(key)
        if not isinstance(service, BlueGreenSettings):
            missing[key] = "is no longer in the configuration, or has another strategy"
            continue
        releases = await ReleaseStore(api, service.namespace, service.named(key)).read()
        current = () if releases.current is None else (releases.current,)
        other = next((release for release in (*current, *releases.history) if is_of_group(release, record)), None)
        if other is None:
            missing[key] = "has not begun its release"
        elif other.running and (taking := await _taking(api, service, key, releases, other)) is not None:
            missing[key] = f"has been replaced by {described(taking)}"
        elif other.running:
            running[key] = other
        elif other.result is not Result.SUCCEEDED:
            missing[key] = f"has ended ({other.result})"
    return running, missing


async def _taking(
    api: BoundedApi, service: BlueGreenSettings, key: str, releases: RecordedReleases, other: ReleaseRecord
) -> ReleaseRecord | None:
    """The switch or the rollback that has taken the place of a running release, but has not ended; None without one."""
    current = releases.current
    if current is None or current.id == other.id or current.replaces is Result.RUNNING:
        return None
    serving = await Cluster(api).serving_track(service.namespace, service.named(key))
    return None if abandoned(releases, str(serving)) is not None else current


async def going_together(
    api: BoundedApi, settings: StackSettings, request: DeployRequest, record: ReleaseRecord | None
) -> tuple[str, ...]:
    """Keys of the services that a command works on together; empty if it works on its service alone.

    Raises:
        GateRefusedError: part of a group would be released or retired without the others.
        switchyard.config.errors.SettingsError: the settings of a service of the group have errors.
    """
    if record is None or not record.together or request.act is Act.DEPLOY:
        return ()
    if errors := separated(settings.ignored, record.together, ()).ignored:
        alone = typed(f"switchyard rollback {request.service}")
        raise SettingsError(errors, f"Or roll back {request.service} without the others: {alone}")
    running, missing = await members_of(api, settings, record)
    undecided = {key: other.phase.value for key, other in running.items() if is_watched(other)}
    if request.act is Act.RETIRE:
        raise_refusal(refuse_undecided(record, undecided))
        return ()
    if request.act is Act.RESUME:
        if not is_watched(record) and not undecided:
            return ()
        raise_refusal(refuse_incomplete(record, missing))
    if not running:
        return ()
    return tuple(sorted((record.service, *running)))
