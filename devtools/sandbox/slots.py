"""Numbers for sandboxes with real nodes, so that several on one machine share no address, interface or cgroup.

A number is claimed for a sandbox's directory before anything of its name is made. So whatever happens in between,
`down` knows what is its own, and the next `up` of any sandbox can end what a deleted checkout left behind.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

CLAIMS = Path("/run/switchyard")
"""One file a number, with the directory of the sandbox that has it. A reboot forgets them, as it ends the nodes."""

NODE_NETWORKS = tuple(IPv4Network("198.18.0.0/18").subnets(new_prefix=24))
"""Addresses of bridges and nodes, from the block that is set aside for tests of networks (RFC 2544)."""

NODES = 4
"""Real nodes that a sandbox may have."""

POD_NETWORKS = tuple(IPv4Network("198.19.0.0/16").subnets(new_prefix=22))
"""Pod ranges, a /24 for each of its nodes. Not the real cluster's 192.168.0.0/16: the host routes to all of them."""


class NoSlotError(Exception):
    """Every number is taken, or the one that a sandbox has to have. The text names the remedy."""


@dataclass(frozen=True)
class Slot:
    """What one number stands for; every name of a thing outside the sandbox's directory comes from here."""

    number: int

    @property
    def bridge(self) -> str:
        """Network interface of the host that the nodes are behind."""
        return f"switchyard{self.number}"

    @property
    def host_address(self) -> str:
        """The bridge's address, where nodes find the API server, and from which the host reaches them."""
        return str(NODE_NETWORKS[self.number][1])

    @property
    def prefix_length(self) -> int:
        """Prefix length of the network that bridge and nodes share."""
        return NODE_NETWORKS[self.number].prefixlen

    @property
    def pod_network(self) -> str:
        """Pod ranges of all nodes."""
        return str(POD_NETWORKS[self.number])

    @property
    def cgroup(self) -> str:
        """Name below the root of each cgroup hierarchy."""
        return f"switchyard-{self.number}"

    def link(self, index: int) -> str:
        """The host's end of a node's link."""
        return f"sy{self.number}n{index}"

    def node_address(self, index: int) -> str:
        """InternalIP of a node, by its place among the real ones."""
        return str(NODE_NETWORKS[self.number][11 + index])

    def pod_range(self, index: int) -> str:
        """Addresses of a node's pods."""
        return str(list(POD_NETWORKS[self.number].subnets(new_prefix=24))[index])


def claimed(directory: Path) -> Slot | None:
    """The number that a sandbox has, if any."""
    return next((slot for slot, owner in _claims() if owner == directory), None)


def claim(directory: Path, end: Callable[[Slot, Path], None], number: int | None = None) -> Slot:
    """Gives a sandbox a number, the one that it has or a free one.

    Args:
        directory: the sandbox's.
        end: ends what is left of a number, and of the sandbox in the directory that had it and is gone.
        number: the one that it has to be; None if any will do. A sandbox whose claim a reboot has forgotten has
            certificates and addresses of its number.

    Raises:
        NoSlotError: all are taken, or that one.
    """
    with _lock():
        mine = claimed(directory)
        if mine is not None:
            return mine
        for slot, owner in list(_claims()):
            if not owner.exists():
                end(slot, owner)
                _file(slot).unlink()
        taken = {slot.number: owner for slot, owner in _claims()}
        if number in taken:
            raise NoSlotError(
                f"Since the last reboot {taken[number]} has the addresses that the certificates of {directory} name. "
                "End either of them: python -m devtools.sandbox down, for a named one with --name"
            )
        for candidate in range(len(NODE_NETWORKS)) if number is None else [number]:
            if candidate not in taken:
                slot = Slot(candidate)
                # Renamed into place, so that a claim is whole or not there.
                new = CLAIMS / ".new"
                new.write_text(str(directory))
                new.replace(_file(slot))
                return slot
    raise NoSlotError(
        f"{len(NODE_NETWORKS)} sandboxes with real nodes run already; end one: python -m devtools.sandbox down"
    )


def release(slot: Slot) -> None:
    """Gives a number back. Everything with its name must be gone."""
    with _lock():
        _file(slot).unlink(missing_ok=True)


def _claims() -> Iterator[tuple[Slot, Path]]:
    for file in CLAIMS.glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError):  # released meanwhile
            yield Slot(int(file.name)), Path(file.read_text())


def _file(slot: Slot) -> Path:
    return CLAIMS / str(slot.number)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    CLAIMS.mkdir(mode=0o700, exist_ok=True)
    with (CLAIMS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
