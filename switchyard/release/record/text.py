"""Descriptions of a release for messages, and the command that finishes it."""

import shlex
from collections.abc import Mapping

from switchyard.config.commands import typed
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord


def described(record: ReleaseRecord) -> str:
    """A description of a release for messages."""
    return f"the {record.kind} of {record.tag or record.target} by {record.actor} ({record.started})"


def unfinished(record: ReleaseRecord) -> str:
    """A sentence that a release has not ended, with its phase."""
    return f"{described(record)} has not ended (phase {record.phase}{', held' if record.held else ''})"


def again(record: ReleaseRecord) -> str:
    """The command of a switch, a rollback or a drill, which continues it when run again."""
    if record.together:
        return typed(f"switchyard {record.kind} {' '.join(record.together)} --together")
    colour = f" {record.target}" if record.kind == Act.SWITCH else ""
    return typed(f"switchyard {record.kind} {record.service}{colour}")


def deploying(record: ReleaseRecord, versions: Mapping[str, str]) -> str:
    """The command that releases the version of a deploy again, with those that belong to it.

    Args:
        record: record of the release.
        versions: the versions of the services that are released together, by the key of the service.
    """
    if record.together:
        pairs = " ".join(f"{key}={shlex.quote(versions.get(key, 'TAG'))}" for key in record.together)
        return typed(f"switchyard deploy {pairs} --together")
    return typed(f"switchyard deploy {record.service} {shlex.quote(str(record.tag))}")


def finishing(record: ReleaseRecord, serving: str, beneath: ReleaseRecord | None = None) -> str:
    """The commands that end a switch or a rollback whose command was killed, without a full stop.

    Args:
        record: record of the switch or the rollback.
        serving: the colour that serves.
        beneath: the release that it was to replace, and that runs on if it has not changed the selector; None without
            one.
    """
    if record.target == serving:
        return f"{again(record)} (continues)"
    stay = typed(f"switchyard switch {record.service} {serving}")
    stay = f"{stay} (stays with {serving})"
    if beneath is not None and beneath.has_failed_watch:
        stay = f"{typed(f'switchyard abort {record.service}')} (reverts {described(beneath)})"
    elif beneath is not None and beneath.kind == Act.DEPLOY and beneath.phase not in {Phase.BAKE, Phase.RETIRE}:
        # A switch to the colour that serves would end the deploy, and leave its version without a watch.
        stay = (
            f"{typed(f'switchyard resume {record.service}')} (stays with {serving}, and continues {described(beneath)})"
        )
    return f"{again(record)} (changes the selector), or {stay}"
