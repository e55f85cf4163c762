"""Networks, addresses and names of sandboxes beside each other, by the number that each has claimed."""

import fcntl
import itertools
import os
import signal
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

import devtools.sandbox.directory
from devtools.sandbox import slots
from devtools.sandbox.slots import NODE_NETWORKS, NODES, NoSlotError, Slot, claim, claimed, release
from devtools.toolchain.paths import PROJECT
from tests.support import answering_pods as answering

EVERY = [Slot(number) for number in range(len(NODE_NETWORKS))]

INTERFACE_NAME_LIMIT = 15
"""Characters, the kernel's."""


def networks(slot: Slot) -> list[IPv4Network]:
    nodes = IPv4Network(f"{slot.host_address}/{slot.prefix_length}", strict=False)
    return [nodes, *(IPv4Network(slot.pod_range(index)) for index in range(NODES))]


def test_no_two_sandboxes_share_a_network_or_touch_those_of_the_smoke_tests() -> None:
    used = [(slot.number, network) for slot in EVERY for network in networks(slot)]
    of_tests = IPv4Network("198.18.128.0/17")
    assert answering.LINK.subnet_of(of_tests)
    for first, other in itertools.combinations(used, 2):
        assert not first[1].overlaps(other[1]), (first, other)
    assert not [network for _, network in used if network.overlaps(of_tests)]


def test_addresses_of_nodes_and_pods_are_in_the_networks_of_their_sandbox() -> None:
    for slot in EVERY:
        nodes, *_ = networks(slot)
        addresses = [slot.host_address, *(slot.node_address(index) for index in range(NODES))]
        assert len(set(addresses)) == NODES + 1
        assert all(IPv4Network(address).subnet_of(nodes) for address in addresses)
        for index in range(NODES):
            assert IPv4Network(slot.pod_range(index)).subnet_of(IPv4Network(slot.pod_network))


def test_no_two_sandboxes_share_a_name_and_the_kernel_takes_those_of_interfaces() -> None:
    interfaces = [name for slot in EVERY for name in (slot.bridge, *(slot.link(index) for index in range(NODES)))]
    assert len(set(interfaces)) == len(EVERY) * (NODES + 1)
    assert max(map(len, interfaces)) <= INTERFACE_NAME_LIMIT
    assert len({slot.cgroup for slot in EVERY}) == len(EVERY)


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(slots, "CLAIMS", tmp_path / "claims")
    return tmp_path / "claims"


def directory(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name


def nothing_to_end(slot: Slot, owner: Path) -> None:
    raise AssertionError(f"{slot} of {owner} was ended")


def test_a_sandbox_keeps_its_number_until_it_releases_it(claims: Path, tmp_path: Path) -> None:
    first, other = directory(tmp_path, "one"), directory(tmp_path, "other")
    assert claimed(first) is None
    assert claim(first, nothing_to_end) == claim(first, nothing_to_end) == claimed(first) == Slot(0)
    assert claim(other, nothing_to_end) == Slot(1)
    release(Slot(0))
    release(Slot(0))
    assert (claimed(first), claimed(other)) == (None, Slot(1))
    assert claim(first, nothing_to_end) == Slot(0)


def test_processes_of_a_removed_directory_end_before_its_number_is_reused(claims: Path, tmp_path: Path) -> None:
    gone, stays, new = (directory(tmp_path, name) for name in ("gone", "stays", "new"))
    claim(gone, nothing_to_end)
    claim(stays, nothing_to_end)
    gone.rmdir()
    ended: list[tuple[Slot, Path]] = []

    def end(slot: Slot, owner: Path) -> None:
        assert claimed(gone) == slot, "its number was reused before"
        ended.append((slot, owner))

    assert claim(new, end) == Slot(0)
    assert ended == [(Slot(0), gone)]
    assert (claimed(gone), claimed(stays)) == (None, Slot(1))


def test_a_number_with_processes_that_do_not_end_is_not_reused(claims: Path, tmp_path: Path) -> None:
    gone, new = directory(tmp_path, "gone"), directory(tmp_path, "new")
    claim(gone, nothing_to_end)
    gone.rmdir()

    def end(slot: Slot, owner: Path) -> None:
        raise TimeoutError("processes 1 do not end")

    with pytest.raises(TimeoutError):
        claim(new, end)
    assert (claimed(gone), claimed(new)) == (Slot(0), None)


def test_after_a_reboot_a_sandbox_gets_its_number_or_an_error_names_its_holder(claims: Path, tmp_path: Path) -> None:
    mine, other = directory(tmp_path, "mine"), directory(tmp_path, "other")
    assert claim(mine, nothing_to_end, 7) == Slot(7)
    release(Slot(7))
    claim(other, nothing_to_end, 7)
    with pytest.raises(NoSlotError, match=rf"^Since the last reboot {other} has the addresses .* of {mine} name. End "):
        claim(mine, nothing_to_end, 7)
    assert claimed(mine) is None


def test_a_sandbox_beyond_the_limit_is_refused(claims: Path, tmp_path: Path) -> None:
    for number in range(len(NODE_NETWORKS)):
        claim(directory(tmp_path, f"sandbox-{number}"), nothing_to_end)
    with pytest.raises(NoSlotError, match=r"^64 sandboxes .* python -m devtools.sandbox down$"):
        claim(directory(tmp_path, "one-more"), nothing_to_end)


def test_a_command_that_waited_for_a_down_locks_the_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devtools.sandbox.directory, "HOME", tmp_path)
    own = tmp_path / "named" / "own"
    waits = iter([True, True, False])
    flock = fcntl.flock

    def ended_meanwhile(file: Any, operation: int) -> None:
        if next(waits):
            (own / "lock").unlink()
            own.rmdir()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", ended_meanwhile)
    with devtools.sandbox.directory.locked(own):
        assert next(waits, None) is None
        with (own / "lock").open() as another, pytest.raises(BlockingIOError):
            flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


KILLED = """
import os, signal, sys
from pathlib import Path
from devtools.sandbox import directory, host

directory.HOME = Path(sys.argv[1])
with directory.locked(directory.HOME / "named" / "own"):
    host.ip("link", "add")  # which kills this process, and continues
"""


def test_an_ip_command_that_outlives_a_killed_up_keeps_the_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    program = tmp_path / "bin" / "ip"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nkill -KILL $PPID\nread line < {tmp_path / 'end'}\n")
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=PROJECT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    with (tmp_path / "named" / "own" / "lock").open() as lock:
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            (tmp_path / "end").write_text("\n")
        fcntl.flock(lock, fcntl.LOCK_EX)  # what the next `down` does
