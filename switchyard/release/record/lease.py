"""The Lease of a service: one command at a time releases it.

A command renews its Lease while it runs. All times are of the API server's clock, so that an operator's own clock may
be wrong by hours. A Lease that was not renewed for its duration is free, because its holder has died. If its time is in
the future, because a clock was set back, this command decides by the renewals that it sees.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import httpx

from switchyard.config.commands import typed
from switchyard.config.kubernetes import COORDINATION
from switchyard.errors import ApiStatusError, ClusterError
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock, from_text
from switchyard.kube.release_lease import DURATION_SECONDS
from switchyard.kube.rolled_back import check_own
from switchyard.manifests.labels import object_labels, record_name
from switchyard.release.record.lease_holder import HOLDER, Held, Holder
from switchyard.release_errors import LeaseHeldError, LeaseLostError

RENEW_SECONDS = 5
"""Seconds between two renewals."""

FRESH_SECONDS = 1
"""Seconds for which a renewal need not be repeated before something is written."""

ATTEMPTS = 5
"""Number of attempts to take a Lease that others change at the same time."""

CHANGED = frozenset({httpx.codes.CONFLICT, httpx.codes.NOT_FOUND})
"""Statuses of a write whose object somebody has changed, created or deleted since it was read."""


class ReleaseLease:
    """The Lease of one service, held by one command.

    Args:
        api: the API server.
        namespace: namespace of the service.
        name: name of the service.
        holder: this command.
        clock: clock of the API server.
        urgent: whether to take the Lease of a running command that may be interrupted.

    Attributes:
        interrupted: description of the holder from which it took the Lease; None without one.
    """

    def __init__(
        self,
        api: BoundedApi,
        namespace: str,
        name: str,
        holder: Holder,
        clock: ServerClock,
        *,
        urgent: bool = False,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._service = name
        self._name = record_name(name)
        self._holder = holder
        self._clock = clock
        self._urgent = urgent
        self.interrupted: str | None = None
        self._phase = holder.phase
        self._document: dict[str, Any] = {}
        self._lost = False
        self._written = 0.0
        self._seen: tuple[str, datetime, datetime] | None = None
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncGenerator["ReleaseLease", None]:
        """Holds the Lease within the block, and renews it in the background.

        Raises:
            LeaseHeldError: another command holds it.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """
        await self._acquire()
        renewal = asyncio.create_task(self._renew())
        try:
            yield self
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
            with suppress(LeaseLostError, ClusterError):
                await self._release()

    @property
    def is_fresh(self) -> bool:
        """Whether the API server has just confirmed that this command holds the Lease."""
        return not self._lost and time.monotonic() - self._written < FRESH_SECONDS

    async def enter(self, phase: str) -> None:
        """Writes the present phase of the command to the Lease.

        Raises:
            LeaseLostError: another command has taken the Lease.
        """
        self._phase = phase
        await self.confirm()

    async def confirm(self) -> None:
        """Renews the Lease now, to check that this command still holds it.

        Raises:
            LeaseLostError: another command has taken the Lease.
            switchyard.errors.ClusterError: the API server does not answer.
        """
        if self._lost:
            raise LeaseLostError(lost_text(self._service, self._namespace))
        await self._write(self._spec(from_text(self._document["spec"]["acquireTime"])))

    async def holder(self) -> Held | None:
        """The running command that holds the Lease; None without one."""
        return self._holder_of(await self._read())

    async def check_free(self) -> None:
        """Reads whether this command could take the Lease now.

        Raises:
            LeaseHeldError: another command holds it.
        """
        other = await self.holder()
        if other is not None and not (self._urgent and other.may_be_interrupted):
            raise self._held_by(other)

    async def _acquire(self) -> None:
        """Takes the Lease."""
        attempts = 0
        while True:
            attempts += 1
            live = await self._read()
            other, now = self._holder_of(live), self._clock.now()
            if other is not None:
                if not self._urgent or not other.may_be_interrupted:
                    raise self._held_by(other)
                self.interrupted = other.described(now)
            self._document = live or self._new()
            try:
                await self._write(self._spec(now))
            except ApiStatusError as error:
                if error.status_code not in CHANGED or attempts == ATTEMPTS:
                    raise
            else:
                return

    async def _read(self) -> dict[str, Any] | None:
        live: dict[str, Any] | None = await self._api.find("leases", self._name, self._namespace, COORDINATION)
        return live

    def _holder_of(self, live: dict[str, Any] | None) -> Held | None:
        if live is None:
            return None
        check_own(live)
        other, now = Held.of(live), self._clock.now()
        if self._seen is None or self._seen[:2] != (other.identity, other.renewed):
            self._seen = (other.identity, other.renewed, now)
        return other if other.lives(now) and other.lives_since(self._seen[2], now) else None

    def _held_by(self, other: Held) -> LeaseHeldError:
        described = other.described(self._clock.now())
        end = f" To end it, on {other.host}: kill -INT -- -{other.process}" if other.detached else ""
        return LeaseHeldError(
            f"{self._service}: another release is in progress: {described}. Nothing was changed. To wait until it has "
            f"ended: the same command with --wait. What it does: {typed('switchyard status')}.{end}",
            described,
            f"{other.identity} {other.phase}",
        )

    async def _renew(self) -> None:
        """Renews the Lease until it is cancelled, or lost."""
        while not self._lost:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(LeaseLostError, ClusterError):  # an API server that is away for a while is asked again
                await self.confirm()

    async def _release(self) -> None:
        if not self._lost:
            await self._write(self._document["spec"] | {"holderIdentity": ""})

    async def _write(self, spec: dict[str, Any]) -> None:
        """Writes the Lease, unless another command has taken it since it was read.

        Somebody may have changed its labels, or deleted it: then no other command holds it, and it is created again.
        """
        async with self._writing:
            document, attempts = self._document, 0
            while True:
                attempts += 1
                try:
                    self._document = await self._send(document, spec)
                except ApiStatusError as error:
                    is_own = self._is_own(self._document)
                    if error.status_code not in CHANGED or not is_own or attempts == ATTEMPTS:
                        raise
                else:
                    return
                live = await self._read()
                if live is not None and not self._is_own(live):
                    self._lost = True
                    raise LeaseLostError(lost_text(self._service, self._namespace))
                document = live or self._new()

    async def _send(self, document: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
        metadata = document["metadata"]
        about: dict[str, Any] = {"act": self._holder.act, "phase": self._phase}
        if self._holder.detached:
            about["detached"] = True
        annotations = (metadata.get("annotations") or {}) | {HOLDER: json.dumps(about)}
        document = {**document, "metadata": {**metadata, "annotations": annotations}, "spec": spec}
        verb, name = ("update", self._name) if "resourceVersion" in metadata else ("create", "")
        written: dict[str, Any] = await self._api.ask(
            verb, "leases", name, self._namespace, COORDINATION, content=json.dumps(document)
        )
        self._written = time.monotonic()
        return written

    def _is_own(self, document: dict[str, Any]) -> bool:
        """Whether a Lease object names this command as its holder."""
        return (document.get("spec") or {}).get("holderIdentity") == self._holder.identity

    def _spec(self, acquired: datetime) -> dict[str, Any]:
        transitions = (self._document.get("spec") or {}).get("leaseTransitions", -1)
        return {
            "holderIdentity": self._holder.identity,
            "leaseDurationSeconds": DURATION_SECONDS,
            "acquireTime": _micro(acquired),
            "renewTime": _micro(self._clock.now()),
            "leaseTransitions": transitions if self._is_own(self._document) else transitions + 1,
        }

    def _new(self) -> dict[str, Any]:
        metadata = {"name": self._name, "namespace": self._namespace, "labels": object_labels(self._service)}
        return {"apiVersion": COORDINATION, "kind": "Lease", "metadata": metadata}


def lost_text(service: str, namespace: str) -> str:
    """The message of a command that has lost the Lease.

    Args:
        service: name of the service.
        namespace: namespace of the service.
    """
    lease = record_name(service)
    return (
        f"{service}: another command has taken Lease {lease} in namespace {namespace}: a rollback or an abort, which "
        "do not wait, or any command once this one had not renewed it in time. This one changes nothing more. "
        f"What serves: {typed('switchyard status')}. See who: kubectl -n {namespace} get lease {lease} -o yaml"
    )


def _micro(moment: datetime) -> str:
    """A moment in the format of a Lease."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
