"""Keeps the record of a service's releases in the cluster, in ConfigMap `<name>-release` beside the service.

Each write is a server-side apply of the whole record with the version that was read, so that of two writers one is
refused and neither is lost.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from switchyard.errors import ApiStatusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.rolled_back import (
    CURRENT,
    HISTORY,
    RECORD_VERSION,
    ROLLED_BACK,
    VERSION,
    RolledBack,
    check_own,
    check_version,
    json_of,
    parse_rolled_back,
    unknown_keys,
    unreadable,
)
from switchyard.manifests.labels import RECORD_MANAGER, object_labels, record_name
from switchyard.release.record.outbox import Outbox
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replaced_release import settled
from switchyard.release_errors import RecordUnreadableError

OUTBOX = "outbox"
"""Key with the messages that are still to be sent. It is absent if there are none."""

KEPT_RELEASES = 200
"""Number of releases that the history keeps."""

HISTORY_BYTES = 900_000
"""Largest size of the history in bytes. Older releases that do not fit are dropped."""

RECORD_BYTES = 1_000_000
"""Largest size of the record in bytes, as a ConfigMap holds 1 MiB. The history leaves room for the other keys."""

TEXT_CHARACTERS = 4_000
"""Largest number of characters of a text in the record. The message of an engine or an API server may be longer."""

KEPT_ROLLBACKS = 20
"""Number of rolled-back versions that the record keeps."""

ATTEMPTS = 5
"""Attempts of a write if another command has only recorded in the meantime that messages were sent."""


@dataclass(frozen=True)
class RecordedReleases:
    """The record of a service's releases.

    Attributes:
        current: the latest release; None without one.
        history: ended releases, newest first.
        rolled_back: versions that were rolled back, newest first.
        outbox: messages that are still to be sent.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    current: ReleaseRecord | None = None
    history: tuple[ReleaseRecord, ...] = ()
    rolled_back: tuple[RolledBack, ...] = ()
    outbox: Outbox = field(default_factory=Outbox)
    others: Mapping[str, str] = field(default_factory=dict, compare=False)

    def differs_in_messages_alone(self, other: "RecordedReleases") -> bool:
        """Whether two records are equal, apart from the waiting messages."""
        return replace(self, outbox=other.outbox) == other

    def writing(self, record: ReleaseRecord) -> "RecordedReleases":
        """The record with a release. A release that has ended is moved into the history."""
        history = self.history
        if not record.running:
            others = tuple(other for other in history if other.id != record.id)
            history = (record, *others)[:KEPT_RELEASES]
        return replace(self, current=record, history=history)

    def rolling_back(self, version: RolledBack) -> "RecordedReleases":
        """The record with one more version that was rolled back.

        An earlier mark of the version stays, in case this rollback fails.
        """
        same = (version.colour, version.tag, version.release)
        others = tuple(other for other in self.rolled_back if (other.colour, other.tag, other.release) != same)
        return replace(self, rolled_back=(version, *others)[:KEPT_ROLLBACKS])

    def permitting(self, tag: str | None) -> "RecordedReleases":
        """The record without a version that was rolled back, in either colour, so that it is permitted again."""
        return replace(self, rolled_back=tuple(version for version in self.rolled_back if version.tag != tag))


