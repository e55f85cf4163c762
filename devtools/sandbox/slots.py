"""Numbers for sandboxes with real nodes, so that several on one machine share no address, interface or cgroup.

A number is claimed for a sandbox's directory before anything with this number in its name is created. So after a kill
at any point, `down` knows what belongs to the sandbox, and the next `up` of any sandbox can remove what a deleted
checkout has left.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

CLAIMS = Path("/run/switchyard")
"""Directory with a file for each number, which has the directory of the sandbox. A reboot removes them, and ends the
nodes."""

NODE_NETWORKS = tuple(IPv4Network("198.18.0.0/18").subnets(new_prefix=24))
"""Addresses of bridges and nodes, from the block that is reserved for network tests (RFC 2544)."""

NODES = 4
"""Maximum number of real nodes of a sandbox."""

POD_NETWORKS = tuple(IPv4Network("198.19.0.0/16").subnets(new_prefix=22))
"""Pod ranges, a /24 for each node. They differ from the default 192.168.0.0/16, because the host has routes to all of
them."""


class NoSlotError(Exception):
    """Every number is taken, or the one that a sandbox needs. The text has the remedy."""


@dataclass(frozen=True)
class Slot:
    """The names and addresses of one number.

    Everything that a sandbox creates outside its directory has its name from here.
    """

    number: int

    @property
    def bridge(self) -> str:
        """Network interface of the host that connects the nodes."""
        return f"switchyard{self.number}"

    @property
    def host_address(self) -> str:
        """Address of the bridge, at which nodes reach the API server, and from which the host reaches the nodes."""
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
        """InternalIP of a node, by its index among the real nodes."""
        return str(NODE_NETWORKS[self.number][11 + index])

    def pod_range(self, index: int) -> str:
        """Addresses of a node's pods."""
        return str(list(POD_NETWORKS[self.number].subnets(new_prefix=24))[index])


def claimed(directory: Path) -> Slot | None:
    """The number that a sandbox has, if any."""
    return next((slot for slot, owner in _claims() if owner == directory), None)


def claim(directory: Path, end: Callable[[Slot, Path], None], number: int | None = None) -> Slot:
    """Claims a number for a sandbox: the one that it has, or a free one.

    Args:
        directory: the sandbox's.
        end: removes what is left of a number, and of the sandbox in the deleted directory that had it.
        number: the required number; None for any. A sandbox whose claim was lost in a reboot still has certificates and
            addresses of its number.

    Raises:
        NoSlotError: all numbers are taken, or the required one is.
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
                # Written by a rename, so that a claim is complete or absent.
                new = CLAIMS / ".new"
                new.write_text(str(directory))
                new.replace(_file(slot))
                return slot
    raise NoSlotError(
        f"{len(NODE_NETWORKS)} sandboxes with real nodes run already; end one: python -m devtools.sandbox down"
    )


def release(slot: Slot) -> None:
    """Releases a number. Everything with its name must have been removed."""
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
