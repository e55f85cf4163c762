"""The versions of the Secrets and ConfigMaps that a service's pods read, compared with those in the record."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchyard.errors import SwitchyardError
from switchyard.kube.api import BoundedApi
from switchyard.kube.content import versions_now
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.warnings import content_changed
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases, ReleaseStore


@dataclass(frozen=True)
class ContentSeen:
    """The versions of the objects that the pods of the new version read, and their changes.

    Attributes:
        versions: the versions, by kind and name, for example ``secret/backend``.
        warning: a warning about objects that changed since the version last served; None without known changes.
        problem: why the versions could not be read; empty if they were read.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    warning: str | None = None
    problem: str = ""


async def see_content(api: BoundedApi, plan: Plan) -> ContentSeen:
    """Reads the versions of the objects, and for a rollback those that its version served with. Raises no error.

    Args:
        api: the API server.
        plan: the switch, which is done.
    """
    observation = plan.observation
    settings = observation.settings
    try:
        versions = await versions_now(api, settings, plan.target)
        if plan.act is not Act.ROLLBACK or not versions:
            return ContentSeen(versions)
        releases = await ReleaseStore(api, settings.namespace, observation.name).read()
    except SwitchyardError as error:
        return ContentSeen(problem=str(error))
    before = last_served(releases, plan)
    if before is None:
        return ContentSeen(versions)
    changed = [key for key, version in versions.items() if before.content.get(key, version) != version]
    return ContentSeen(versions, content_changed(plan, changed, before.started))


def last_served(releases: RecordedReleases, plan: Plan) -> ReleaseRecord | None:
    """The latest release by which the version of a rollback served and which has the versions of its objects."""
    current = [releases.current] if releases.current is not None else []
    return next(
        (
            record
            for record in (*current, *releases.history)
            if record.content and record.target == plan.target and record.tag == plan.to_tag
        ),
        None,
    )
