"""The real nodes of one sandbox together: worker-1 and worker-2, the two that run the application."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from devtools.sandbox import cgroups, host, slots
from devtools.sandbox.debian import PartsError, node_parts
from devtools.sandbox.image import backend_image, pause_image
from devtools.sandbox.oci import ImageError, digest
from devtools.sandbox.processes import end, processes_of
from devtools.sandbox.real_node import COMPONENTS, RealNode
from devtools.sandbox.slots import NoSlotError, Slot
from devtools.sandbox.tags import environments, with_tags
from devtools.toolchain.paths import PROJECT, binary
from switchyard.config.models.nodes import DEFAULT_NODES

NAMES = ("k8s-worker-1", "k8s-worker-2")

REPOSITORY = "ghcr.io/org/backend"
"""Image of the example application, as the stack of the sandbox names it."""

PROGRAMS = ("unshare", "nsenter", "mount", "ip")
"""Programs that this machine must have, from util-linux and iproute2."""


class RealNodesError(Exception):
    """The real nodes cannot run on this machine. The text has the cause and the remedy in one line."""


class RealNodes:
    """The real nodes of the sandbox in a directory.

    Args:
        directory: the sandbox's.
    """

    def __init__(self, directory: Path) -> None:
        self._sandbox = directory
        self._directory = directory / "nodes"
        self._number = self._directory / "number"

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
        """Whether every component of every node runs."""
        nodes = self.nodes()
        return bool(nodes) and all(set(node.processes()) == set(COMPONENTS) for node in nodes)

    def prepare(self) -> Slot:
        """Fetches the programs, claims a number, and creates the bridge, which are needed before the control plane.

        Raises:
            RealNodesError: this machine cannot have real nodes.
        """
        problem = unavailable()
        if problem is not None:
            raise RealNodesError(problem)
        had = int(self._number.read_text()) if self._number.exists() else None
        try:
            node_parts()
            slot = slots.claim(self._sandbox, _end_abandoned, had)
            host.make_bridge(slot)
        except (PartsError, NoSlotError, TimeoutError) as error:
            raise RealNodesError(str(error)) from None
        except subprocess.CalledProcessError as error:
            raise _refused(error) from None
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number.write_text(str(slot.number))
        return slot

    def start(self, authority: Path, kubeconfig: Path, report: Callable[[str], None]) -> dict[str, datetime]:
        """Starts the components that do not run, with the images of the example application on every node.

        Returns the start time of each kubelet that was started, by node, in whole seconds as kubelets report.

        Args:
            authority: certificate authority of the cluster.
            kubeconfig: kubeconfig of kubelets and kube-proxies, with an address of the API server that nodes reach.
            report: receives a line about each step.

        Raises:
            RealNodesError: a component does not start, or an image cannot be built.
        """
        started = {}
        try:
            wanted = _images()
            for node in self.nodes():
                report(f"{node.name}: containerd, kubelet, kube-proxy at {node.address}")
                moment = datetime.now(UTC).replace(microsecond=0)
                if node.start(authority, kubeconfig):
                    started[node.name] = moment
            behind = [node for node in self.nodes() if _imported(node) != wanted]
            if behind:
                report("images of the example application, for the pods that start from now on")
                tagged = self._directory / "backend.tar"
                with_tags(backend_image(), REPOSITORY, environments(), tagged)
                for node in behind:
                    for archive in (pause_image(), tagged):
                        node.import_images(archive)
                    _record(node).write_text(wanted)
        except (TimeoutError, ImageError, PartsError) as error:
            raise RealNodesError(str(error)) from None
        except subprocess.CalledProcessError as error:
            raise _refused(error) from None
        return started

    def have_images(self) -> bool:
        """Whether every node has images of the present files of the example application.

        Raises:
            RealNodesError: an image cannot be built.
        """
        try:
            wanted = _images()
        except (ImageError, PartsError) as error:
            raise RealNodesError(str(error)) from None
        return all(_imported(node) == wanted for node in self.nodes())

    def end(self) -> None:
        """Ends the nodes, in any state, and removes everything that was created for them.

        Raises:
            TimeoutError: a process does not end.
        """
        slot = self.slot
        if slot is not None:
            host.end(slot)
            slots.release(slot)
        shutil.rmtree(self._directory, ignore_errors=True)


def unavailable() -> str | None:
    """The reason why this machine cannot run real nodes, with a remedy, in one line; None if it can."""
    if os.uname().sysname != "Linux":
        return "Real nodes need Linux. Simulated ones run here: python -m devtools.sandbox up"
    if os.geteuid() != 0:
        return "Real nodes need root, for namespaces and cgroups. Simulated ones do not: python -m devtools.sandbox up"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"Real nodes need {', '.join(missing)}. On Debian: apt-get install util-linux mount iproute2"
    refusal = _refusal()
    if refusal is not None:
        return f"Real nodes need rights that root has not got here: {refusal}. In a container: run it privileged."
    if any(PROJECT.is_relative_to(hidden) for hidden in ("/run", "/var")):
        return f"Real nodes have a /run and a /var of their own, so that {PROJECT} is not there for them. Move it."
    tools = [name for name in ("kubelet", "kube-proxy") if not binary(name).exists()]
    if tools:
        return f"{', '.join(tools)} missing in .tools/bin. Run: make tools-nodes"
    return None


def _refusal() -> str | None:
    """The operation that this machine denies to root; None without one."""
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return tried.stderr.strip()
    roots = cgroups.hierarchies()
    if not roots:
        return "no cgroups are mounted"
    closed = [str(root) for root in roots if not os.access(root, os.W_OK)]
    return f"{closed[0]} cannot be written to" if closed else None


def _end_abandoned(slot: Slot, directory: Path) -> None:
    """Ends a sandbox whose directory was removed while it ran."""
    end(processes_of(directory, binary("kwokctl")))
    host.end(slot)


def _images() -> str:
    """A fingerprint of the images that a node has to have."""
    wanted = [digest(pause_image()), digest(backend_image()), REPOSITORY, environments()]
    return sha256(json.dumps(wanted).encode()).hexdigest()


def _record(node: RealNode) -> Path:
    """File with the fingerprint of the images that a node has. It is deleted with the images."""
    return node.directory / "images"


def _imported(node: RealNode) -> str | None:
    try:
        return _record(node).read_text()
    except FileNotFoundError:
        return None


def _refused(error: subprocess.CalledProcessError) -> RealNodesError:
    said = error.stderr.decode() if isinstance(error.stderr, bytes) else error.stderr or ""
    command = " ".join(map(str, error.cmd))
    return RealNodesError(f"`{command}` failed: {' '.join(said.split()) or f'exit code {error.returncode}'}")
