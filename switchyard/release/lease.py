"""The Lease of a service: one command at a time releases it.

A command renews its Lease while it lives. All times are of the API server's clock, so that an operator's own clock may
be wrong by hours. A Lease whose holder has not renewed it for its duration is free: its holder has died.
"""

import asyncio
import getpass
import json
import os
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from switchyard.config.kubernetes import COORDINATION
from switchyard.errors import ApiStatusError, ClusterError
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock, from_text
from switchyard.kube.polling import poll_until
from switchyard.kube.rolled_back import check_own, record_name
from switchyard.manifests.labels import object_labels
from switchyard.release_errors import LeaseHeldError, LeaseLostError

DURATION_SECONDS = 15
"""How long a Lease lives without a renewal. Three renewals may be lost."""

RENEW_SECONDS = 5
"""Seconds between two renewals."""

WAIT_SECONDS = 1
"""Seconds between two attempts of a command that waits for a Lease."""

ATTEMPTS = 5
"""Attempts to take a Lease that others change in between: who holds it then is read again."""

CHANGED = frozenset({httpx.codes.CONFLICT, httpx.codes.NOT_FOUND})
"""Statuses of a write whose object somebody has changed, created or deleted since it was read."""

HOLDER = "switchyard/holder"
"""Annotation: the holder of a Lease as JSON, with user, host, process, act and phase."""


@dataclass(frozen=True)
class Holder:
    """Who holds a Lease.

    Attributes:
        act: the command, for example ``rollback``.
        user: of the operating system.
        host: the machine's name.
        process: the process ID there.
        nonce: what no other command has, of the same process neither.
        phase: what the command does at present; empty before it begins.
    """

    act: str
    user: str = field(default_factory=getpass.getuser)
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    phase: str = ""

    @property
    def identity(self) -> str:
        """The holder in a Lease."""
        return f"{self.user}@{self.host}/{self.process}/{self.nonce}"


@dataclass(frozen=True)
class Held:
    """A Lease as the API server has it.

    Attributes:
        identity: of its holder; empty for a Lease that was released.
        act: the holder's command.
        phase: what the command did when it last renewed the Lease.
        acquired: when the holder took it.
        renewed: when the holder last renewed it.
        duration: how long it lives without a renewal.
        document: the whole object.
    """

    identity: str
    act: str
    phase: str
    acquired: datetime
    renewed: datetime
    duration: timedelta
    document: dict[str, Any]

    @classmethod
    def of(cls, lease: dict[str, Any]) -> "Held":
        """Reads a Lease. One that somebody else wrote is held by whoever it names."""
        spec = lease["spec"]
        about: dict[str, Any] = {}
        with suppress(ValueError):
            about = json.loads((lease["metadata"].get("annotations") or {}).get(HOLDER, "{}"))
        created = lease["metadata"]["creationTimestamp"]
        return cls(
            spec.get("holderIdentity") or "",
            str(about.get("act", "command")),
            str(about.get("phase", "")),
            from_text(spec.get("acquireTime") or created),
            from_text(spec.get("renewTime") or created),
            timedelta(seconds=spec.get("leaseDurationSeconds") or DURATION_SECONDS),
            lease,
        )

    def lives(self, now: datetime) -> bool:
        """Whether its holder lives, as far as the Lease can say."""
        # A second more, as the API server tells its time in whole seconds.
        return bool(self.identity) and now - self.renewed <= self.duration + timedelta(seconds=1)

    def described(self, now: datetime) -> str:
        """Its holder in words."""
        user, _, process = self.identity.partition("/")
        seconds = max(0, int((now - self.acquired).total_seconds()))
        phase = f", in phase {self.phase}" if self.phase else ""
        number = process.partition("/")[0]
        return f"{user} (process {number}) runs {self.act}{phase}, for {seconds} s"


