"""The record of a switch or a rollback: in the cluster beside the service, so that every operator sees it.

ConfigMap `<name>-release` has, as JSON, under `current` the latest release, under `history` those that ended, newest
first, and under `rolledBack` the versions that were rolled back.
"""

import getpass
import json
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from switchyard.kube.api import BoundedApi
from switchyard.manifests.labels import FIELD_MANAGER, object_labels
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import Receipt

RECORD_VERSION = "switchyard/record-version"
"""Annotation: the version of the form of the record."""

HISTORY = 200
"""Releases that the history keeps."""

ROLLED_BACK = 20
"""Versions that were rolled back that the record keeps."""


@dataclass(frozen=True)
class Entry:
    """One release of the record."""

    document: dict[str, Any]

    @property
    def kind(self) -> str:
        """Deploy, switch or rollback."""
        return str(self.document.get("kind"))

    @property
    def source(self) -> str:
        """The colour that served before."""
        return str(self.document.get("from"))

    @property
    def target(self) -> str:
        """The colour that was to serve."""
        return str(self.document.get("to"))

    @property
    def from_tag(self) -> str | None:
        """The version that served before."""
        return self.document.get("fromTag")

    @property
    def result(self) -> str:
        """How it ended, or that it runs."""
        return str(self.document.get("result"))

    @property
    def started(self) -> str:
        """When it began, RFC 3339."""
        return str(self.document.get("started"))

    @property
    def actor(self) -> str:
        """Who began it."""
        return str(self.document.get("actor"))


class ReleaseJournal:
    """The record of one service. Calls raise `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        namespace: of the service.
        name: of the service.
    """

    def __init__(self, api: BoundedApi, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._data: dict[str, Any] = {}
        self._version: str | None = None

    async def last(self) -> Entry | None:
        """The record of the latest release; None where there is none."""
        await self._read()
        current = self._data.get("current")
        return Entry(current) if isinstance(current, dict) else None

    @asynccontextmanager
    async def held(self, act: Act) -> AsyncGenerator[None, None]:  # noqa: ARG002 - of the protocol
        """The record as it is now, within the block."""
        await self._read()
        yield

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Writes that a release runs, before anything is changed. Returns when it began."""
        started = _now()
        before = self._data.get("current") or {}
        if plan.patch or before.get("to") != plan.target:
            before = {"from": plan.source.colour.value, "fromTag": plan.source.tag}
        entry = {
            "id": secrets.token_hex(4),
            "kind": plan.act.value,
            "service": plan.observation.name.key,
            "from": before["from"] if before["from"] != plan.target else plan.target.other.value,
            "to": plan.target.value,
            "fromTag": before["fromTag"] if before["from"] != plan.target else None,
            "tag": plan.to_tag,
            "actor": getpass.getuser(),
            "host": socket.gethostname(),
            "reason": reason,
            "phase": "switch",
            "result": "running",
            "started": started,
            "ended": None,
            "receipt": None,
        }
        self._data["current"] = entry
        if plan.act is Act.ROLLBACK and plan.patch:
            version = {"colour": entry["from"], "tag": entry["fromTag"], "release": entry["id"], "at": started}
            rolled_back = [version | {"actor": entry["actor"], "reason": reason}, *self._data.get("rolledBack", [])]
            self._data["rolledBack"] = rolled_back[:ROLLED_BACK]
        await self._write()
        return started

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how the release ended, and moves it into the history."""
        ended = {
            **self._data["current"],
            "result": "succeeded" if succeeded else "failed",
            "ended": _now(),
            "detail": detail,
            "receipt": None if receipt is None else receipt.to_json(),
        }
        self._data["current"] = ended
        self._data["history"] = [ended, *self._data.get("history", [])][:HISTORY]
        if not succeeded or ended["kind"] == Act.SWITCH:
            self._data["rolledBack"] = [
                version
                for version in self._data.get("rolledBack", [])
                if version["release"] != ended["id"]
                and (version["colour"], version["tag"]) != (ended["to"], ended["tag"])
            ]
        await self._write()

    async def _read(self) -> None:
        found = await self._api.find("configmaps", f"{self._name}-release", self._namespace)
        self._version = None if found is None else found["metadata"]["resourceVersion"]
        self._data = {key: json.loads(text) for key, text in ((found or {}).get("data") or {}).items()}

    async def _write(self) -> None:
        name, version = f"{self._name}-release", {"resourceVersion": self._version} if self._version else {}
        written = await self._api.ask(
            "patch",
            "configmaps",
            name,
            self._namespace,
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"content-type": "application/apply-patch+yaml"},
            content=json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": name,
                        "namespace": self._namespace,
                        "labels": object_labels(self._name),
                        "annotations": {RECORD_VERSION: "1"},
                        **version,
                    },
                    "data": {key: json.dumps(value) for key, value in self._data.items()},
                }
            ),
        )
        self._version = written["metadata"]["resourceVersion"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
