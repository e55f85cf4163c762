"""Determines which versions of a service no longer work, because a release has started an irreversible hook.

The record of the releases has the hooks and the versions. Commands read the whole record. The gates of an update read
only this part, so that no update with a previous configuration brings such a version back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from switchyard.kube.rolled_back import CURRENT, HISTORY, json_of, unreadable

DRILL = "drill"
"""The kind of a release that switches and switches back."""

SUCCEEDED = "succeeded"
"""The result of a release whose version has served."""


class BegunHook(Protocol):
    """A hook of a release, as its record has it."""

    @property
    def name(self) -> str:
        """Name of the hook."""

    @property
    def started(self) -> str:
        """Time at which the hook was started, RFC 3339."""

    @property
    def ended(self) -> str | None:
        """Time at which its outcome was known, RFC 3339; None before."""

    @property
    def outcome(self) -> str | None:
        """Outcome of the hook: ``passed``, ``failed`` or ``unknown``; None before it is known."""


class RecordedRelease(Protocol):
    """A release in the record of a service: its colours, versions, actor and result."""

    @property
    def kind(self) -> str:
        """Kind of the release: deploy, switch, rollback or drill."""

    @property
    def source(self) -> str:
        """The colour that served before."""

    @property
    def target(self) -> str:
        """The colour that was to serve."""

    @property
    def from_tag(self) -> str | None:
        """The version that served before; None where it is not known."""

    @property
    def tag(self) -> str | None:
        """The version that was to serve; None where it is not known."""

    @property
    def result(self) -> str:
        """Result of the release, or that it is running."""

    @property
    def actor(self) -> str:
        """The operator who started the release."""


class PastRelease(RecordedRelease, Protocol):
    """A release in the record of a service, with its hooks."""

    @property
    def id(self) -> str:
        """ID of the release."""

    @property
    def irreversible(self) -> BegunHook | None:
        """The first irreversible hook that was started; None without one."""


@dataclass(frozen=True)
class IncompatibleVersion:
    """The reason why a version no longer works.

    Attributes:
        release: the release after which it no longer works.
        hook: the irreversible hook of that release.
        is_before: whether no other version has served since, so that a rollback goes to this version.
    """

    release: PastRelease
    hook: BegunHook
    is_before: bool

    def __str__(self) -> str:
        release, hook = self.release, self.hook
        condition = {
            "passed": f"has run at {hook.ended}",
            "failed": f"has failed at {hook.ended}, after it had begun",
        }.get(hook.outcome or "", f"was begun at {hook.started}, and may have run")
        return (
            f"hook {hook.name} of the release of {release.tag or release.target} ({release.id}, by {release.actor}) "
            f"{condition}; it is irreversible, and {release.from_tag or release.source} no longer works after it"
        )


def find_incompatible_version(
    releases: Iterable[PastRelease | None], colour: str, tag: str | None
) -> IncompatibleVersion | None:
    """The reason why a version no longer works; None if the record has none.

    Releases that never served change nothing about it. A later one by which that very version has served does: it has
    been proved against what the hook has left, or an operator has answered for it.

    Args:
        releases: releases of the service, newest first.
        colour: colour of the version.
        tag: the version; None where it is not known.
    """
    is_before = True
    for release in releases:
        if release is None:
            continue
        hook = release.irreversible
        if hook is not None and release.source == colour and tag in {None, release.from_tag}:
            return IncompatibleVersion(release, hook, is_before)
        if release.kind != DRILL and release.result == SUCCEEDED:
            if release.tag == tag:
                return None
            is_before = False
    return None


@dataclass(frozen=True)
class _Hook:
    """The fields of a recorded hook that the gates read."""

    name: str
    started: str
    ended: str | None
    outcome: str | None


@dataclass(frozen=True)
class _Release:
    """The fields of a recorded release that the gates read."""

    id: str
    kind: str
    source: str
    target: str
    from_tag: str | None
    tag: str | None
    actor: str
    result: str
    irreversible: _Hook | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "_Release":
        hook = next((hook for hook in document.get("hooks") or () if hook.get("irreversible")), None)
        return cls(
            id=str(document["id"]),
            kind=str(document["kind"]),
            source=str(document["from"]),
            target=str(document["to"]),
            from_tag=document.get("fromTag"),
            tag=document.get("tag"),
            actor=str(document["actor"]),
            result=str(document["result"]),
            irreversible=hook
            and _Hook(str(hook["name"]), str(hook["started"]), hook.get("ended"), hook.get("outcome")),
        )


def parse_releases(config_map: Mapping[str, Any] | None) -> tuple[PastRelease, ...]:
    """The releases of a service, newest first; none without a record.

    Raises:
        RecordUnreadableError: the record is of a newer version of this program, or is not valid.
    """
    current, history = json_of(config_map, CURRENT, None), json_of(config_map, HISTORY, [])
    try:
        return tuple(_Release.from_json(release) for release in ([] if current is None else [current]) + history)
    except (AttributeError, KeyError, TypeError) as error:
        raise unreadable(config_map, f"{CURRENT} or {HISTORY}", repr(error)) from None
