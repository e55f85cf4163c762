"""The kernel's own counts of what goes wrong with connections, on this machine and on its real nodes."""

from collections import Counter
from pathlib import Path

from sandbox.real_node import RealNode

CONNTRACK = ("insert_failed", "drop", "early_drop", "invalid", "search_restart", "clash_resolve")
"""Of the table of connections through which NodePorts are translated, a line a processor."""

TCP = (
    "TCPSynRetrans",
    "TCPTimeouts",
    "TCPAbortOnTimeout",
    "ListenDrops",
    "ListenOverflows",
    "TCPReqQFullDrop",
    "PAWSEstab",
    "TCPTimeWaitOverflow",
)


def read(nodes: list[RealNode]) -> Counter[str]:
    """Counts so far, by place and name; subtract two of them."""
    found = Counter({f"host {name}": count for name, count in _tcp(Path("/proc/net/netstat").read_text()).items()})
    for node in nodes:
        table = [line.split() for line in node.run("cat", "/proc/net/stat/nf_conntrack").splitlines()]
        for name in set(CONNTRACK) & set(table[0]):
            found[f"{node.name} {name}"] = sum(int(row[table[0].index(name)], 16) for row in table[1:])
        for name, count in _tcp(node.run("cat", "/proc/net/netstat")).items():
            found[f"{node.name} {name}"] = count
    return found


def _tcp(text: str) -> dict[str, int]:
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:"))
    return {name: int(value) for name, value in zip(names, values, strict=True) if name in TCP}
