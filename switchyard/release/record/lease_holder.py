"""The holder of the Lease of a service, which one command writes and other commands read."""

import getpass
import json
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from switchyard.kube.clock import from_text
from switchyard.kube.release_lease import DURATION_SECONDS, is_renewed
from switchyard.release.phases import Phase
from switchyard.release.plan import Act

HOLDER = "switchyard/holder"
"""Annotation: the holder of a Lease as JSON, with user, host, process, act and phase."""

HOOK = "hook"
"""The phase in a Lease while a hook runs."""

INTERRUPTIBLE = frozenset({Phase.SWITCH, Phase.DRAIN, Phase.WATCH, Phase.BAKE, HOOK})
"""Phases in which a rollback or an abort may take the Lease of a running command.

While a colour is warmed or retired, the engine changes the pods that a rollback would switch to.
"""


def user_name() -> str:
    """Name of the operating system user, or its number if it has no name, as in a container of a CI system.

    Without `USER` and the like, `getpass.getuser` asks for the entry of the user's number, and raises KeyError where
    there is none (OSError since Python 3.13).
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


@dataclass(frozen=True)
class Holder:
    """The holder of a Lease.

    Attributes:
        act: the command, for example ``rollback``.
        user: user of the operating system.
        host: name of the machine.
        process: process ID on that machine.
        nonce: a random value that no other command has, not even one of the same process.
        phase: the present phase of the command; empty before the first one.
        detached: whether the command runs without a terminal.
    """

    act: str
    user: str = field(default_factory=user_name)
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    phase: str = ""
    detached: bool = False

    @property
    def identity(self) -> str:
        """The identity of the holder in a Lease."""
        return f"{self.user}@{self.host}/{self.process}/{self.nonce}"


@dataclass(frozen=True)
class Held:
    """A Lease that was read from the API server.

    Attributes:
        identity: identity of its holder; empty for a Lease that was released.
        act: the holder's command.
        phase: the phase of the command when it last renewed the Lease.
        acquired: when the holder took it.
        renewed: when the holder last renewed it.
        duration: time for which the Lease is valid without a renewal.
        document: the whole Lease object.
        detached: whether its holder runs without a terminal.
    """

    identity: str
    act: str
    phase: str
    acquired: datetime
    renewed: datetime
    duration: timedelta
    document: dict[str, Any]
    detached: bool = False

    @classmethod
    def of(cls, lease: dict[str, Any]) -> "Held":
        """Reads a Lease, including one that another program wrote, or that somebody has emptied to free it."""
        spec, about = lease.get("spec") or {}, None
        with suppress(ValueError):
            about = json.loads((lease["metadata"].get("annotations") or {}).get(HOLDER, "{}"))
        about = about if isinstance(about, dict) else {}
        created = lease["metadata"]["creationTimestamp"]
        return cls(
            spec.get("holderIdentity") or "",
            str(about.get("act", "command")),
            str(about.get("phase", "")),
            from_text(spec.get("acquireTime") or created),
            from_text(spec.get("renewTime") or created),
            timedelta(seconds=spec.get("leaseDurationSeconds") or DURATION_SECONDS),
            lease,
            bool(about.get("detached", False)),
        )

    @property
    def user(self) -> str:
        """The user of the operating system."""
        return self.identity.partition("/")[0].rpartition("@")[0]

    @property
    def host(self) -> str:
        """Name of the machine."""
        return self.identity.partition("/")[0].rpartition("@")[2]

    @property
    def process(self) -> int:
        """Process ID on that machine; 0 if the Lease does not have it."""
        number = self.identity.partition("/")[2].partition("/")[0]
        return int(number) if number.isdecimal() else 0

    @property
    def may_be_interrupted(self) -> bool:
        """Whether a rollback or an abort may take the Lease, because the command's present phase changes no pods."""
        return self.act != Act.ROLLBACK and self.phase in INTERRUPTIBLE

    def lives(self, now: datetime) -> bool:
        """Whether the holder is still running, by the time of its last renewal."""
        return bool(self.identity) and self.lives_since(self.renewed, now)

    def lives_since(self, moment: datetime, now: datetime) -> bool:
        """Whether the holder may still be running if it last renewed the Lease at a moment."""
        return is_renewed(moment, self.duration, now)

    def is_ahead(self, now: datetime) -> bool:
        """Whether the time of the last renewal is in the future, so that it does not show whether the holder runs."""
        return bool(self.identity) and self.renewed - now > self.duration

    def described(self, now: datetime) -> str:
        """A description of the holder for messages."""
        user, _, process = self.identity.partition("/")
        seconds = max(0, int((now - self.acquired).total_seconds()))
        phase = f", in phase {self.phase}" if self.phase else ""
        number = f"{process.partition('/')[0]}{', detached' if self.detached else ''}"
        return f"{user} (process {number}) runs {self.act}{phase}, for {seconds} s"
