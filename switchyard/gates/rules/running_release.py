"""Refuses an update that would end a running release: by an older configuration, or by the removal of the service."""

from collections.abc import Iterable

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.incompatible_version import RecordedRelease
from switchyard.manifests.labels import record_name

DEPLOY = "deploy"
"""The kind of a release that watches its new version."""

RUNNING = "running"
"""The result of a release that has not ended."""


def find_outdated(
    service: ServiceSettings, to: Track, serving: Track | None, releases: Iterable[RecordedRelease]
) -> RecordedRelease | None:
    """The release that a switch would end, and that the configuration does not have; None without one.

    A configuration with the version of the release is one that an operator has changed since, so that the old colour
    serves again. That is a rollback, which nothing refuses.

    Args:
        service: settings of the service.
        to: the track that would receive the traffic.
        serving: the track that serves; None without one.
        releases: releases of the service, newest first.
    """
    latest = next(iter(releases), None)
    if latest is None or serving is None or (latest.kind, latest.result) != (DEPLOY, RUNNING):
        return None
    is_ended = (latest.source, latest.target) == (to.value, serving.value)
    return latest if is_ended and service.own(serving).tag != latest.tag else None


def refuse_outdated(name: str, to: Track, release: RecordedRelease) -> Refusal:
    """Refuses a switch that would end a release whose command is running.

    Args:
        name: name of the service.
        to: the track that would receive the traffic.
        release: the release.
    """
    key = key_of(name)
    return Refusal(
        code=Code.RELEASE_IN_PROGRESS,
        step=f"{key}: the switch to {to}",
        observed=f"the deploy of {release.tag} by {release.actor} is running, and this configuration does not have it",
        rule="a configuration that is older than a running release does not end it",
        remedy=(
            f"{release.target} continues to serve. What the release does: {typed('switchyard status')}. To have {to} "
            f"serve again: {typed(f'switchyard abort {key}')}. Otherwise update with the configuration of the release, "
            "once it has ended"
        ),
    )


def refuse_removal(name: str, namespace: str, holder: str | None) -> Refusal | None:
    """Refuses to remove a service while a command on its releases is running.

    Args:
        name: name of the service.
        namespace: namespace of the service.
        holder: identity of the running command, as its Lease has it; None without one.
    """
    if holder is None:
        return None
    user, _, process = holder.partition("/")
    return Refusal(
        code=Code.RELEASE_IN_PROGRESS,
        step=f"{key_of(name)}: its removal from namespace {namespace}",
        observed=f"{user} (process {process.partition('/')[0]}) is running a command on its releases",
        rule="a service is not removed while a command releases it",
        remedy=(
            f"Nothing was changed. Wait until the command has ended, then run `{typed('pulumi up')}` again. Its Lease: "
            f"kubectl -n {namespace} get lease {record_name(name)} -o yaml"
        ),
    )
