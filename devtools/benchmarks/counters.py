"""The kernels' counters of failures of connections: on the host, in the nodes, and in the pods."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from devtools.sandbox.cgroups import below, hierarchies
from devtools.sandbox.real_node import RealNode

CONNTRACK = ("insert_failed", "drop", "early_drop", "invalid", "clashres")
"""Counters of the connection-tracking table, through which NodePorts are translated."""

TCP = (
    "TCPSynRetrans",
    "TCPAbortOnTimeout",
    "TCPAbortOnData",
    "ListenDrops",
    "ListenOverflows",
    "TCPReqQFullDrop",
    "TCPTimeWaitOverflow",
    "PAWSTimewait",
    "PAWSEstab",
)
"""Counters of retransmitted SYNs, timed-out connections, full listen queues and segments that were rejected as old."""


def read(nodes: list[RealNode]) -> Counter[str]:
    """Counts so far, by place and name."""
    counters = _named("host", _tcp("self"))
    for node in nodes:
        process = str(node.processes()["kube-proxy"])
        counters += _named("nodes", {**_tcp(process), **_conntrack(process)})
        for pod in _pods(node):
            counters += _named("pods", _tcp(pod))
    return counters


def since(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """The counters that have increased in the meantime."""
    return {name: count - before.get(name, 0) for name, count in sorted(now.items()) if count != before.get(name, 0)}


def _named(place: str, counts: Mapping[str, int]) -> Counter[str]:
    return Counter({f"{place} {name}": count for name, count in counts.items()})


def _tcp(process: str) -> dict[str, int]:
    """The counts of the network namespace that a process is in."""
    lines = Path("/proc", process, "net/netstat").read_text().splitlines()
    names, values = (line.split()[1:] for line in lines if line.startswith("TcpExt:"))
    return {name: int(value) for name, value in zip(names, values, strict=True) if name in TCP}


def _conntrack(process: str) -> dict[str, int]:
    head, *rows = (line.split() for line in Path("/proc", process, "net/stat/nf_conntrack").read_text().splitlines())
    places = {name: head.index(name) for name in CONNTRACK}
    return {name: sum(int(row[place], 16) for row in rows) for name, place in places.items()}


def _pods(node: RealNode) -> Iterator[str]:
    """One process of each pod that runs on a node."""
    seen = set()
    for root in hierarchies():
        for folder in below(root / node.cgroup / "kubepods"):
            try:
                processes = (folder / "cgroup.procs").read_text().split()
            except OSError:
                continue  # it ended meanwhile
            for process in processes:
                try:
                    namespace = os.readlink(f"/proc/{process}/ns/net")
                except FileNotFoundError:
                    continue  # it ended meanwhile
                if namespace not in seen:
                    seen.add(namespace)
                    yield process