class ReleaseLease:
    """The Lease of one service, held by one command.

    Args:
        api: the API server.
        namespace: of the service.
        name: of the service.
        holder: this command.
        clock: of the API server.
    """

    def __init__(self, api: BoundedApi, namespace: str, name: str, holder: Holder, clock: ServerClock) -> None:
        self._api = api
        self._namespace = namespace
        self._service = name
        self._name = record_name(name)
        self._holder = holder
        self._clock = clock
        self._phase = holder.phase
        self._document: dict[str, Any] = {}
        self._lost = False
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def held(self, *, wait: bool = False) -> AsyncGenerator["ReleaseLease", None]:
        """Holds the Lease within the block, and renews it in the background.

        Args:
            wait: whether to wait for another holder, without a bound; the caller may be interrupted.

        Raises:
            LeaseHeldError: another command holds it.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """
        await self._acquire(wait=wait)
        renewal = asyncio.create_task(self._renew())
        try:
            yield self
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
            with suppress(ClusterError):
                await self._release()

    async def enter(self, phase: str) -> None:
        """Writes what the command does from now on.

        Raises:
            LeaseLostError: another command has taken the Lease.
        """
        self.check()
        self._phase = phase
        await self._write(self._spec(from_text(self._document["spec"]["acquireTime"])))

    def check(self) -> None:
        """Ends the command when it does not hold the Lease any more.

        Raises:
            LeaseLostError: another command has taken it.
        """
        if self._lost:
            raise LeaseLostError(self._lost_text)

    @property
    def _lost_text(self) -> str:
        return (
            f"{self._service}: another command has taken Lease {self._name} in namespace {self._namespace}, because "
            "this one could not renew it in time. This command changes nothing more. See who: "
            f"kubectl -n {self._namespace} get lease {self._name} -o yaml"
        )

    async def _acquire(self, *, wait: bool) -> None:
        async def attempt() -> Held | None:
            return await self._attempt()

        holder = await poll_until(
            attempt, lambda other: other is None, seconds=float("inf") if wait else 0, every=WAIT_SECONDS
        )
        if holder is not None:
            raise LeaseHeldError(
                f"{self._service}: another release is in progress: {holder.described(self._clock.now())}. Nothing was "
                f"changed. Wait until it has ended: switchyard status"
            )

    async def _attempt(self) -> Held | None:
        """Takes the Lease; returns whoever holds it, and None when this command does."""
        attempts = 0
        while True:
            attempts += 1
            live = await self._api.find("leases", self._name, self._namespace, COORDINATION)
            now = self._clock.now()
            if live is not None:
                check_own(live)
                if (other := Held.of(live)).lives(now):
                    return other
            self._document = live or self._new()
            try:
                await self._write(self._spec(now))
            except ApiStatusError as error:
                if error.status_code not in CHANGED or attempts == ATTEMPTS:
                    raise
            else:
                return None

    async def _renew(self) -> None:
        """Renews the Lease until it is cancelled, or lost."""
        while not self._lost:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(LeaseLostError, ClusterError):  # an API server that is away for a while is asked again
                await self._write(self._spec(from_text(self._document["spec"]["acquireTime"])))

    async def _release(self) -> None:
        if not self._lost:
            await self._write(self._document["spec"] | {"holderIdentity": ""})

    async def _write(self, spec: dict[str, Any]) -> None:
        """Writes the Lease, if nobody else has since it was read."""
        async with self._writing:
            try:
                self._document = await self._send(spec)
            except ApiStatusError as error:
                if error.status_code != httpx.codes.CONFLICT or not self._is_own(self._document):
                    raise
                live = await self._api.find("leases", self._name, self._namespace, COORDINATION)
                if live is None or not self._is_own(live):
                    self._lost = True
                    raise LeaseLostError(self._lost_text) from None
                self._document = live  # somebody has changed its labels, for example
                self._document = await self._send(spec)

    async def _send(self, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = self._document["metadata"]
        about = json.dumps({"act": self._holder.act, "phase": self._phase})
        annotations = (metadata.get("annotations") or {}) | {HOLDER: about}
        document = {**self._document, "metadata": {**metadata, "annotations": annotations}, "spec": spec}
        verb, name = ("update", self._name) if "resourceVersion" in metadata else ("create", "")
        written: dict[str, Any] = await self._api.ask(
            verb, "leases", name, self._namespace, COORDINATION, content=json.dumps(document)
        )
        return written

    def _is_own(self, document: dict[str, Any]) -> bool:
        """Whether this command holds the Lease by this document."""
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


def _micro(moment: datetime) -> str:
    """A moment as a Lease has it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
