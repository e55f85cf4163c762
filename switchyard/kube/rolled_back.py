"""Versions of a service that were rolled back, as the record of its releases keeps them in the cluster.

The record is ConfigMap `<name>-release` in the service's namespace. The gates read this part of it, so that no update
with a previous configuration brings such a version back.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.kube.api import BoundedApi
from switchyard.manifests.labels import MANAGED, record_name
from switchyard.release_errors import ForeignRecordError, RecordUnreadableError

RECORD_VERSION = "switchyard/record-version"
"""Annotation with the version of the record's format."""

VERSION = "1"
"""The version of the format that this program reads and writes."""

CURRENT = "current"
"""Key of the ConfigMap with the latest release, which runs or has ended."""

HISTORY = "history"
"""Key of the ConfigMap with the releases that ended, newest first."""

ROLLED_BACK = "rolledBack"
"""Key of the ConfigMap with the versions that were rolled back, newest first."""


UNTOUCHED = "Nothing was changed. "
"""Sentence of an error about the record, which is true at the start of a command."""


@dataclass(frozen=True)
class RolledBack:
    """A version that was rolled back.

    Attributes:
        colour: colour in which it served.
        tag: tag of its image.
        release: ID of the release that rolled it back.
        at: time of the rollback, RFC 3339.
        actor: operator who rolled it back.
        reason: reason of the rollback.
        because: key of the service of the same group whose version failed its watch; None if this version failed.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    colour: str
    tag: str
    release: str
    at: str
    actor: str
    reason: str | None = None
    because: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def described(self) -> str:
        """A clause that says when, by whom and why the version was rolled back."""
        because = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"was rolled back at {self.at} by {self.actor} (release {self.release}){because}"

    def to_json(self) -> dict[str, Any]:
        """The JSON of the version in the record."""
        because = {} if self.because is None else {"because": self.because}
        return {**self.others, **{key: getattr(self, key) for key in _KEYS if key != "because"}, **because}


_KEYS = ("colour", "tag", "release", "at", "actor", "reason", "because")
"""Keys of an entry of `rolledBack`."""


def unknown_keys(document: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The keys that a later program has added to a part of the record, within the same format version."""
    return {key: document[key] for key in document.keys() - set(known)}


def parse_rolled_back(config_map: Mapping[str, Any] | None) -> tuple[RolledBack, ...]:
    """The versions that were rolled back, newest first; none without a record.

    Raises:
        RecordUnreadableError: the record is of a newer version of this program, or is damaged.
    """
    entries = json_of(config_map, ROLLED_BACK, [])
    try:
        return tuple(
            RolledBack(**{key: entry[key] for key in _KEYS if key in entry}, others=unknown_keys(entry, _KEYS))
            for entry in entries
        )
    except (AttributeError, TypeError) as error:
        raise unreadable(config_map, ROLLED_BACK, str(error)) from None


def find_rolled_back(versions: Iterable[RolledBack], colour: str, tag: str | None) -> RolledBack | None:
    """The rollback of a version in a colour; None when it was not rolled back."""
    return next((version for version in versions if (version.colour, version.tag) == (colour, tag)), None)


def find_rolled_back_tag(versions: Iterable[RolledBack], tag: str) -> RolledBack | None:
    """The rollback of a version in either colour; None when it was not rolled back, or only with another service's.

    A release by command puts a version into the colour that is idle, which may be another one than before.
    """
    return next((version for version in versions if version.tag == tag and version.because is None), None)


async def read_record(api: BoundedApi, namespace: str, service: str) -> dict[str, Any] | None:
    """Reads the ConfigMap with the record of a service; None where there is none.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
    """
    return await api.find("configmaps", record_name(service), namespace)


def json_of(config_map: Mapping[str, Any] | None, key: str, default: Any) -> Any:
    """The value of a key of the record, parsed; the default where there is none.

    Raises:
        RecordUnreadableError: the record is of a newer version of this program, or the value is not JSON.
    """
    if config_map is None:
        return default
    check_version(config_map)
    text = (config_map.get("data") or {}).get(key)
    if text is None:
        return default
    try:
        return json.loads(text)
    except ValueError as error:
        raise unreadable(config_map, key, str(error)) from None


def check_version(config_map: Mapping[str, Any]) -> None:
    """Refuses a record of a newer version of this program.

    Raises:
        RecordUnreadableError: the record has another version.
    """
    version = (config_map["metadata"].get("annotations") or {}).get(RECORD_VERSION, VERSION)
    if version != VERSION:
        raise RecordUnreadableError(
            f"{_described(config_map)} has version {version} of the record, and this program knows version {VERSION}. "
            f"{UNTOUCHED}Update this checkout to the version that wrote it"
        )


def check_own(document: Mapping[str, Any]) -> None:
    """Refuses a ConfigMap or a Lease with the record's name that somebody else created.

    Raises:
        ForeignRecordError: the object lacks the labels of this program.
    """
    if not MANAGED.items() <= (document["metadata"].get("labels") or {}).items():
        raise ForeignRecordError(
            f"{_described(document)} is not of this program, and its name is that of the record of releases. "
            f"{UNTOUCHED}Rename or delete it, or give the service another name"
        )


def unreadable(config_map: Mapping[str, Any] | None, key: str, reason: str) -> RecordUnreadableError:
    """The error for a key of the record that cannot be read."""
    described = _described(config_map or {"metadata": {}})
    command = f"kubectl -n {(config_map or {}).get('metadata', {}).get('namespace')} edit configmap"
    return RecordUnreadableError(
        f"key {key} of {described} cannot be read: {reason}. {UNTOUCHED}Correct or remove the key: {command} "
        f"{(config_map or {}).get('metadata', {}).get('name')}"
    )


def _described(document: Mapping[str, Any]) -> str:
    metadata = document["metadata"]
    return f"{document.get('kind', 'ConfigMap')} {metadata.get('name')} in namespace {metadata.get('namespace')}"