class ReleaseStore:
    """The record of one service in its cluster.

    Calls raise `switchyard.errors.ReleaseError` for a record that cannot be used, and `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        namespace: namespace of the service.
        name: name of the service.
        queued: adds the messages that a change causes, given the record before and after it.

    Attributes:
        outbox: the messages that waited when the record was last read or written.
    """

    def __init__(
        self,
        api: BoundedApi,
        namespace: str,
        name: str,
        queued: Callable[[RecordedReleases, RecordedReleases], RecordedReleases] = lambda _, after: after,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._service = name
        self._queued = queued
        self._resource_version: str | None = None
        self._writing = asyncio.Lock()
        self.outbox = Outbox()

    async def read(self) -> RecordedReleases:
        """Reads the record; returns an empty one if there is none yet."""
        live = await self._api.find("configmaps", record_name(self._service), self._namespace)
        self._resource_version = None
        if live is None:
            return RecordedReleases()
        releases = parse_releases(live)
        self._resource_version = live["metadata"]["resourceVersion"]
        self.outbox = releases.outbox
        return releases

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        """Reads the record, changes it and writes it, with the messages that the change causes.

        Args:
            change: returns the changed record for a given record.

        Raises:
            switchyard.errors.ApiStatusError: status 409 when another command has written a release in between.
        """
        async with self._writing:  # messages are sent, and their end is written, beside a release
            before = await self.read()
            for _ in range(ATTEMPTS - 1):
                try:
                    return await self._write(self._queued(before, change(before)))
                except ApiStatusError as error:
                    if error.status_code != httpx.codes.CONFLICT:
                        raise
                    now = await self.read()
                    if not before.differs_in_messages_alone(now):
                        raise
                    before = now
            return await self._write(self._queued(before, change(before)))

    async def _write(self, releases: RecordedReleases) -> RecordedReleases:
        written = await self._api.ask(
            "patch",
            "configmaps",
            record_name(self._service),
            self._namespace,
            params={"fieldManager": RECORD_MANAGER, "force": "true"},
            headers={"content-type": "application/apply-patch+yaml"},  # JSON is YAML
            content=json.dumps(self._manifest(releases)),
        )
        self._resource_version = written["metadata"]["resourceVersion"]
        self.outbox = releases.outbox
        return releases

    def _manifest(self, releases: RecordedReleases) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {
            "name": record_name(self._service),
            "namespace": self._namespace,
            "labels": object_labels(self._service),
            "annotations": {RECORD_VERSION: VERSION},
        }
        if self._resource_version is not None:
            metadata["resourceVersion"] = self._resource_version
        texts = {
            **releases.others,
            ROLLED_BACK: _json([version.to_json() for version in releases.rolled_back]),
        }
        if releases.current is not None:
            texts[CURRENT] = _json(releases.current.to_json())
        if releases.outbox != Outbox():
            texts[OUTBOX] = _json(releases.outbox.to_json())
        room = RECORD_BYTES - sum(len(text.encode()) for text in texts.values())
        texts[HISTORY] = _history_text(releases.history, min(HISTORY_BYTES, room))
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": texts}


def parse_releases(live: Mapping[str, Any]) -> RecordedReleases:
    """The record in a ConfigMap, in which an earlier version of the program has left no release running.

    Args:
        live: the ConfigMap.

    Raises:
        switchyard.errors.ReleaseError: the record is of a newer version of this program, of somebody else, or broken.
    """
    check_own(live)
    check_version(live)
    document, entries = json_of(live, CURRENT, None), json_of(live, HISTORY, [])
    try:
        current, history = settled(
            None if document is None else ReleaseRecord.from_json(document),
            [ReleaseRecord.from_json(release) for release in entries],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unreadable(live, f"{CURRENT} or {HISTORY}", repr(error)) from None
    others = unknown_keys(live.get("data") or {}, (CURRENT, HISTORY, OUTBOX, ROLLED_BACK))
    return RecordedReleases(current, history, parse_rolled_back(live), _outbox(live), others)


def _outbox(live: Mapping[str, Any]) -> Outbox:
    """The waiting messages. An invalid key stops no release."""
    try:
        return Outbox.from_json(json_of(live, OUTBOX, None))
    except RecordUnreadableError:
        return Outbox(dropped=1)


def _history_text(history: Sequence[ReleaseRecord], room: int) -> str:
    """The newest releases of the history that fit into a number of bytes."""
    size, texts = 0, []
    for release in history:
        text = _json(release.to_json())
        size += len(text.encode()) + 1
        if size > room:
            break
        texts.append(text)
    return f"[{','.join(texts)}]"


def _json(value: object) -> str:
    return json.dumps(_shortened(value), separators=(",", ":"))


def _shortened(value: Any) -> Any:
    """A JSON value in which no text is longer than the record permits."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_CHARACTERS else f"{value[: TEXT_CHARACTERS - 3]}..."
    if isinstance(value, Mapping):
        return {key: _shortened(entry) for key, entry in value.items()}
    return [_shortened(entry) for entry in value] if isinstance(value, list | tuple) else value
