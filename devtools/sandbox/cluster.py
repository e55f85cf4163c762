"""Starts and ends one local control plane with kwokctl, and registers the simulated nodes.

kwokctl generates the certificates and starts the five processes in about a second. This module adds a safe end and a
repair after a crash at any point: the state on disk decides what `up` does, and processes are identified by the path
that they were started from.
"""

import contextlib
import shutil
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import httpx
import psutil
import yaml

from devtools.sandbox import control_plane, kubeconfig
from devtools.sandbox.control_plane import COMPONENTS
from devtools.sandbox.directory import HOME, locked
from devtools.sandbox.errors import ComponentError, SandboxError
from devtools.sandbox.host import free_ports
from devtools.sandbox.kwokctl import POLL_SECONDS, kwokctl
from devtools.sandbox.nodes import not_ready, register
from devtools.sandbox.processes import end, processes_of
from devtools.sandbox.real_node import RealNode
from devtools.sandbox.real_nodes import NAMES as REAL_NAMES
from devtools.sandbox.real_nodes import RealNodes, RealNodesError
from devtools.sandbox.slots import Slot
from devtools.toolchain.paths import binary
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings

READY_SECONDS = 120
"""Time limit for the start, seconds. It takes about 3 s on two cores."""

CALL_SECONDS = 30
"""Time limit for one answer of the API server, seconds. It takes milliseconds."""

LOG_LINES = 3
"""Number of lines that an error quotes from the log of a component that ended."""


class Kind(StrEnum):
    """The kind of worker-1 and worker-2; the other five nodes are always simulated."""

    SIMULATED = "simulated"
    """Simulated nodes: pods turn Ready without running."""

    REAL = "real"
    """A kubelet, containerd and kube-proxy each, in namespaces on this machine. Needs root."""


