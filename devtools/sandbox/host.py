"""Resources of this machine outside the directory of a sandbox: ports, and for real nodes a bridge, links, cgroups."""

import contextlib
import random
import socket
import subprocess
from pathlib import Path

from devtools.sandbox import cgroups
from devtools.sandbox.slots import NODES, Slot


def end(slot: Slot) -> None:
    """Ends and removes everything that has a slot's name, in any state.

    Every process of a node is in its cgroup. The kernel removes the mounts, interfaces and firewall rules of a node
    with its last namespace, and the routes over the bridge with the bridge.

    Raises:
        TimeoutError: a process does not end.
    """
    cgroups.remove(slot.cgroup)
    for interface in (*(slot.link(index) for index in range(NODES)), slot.bridge):
        remove_link(interface)


def make_bridge(slot: Slot) -> None:
    """Creates the bridge that connects the nodes. The API server's certificate has its address."""
    if not exists(slot.bridge):
        ip("link", "add", slot.bridge, "type", "bridge")
    ip("address", "replace", f"{slot.host_address}/{slot.prefix_length}", "dev", slot.bridge)
    ip("link", "set", slot.bridge, "up")


def remove_link(name: str) -> None:
    """Removes an interface of this machine, if it exists, and with it the routes over it."""
    if exists(name):
        with contextlib.suppress(subprocess.CalledProcessError):  # it was removed in the meantime, with its namespace
            ip("link", "delete", name)


def ip(*arguments: str) -> None:
    """Runs one command of iproute2 on this machine. It inherits the lock of the sandbox, see `directory.locked`."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, close_fds=False)


def exists(interface: str) -> bool:
    """Whether this machine has a network interface."""
    return Path("/sys/class/net", interface).exists()


def free_ports(count: int) -> list[int]:
    """Free ports, outside the ranges of NodePorts and of outgoing connections."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20000, 30000)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports
