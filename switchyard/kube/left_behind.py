"""Versions of a service that no longer work, because a release has begun an irreversible hook.

The record of the releases has the hooks and the versions. Commands read the whole record. The gates of an update read
only this part, so that no update with a previous configuration brings such a version back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from switchyard.kube.rolled_back import CURRENT, HISTORY, json_of, unreadable

DRILL = "drill"
"""The kind of a release that ends where it began."""

SUCCEEDED = "succeeded"
"""The result of a release by which its version has served."""


class BegunHook(Protocol):
    """A hook of a release, as its record has it."""

    @property
    def name(self) -> str:
        """Of the hook."""

    @property
    def started(self) -> str:
        """When it was begun, RFC 3339."""

    @property
    def ended(self) -> str | None:
        """When its outcome was known; None before."""

    @property
    def outcome(self) -> str | None:
        """``passed``, ``failed`` or ``unknown``; None before."""


class RecordedRelease(Protocol):
    """A release of a service, as its record has it: who sent the traffic from where to where, and what became of it."""

    @property
    def kind(self) -> str:
        """What it was: deploy, switch, rollback or drill."""

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
        """How it ended, or that it runs."""

    @property
    def actor(self) -> str:
        """Who began it."""


class PastRelease(RecordedRelease, Protocol):
    """A release of a service, with its hooks."""

    @property
    def id(self) -> str:
        """Of the release."""

    @property
    def irreversible(self) -> BegunHook | None:
        """The first hook that was begun and cannot be undone; None without one."""


@dataclass(frozen=True)
class LeftBehind:
    """A version that no longer works, and why.

    Attributes:
        release: after which it does not.
        hook: of that release, which cannot be undone.
        is_before: whether nothing else has served since, so that a rollback goes to this version.
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


def find_left_behind(releases: Iterable[PastRelease | None], colour: str, tag: str | None) -> LeftBehind | None:
    """Why a version that is to serve again no longer works; None where nothing says so.

    Releases that never served change nothing about it. A later one by which that very version has served does: it has
    been proved against what the hook has left, or an operator has answered for it.

    Args:
        releases: newest first.
        colour: of the version.
        tag: the version; None where it is not known.
    """
    is_before = True
    for release in releases:
        if release is None:
            continue
        hook = release.irreversible
        if hook is not None and release.source == colour and tag in {None, release.from_tag}:
            return LeftBehind(release, hook, is_before)
        if release.kind != DRILL and release.result == SUCCEEDED:
            if release.tag == tag:
                return None
            is_before = False
    return None


@dataclass(frozen=True)
class _Hook:
    """What the gates need of a hook."""

    name: str
    started: str
    ended: str | None
    outcome: str | None


@dataclass(frozen=True)
class _Release:
    """What the gates need of a release."""

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
        RecordUnreadableError: the record is of a newer version of this program, or somebody has broken it.
    """
    current, history = json_of(config_map, CURRENT, None), json_of(config_map, HISTORY, [])
    try:
        return tuple(_Release.from_json(release) for release in ([] if current is None else [current]) + history)
    except (AttributeError, KeyError, TypeError) as error:
        raise unreadable(config_map, f"{CURRENT} or {HISTORY}", repr(error)) from None
