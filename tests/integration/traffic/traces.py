"""What sandboxes with real nodes may leave on a machine, as lines that can be compared before and after."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from devtools.sandbox import cgroups
from devtools.sandbox.debian import node_environment, node_parts
from devtools.sandbox.real_node import TUNED
from devtools.sandbox.slots import CLAIMS, NODES, Slot

NAMED_NAMESPACES = Path("/run/netns")

OF_OTHER_TESTS = re.compile(r" /run/netns(/switchyard-\d+)? |(namespace switchyard-|interface sy|dev sy)\d+\b(?!n)")
"""What the tests of the smoke test make, which may run beside these; nodes have their named namespaces inside."""

COUNTERS = re.compile(r"\[\d+:\d+\]")
"""Packets and bytes, which change by themselves."""


def traces(directory: Path) -> set[str]:
    """The processes of a sandbox, and all else that this machine has of the kinds that a sandbox makes, a line each.

    These are interfaces, routes, named namespaces, firewall rules, mounts, cgroups, claims, and settings of the
    kernel. Those of other sandboxes that run beside this one are left out.

    Args:
        directory: the sandbox's.
    """
    before = _others(directory)
    lines = {*_processes(directory), *_network(), *_rules(), *_files()}
    # One that was claimed or released in between has, or had, things that nobody may be blamed for.
    foreign = _names_of({*before, *_others(directory)})
    return {line for line in lines if not (OF_OTHER_TESTS.search(line) or (foreign and re.search(foreign, line)))}


def _others(directory: Path) -> list[Slot]:
    owners = {Slot(int(file.name)): Path(file.read_text()) for file in CLAIMS.glob("[0-9]*")}
    return [slot for slot, owner in owners.items() if owner != directory]


def _names_of(slots: Iterable[Slot]) -> str:
    """Expression that finds the names and addresses of slots in a line."""
    words = []
    for slot in slots:
        indices = range(NODES)
        networks = [slot.host_address, *(slot.pod_range(index).partition("/")[0] for index in indices)]
        words += [slot.bridge, slot.cgroup, *(slot.link(index) for index in indices), f"claim {slot.number} "]
        words += [network.rpartition(".")[0] for network in networks]
    return "|".join(rf"(?<![\w.]){re.escape(word)}(?!\d)" for word in words)


def _processes(directory: Path) -> Iterator[str]:
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        try:
            group = Path(f"/proc/{process.pid}/cgroup").read_text()
        except OSError:
            continue  # it ended meanwhile
        named = re.search(r"/switchyard-\d+", group)
        if process.info["status"] != psutil.STATUS_ZOMBIE and (named or f"{directory}/" in command):
            yield f"process {process.pid} {named.group() if named else ''} {command}"


def _network() -> Iterator[str]:
    for interface in os.listdir("/sys/class/net"):
        yield f"interface {interface}"
    for family in ("-4", "-6"):
        for route in _printed("ip", family, "-oneline", "route", "show", "table", "all"):
            yield f"route {route}"
    if NAMED_NAMESPACES.exists():
        for name in os.listdir(NAMED_NAMESPACES):
            yield f"namespace {name}"


def _rules() -> Iterator[str]:
    environment = os.environ | node_environment(node_parts())
    for program in ("iptables-save", "ip6tables-save"):
        for line in _printed("sh", "-c", program, environment=environment):
            if not line.startswith("#"):  # the time, and the program's version
                yield f"rule {program} {COUNTERS.sub('', line)}"


def _files() -> Iterator[str]:
    for mount in Path("/proc/self/mounts").read_text().splitlines():
        yield f"mount {mount}"
    for root in cgroups.hierarchies():
        for folder, _, _ in os.walk(root):
            yield f"cgroup {folder}"
    for file in CLAIMS.glob("[0-9]*"):
        yield f"claim {file.name} "
    for setting in TUNED:
        yield f"setting {setting} {Path('/proc/sys', setting).read_text().strip()}"


def _printed(*command: str, environment: dict[str, str] | None = None) -> list[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