class Sandbox:
    """One local cluster.

    Args:
        name: None for the sandbox of stack `local`, directly in ``.sandbox``. Several named sandboxes can exist at the
            same time.
        nodes: the node table.
        pki: existing keys and certificates by file name: ``ca.crt``, ``ca.key``, ``admin.crt``, ``admin.key``; None
            generates all of them at the first start.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        nodes: Mapping[str, NodeSettings] = DEFAULT_NODES,
        pki: Mapping[str, bytes] | None = None,
    ) -> None:
        self.name = name or "local"
        self.directory = HOME / "named" / name if name else HOME
        self.kubeconfig = self.directory / "kubeconfig"
        self._work = self.directory / "control-plane"
        self._cluster = self._work / "clusters" / "sandbox"
        self._pki = self._cluster / "pki"
        self._user = f"switchyard-{self.name}"
        self._complete = self._cluster / "complete"
        self._kind_file = self._work / "nodes"
        self._nodes = RealNodes(self.directory)
        self._table = nodes
        self._signed = pki

    @property
    def real_nodes(self) -> list[RealNode]:
        """The real nodes of the sandbox; empty if all are simulated."""
        return self._nodes.nodes()

    @property
    def server(self) -> str:
        """URL of the API server.

        Raises:
            SandboxError: the sandbox was never started.
        """
        try:
            config = yaml.safe_load((self._cluster / "kubeconfig.yaml").read_text())
        except FileNotFoundError:
            raise SandboxError(f"Sandbox {self.name} is not there. Start it: {self._command('up')}") from None
        return str(config["clusters"][0]["cluster"]["server"])

    def processes(self) -> dict[str, int]:
        """Process ids of the components that run, by name."""
        return {Path(process.info["cmdline"][0]).name: process.pid for process in self._processes()}

    def running(self) -> bool:
        """Whether every component runs and the API server reports that it is ready."""
        try:
            if set(self.processes()) != set(COMPONENTS) or (self.kind() is Kind.REAL and not self._nodes.running()):
                return False
            with self.client() as client:
                return client.get("/readyz").is_success and not self._not_ready(client)
        except (httpx.HTTPError, psutil.Error, OSError, SandboxError):
            return False

    def kind(self) -> Kind | None:
        """The kind of its nodes; None if it was never started."""
        try:
            return Kind(self._kind_file.read_text())
        except FileNotFoundError:
            # Sandboxes from before there were real nodes have no record of their kind.
            return Kind.SIMULATED if self._complete.exists() else None

    def up(self, kind: Kind | None = None, report: Callable[[str], None] = lambda _: None) -> None:
        """Starts the components that do not run. It is idempotent: running components and the data of etcd stay.

        Args:
            kind: the kind of the nodes; None keeps the present kind, which is simulated at the first start.
            report: receives a line about each step.

        Raises:
            SandboxError: it does not get ready, or it has nodes of the other kind.
        """
        missing = [name for name in (*COMPONENTS[:4], "kwok", "kwokctl") if not binary(name).exists()]
        if missing:
            raise SandboxError(f"{', '.join(missing)} missing in .tools/bin. Run: make tools")
        with locked(self.directory):
            if self._complete.exists() and kind not in {None, self.kind()}:
                raise SandboxError(f"Sandbox {self.name} has {self.kind()} nodes. First: {self._command('down')}")
            try:
                if self._up_to_date():
                    return
                if not self._complete.exists():
                    self._clear()
                self._start(self.kind() or kind or Kind.SIMULATED, report)
            except (RealNodesError, TimeoutError) as error:
                raise SandboxError(str(error)) from None
            except httpx.HTTPError as error:
                logs = self._cluster / "logs"
                raise SandboxError(f"Sandbox {self.name}: the API server refused: {error}. See {logs}") from None

    def _up_to_date(self) -> bool:
        whole = self._complete.exists() and self.kubeconfig.exists()
        return whole and self.running() and (self.kind() is Kind.SIMULATED or self._nodes.have_images())

    def _command(self, verb: str) -> str:
        """The command line by which a user controls this sandbox."""
        return f"python -m devtools.sandbox {verb}" + ("" if self.directory == HOME else f" --name {self.name}")

    def _start(self, kind: Kind, report: Callable[[str], None]) -> None:
        slot = self._nodes.prepare() if kind is Kind.REAL else None
        try:
            self._start_control_plane(slot)
        except ComponentError:
            # A second attempt, because the machine may have been busy, or a port was taken between its choice and the
            # start.
            self._start_control_plane(slot)
        started: Mapping[str, datetime] = {}
        with self.client() as client:
            register(client, self._table, () if slot is None else REAL_NAMES)
            if slot is not None:
                port = self.server.rpartition(":")[2]
                server = f"https://{slot.host_address}:{port}"
                # Separate from the user's kubeconfig, because its certificate is that of an administrator.
                for_nodes = self._work / "nodes.kubeconfig"
                kubeconfig.write(for_nodes, self._user, server, self._pki)
                started = self._nodes.start(self._pki / "ca.crt", for_nodes, report)
            self._wait("its nodes", lambda: not self._not_ready(client, started))
        kubeconfig.write(self.kubeconfig, self._user, self.server, self._pki)
        self._complete.touch()

    def _start_control_plane(self, slot: Slot | None) -> None:
        if set(self.processes()) != set(COMPONENTS):
            self._start_components(slot)
        with self.client() as client:
            self._wait("the API server", lambda: client.get("/readyz").is_success)

    def _start_components(self, slot: Slot | None) -> None:
        """Starts the control plane, with the existing data of etcd if an earlier start was completed."""
        end(self._processes())
        if not self._complete.exists():
            shutil.rmtree(self._work, ignore_errors=True)
            self._create(slot)
            return
        for file in self._cluster.rglob("*.pid"):
            # kwokctl takes a zombie, or a process that has the ID of an ended one, as after a reboot, for a running
            # component, and would not start it.
            file.unlink()
        kwokctl(self._work, self._ended, "start", "cluster")

    def _clear(self) -> None:
        """Ends the processes and removes the files of an incomplete start."""
        end(self._processes())
        self._nodes.end()
        shutil.rmtree(self._work, ignore_errors=True)

    def down(self) -> None:
        """Ends what `up` started, and removes its state. Other files in the directory stay.

        Raises:
            SandboxError: a process does not end.
        """
        # If the directory was removed by hand, its processes and its claimed number are left.
        if not (self.directory.exists() or self._processes() or self._nodes.slot):
            return
        with locked(self.directory):
            try:
                self._clear()
            except TimeoutError as error:
                raise SandboxError(str(error)) from None
            self.kubeconfig.unlink(missing_ok=True)
            (self.directory / "lock").unlink()
        for folder in (self.directory, HOME / "named", HOME):
            with contextlib.suppress(OSError):  # it still has other files
                folder.rmdir()

    def _processes(self) -> list[psutil.Process]:
        return processes_of(self._work, binary("kwokctl"))

    def _create(self, slot: Slot | None) -> None:
        self._work.mkdir(mode=0o700, parents=True)
        self._kind_file.write_text(Kind.SIMULATED if slot is None else Kind.REAL)
        ports = free_ports(len(COMPONENTS))
        documents = control_plane.configuration(ports, self._pki, slot)
        (self._work / "kwok.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
        if self._signed is not None:
            self._pki.mkdir(mode=0o700, parents=True)
            for file, content in self._signed.items():
                (self._pki / file).touch(mode=0o600)
                (self._pki / file).write_bytes(content)
        options = control_plane.options(ports, self._work / "kubeconfig")
        kwokctl(self._work, self._ended, "create", "cluster", *options)

    def client(self) -> httpx.Client:
        """A client of its API server, as an administrator."""
        context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        return httpx.Client(base_url=self.server, verify=context, timeout=CALL_SECONDS, trust_env=False)

    def _not_ready(self, client: httpx.Client, reported: Mapping[str, datetime] | None = None) -> set[str]:
        """Names of nodes that are not ready or have not reported recently, and of missing objects that pods need."""
        waiting = not_ready(self._table, client.get("/api/v1/nodes").raise_for_status().json()["items"], reported)
        if not client.get("/api/v1/namespaces/default/serviceaccounts/default").is_success:
            waiting.add("ServiceAccount default")
        return waiting

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        limit = time.monotonic() + READY_SECONDS
        while time.monotonic() < limit:
            # If kwokctl ended early, the components that it had not started yet are missing as well.
            if missing := sorted(set(COMPONENTS) - set(self.processes())):
                causes = self._ended() or missing
                raise ComponentError(
                    f"Sandbox {self.name}: {', '.join(causes)} not running. {self._ends_of_logs(causes)}"
                )
            with contextlib.suppress(httpx.TransportError):
                if ready():
                    return
            time.sleep(POLL_SECONDS)
        raise SandboxError(
            f"Sandbox {self.name}: {what} not ready after {READY_SECONDS} s, though everything runs. "
            f"See the logs in {self._cluster / 'logs'}, then: {self._command('down')}"
        )

    def _ended(self) -> list[str]:
        """Components that were started and have ended."""
        started = {file.stem for file in (self._cluster / "pids").glob("*.pid")}
        return sorted(started - set(self.processes()))

    def _ends_of_logs(self, components: Collection[str]) -> str:
        """Returns the ends of components' logs, and their paths."""
        logs = self._cluster / "logs"
        lines = [f"See the logs in {logs}, then: {self._command('down')}"]
        for component in components:
            with contextlib.suppress(FileNotFoundError):
                last = (logs / f"{component}.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
                lines += [f"  {component}: {line}" for line in last]
        return "\n".join(lines)
