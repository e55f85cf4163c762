"""The real nodes of one sandbox together: worker-1 and worker-2, the two that run the application."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from sandbox import host, slots
from sandbox.debian import PartsError, node_parts
from sandbox.image import ImageError, backend_image, pause_image
from sandbox.real_node import COMPONENTS, RealNode
from sandbox.slots import NoSlotError, Slot
from sandbox.tags import environments, with_tags
from settings.nodes import DEFAULT_NODES
from toolchain.paths import PROJECT, binary

NAMES = ("k8s-worker-1", "k8s-worker-2")

REPOSITORY = "ghcr.io/org/backend"
"""Image of the example application, as the stack of the sandbox names it."""

PROGRAMS = ("unshare", "nsenter", "mount", "ip")
"""Of this machine: util-linux and iproute2."""


class RealNodesError(Exception):
    """The real nodes cannot be had. The text names the cause and the remedy, in one line."""


class RealNodes:
    """The real nodes of the sandbox in a directory.

    Args:
        directory: the sandbox's.
    """

    def __init__(self, directory: Path) -> None:
        self._sandbox = directory
        self._directory = directory / "nodes"

    @property
    def slot(self) -> Slot | None:
        """The sandbox's number, once `prepare` has run."""
        return slots.claimed(self._sandbox)

    def nodes(self) -> list[RealNode]:
        """The nodes, running or not; none before `prepare`."""
        slot = self.slot
        if slot is None:
            return []
        parts = node_parts()
        return [
            RealNode(name, DEFAULT_NODES[name], index, slot, self._directory / name, parts)
            for index, name in enumerate(NAMES)
        ]

    def running(self) -> bool:
        """Whether every part of every node runs."""
        nodes = self.nodes()
        return bool(nodes) and all(set(node.processes()) == set(COMPONENTS) for node in nodes)

    def prepare(self) -> Slot:
        """Gets the parts, a number, and the bridge: what has to be there before the control plane.

        Raises:
            RealNodesError: this machine cannot have real nodes.
        """
        problem = unavailable()
        if problem is not None:
            raise RealNodesError(problem)
        try:
            node_parts()
            slot = slots.claim(self._sandbox, host.end)
        except (PartsError, NoSlotError) as error:
            raise RealNodesError(str(error)) from None
        host.make_bridge(slot)
        return slot

    def start(self, authority: Path, kubeconfig: Path, report: Callable[[str], None]) -> None:
        """Starts what does not run, with the images of the example application on every node.

        Args:
            authority: certificate authority of the cluster.
            kubeconfig: for kubelets and kube-proxies, with an address of the API server that nodes reach.
            report: takes a line on what is under way.

        Raises:
            RealNodesError: a part does not start, or an image cannot be made.
        """
        try:
            tagged = self._directory / "backend.tar"
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with_tags(backend_image(), REPOSITORY, environments(), tagged)
            archives = [pause_image(), tagged]
            for node in self.nodes():
                report(f"{node.name}: containerd, kubelet, kube-proxy at {node.address}")
                node.start(authority, kubeconfig)
                for archive in archives:
                    node.import_images(archive)
        except (TimeoutError, ImageError, PartsError) as error:
            raise RealNodesError(str(error)) from None
        except subprocess.CalledProcessError as error:
            reason = (error.stderr or "").strip()
            raise RealNodesError(f"`{' '.join(map(str, error.cmd))}` failed: {reason}") from None

    def end(self) -> None:
        """Ends the nodes, whatever state they are in, and everything that was made for them.

        Raises:
            TimeoutError: a process does not end.
        """
        slot = self.slot
        if slot is not None:
            host.end(slot)
            slots.release(slot)
        shutil.rmtree(self._directory, ignore_errors=True)


def unavailable() -> str | None:
    """Why this machine cannot have real nodes, with the remedy, in one line; None if nothing speaks against it."""
    if os.uname().sysname != "Linux":
        return "Real nodes need Linux. Simulated ones run here: python -m sandbox up"
    if os.geteuid() != 0:
        return "Real nodes need root, for namespaces and cgroups. Simulated ones do not: python -m sandbox up"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"Real nodes need {', '.join(missing)}. On Debian: apt-get install util-linux mount iproute2"
    if any(PROJECT.is_relative_to(hidden) for hidden in ("/run", "/var")):
        return f"Real nodes have a /run and a /var of their own, so that {PROJECT} is not there for them. Move it."
    tools = [name for name in ("kubelet", "kube-proxy") if not binary(name).exists()]
    if tools:
        return f"{', '.join(tools)} missing in .tools/bin. Run: make tools-nodes"
    return None
