"""One real node: containerd, kubelet and kube-proxy in namespaces of their own, on this machine.

Everything that a node creates is in its namespaces, its cgroup or its directory.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from devtools.sandbox import cgroups, node_config
from devtools.sandbox.debian import node_environment
from devtools.sandbox.host import exists, ip, remove_link
from devtools.sandbox.slots import NODES, Slot
from devtools.toolchain.paths import PROJECT, binary
from switchyard.config.models.nodes import NodeSettings, kubelet_labels

COMPONENTS = ("containerd", "kubelet", "kube-proxy")

START_SECONDS = 60
"""Time limit for the start of one component, seconds. It takes well under a second."""

POLL_SECONDS = 0.05
"""Seconds between two checks for a process or a socket that does not exist yet, so that it cannot be watched."""

TUNED = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""Kernel settings below /proc/sys that a kubelet changes. They belong to the whole machine, and to no namespace."""

# A process enters the node's cgroup by writing its own ID, before it executes another program.
_JOIN = 'for file in $1; do echo $$ > "$file" || exit 1; done; shift; exec "$@"'


@dataclass(frozen=True)
class RealNode:
    """One node of a sandbox.

    Attributes:
        name: name of the node in Kubernetes.
        settings: row of the node in the node table.
        index: place of the node among the real nodes of the sandbox.
        slot: the sandbox's number.
        directory: directory of the node.
        parts: the tree with containerd, runc and the other programs.
    """

    name: str
    settings: NodeSettings
    index: int
    slot: Slot
    directory: Path
    parts: Path

    @property
    def address(self) -> str:
        """The address at which NodePorts answer."""
        return self.slot.node_address(self.index)

    @property
    def cgroup(self) -> str:
        """The node's cgroup, below the root of each hierarchy."""
        return f"{self.slot.cgroup}/{self.name}"

    def processes(self) -> dict[str, int]:
        """Process IDs of the running components by name, in the namespace of this machine."""
        init = self._init_process()
        if init is None:
            return {}
        namespace = _process_namespace(init)
        pids = {}
        for process in psutil.process_iter(["name", "status"]):
            name, status = process.info["name"], process.info["status"]
            if name not in COMPONENTS or status == psutil.STATUS_ZOMBIE:
                continue
            if _process_namespace(process.pid) == namespace:
                pids[name] = process.pid
        return pids

    def start(self, authority: Path, kubeconfig: Path) -> bool:
        """Starts the components that do not run, up to the kubelet; returns whether it started the kubelet.

        Args:
            authority: certificate authority of the cluster.
            kubeconfig: kubeconfig of kubelet and kube-proxy.

        Raises:
            TimeoutError: a component does not start.
        """
        for folder in ("cni", "run", "var", "logs"):
            (self.directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._init_process() is None:
            # As at the start of a machine: a kubelet waits 3 s for each container that has a cgroup and no process.
            cgroups.remove(self.cgroup)
            cgroups.make(self.cgroup)
            self._hold()
        self._connect()
        running = self.processes()
        self._configure(authority, kubeconfig, running)
        if "containerd" not in running:
            self._spawn("containerd", ["containerd", "--config", str(self.directory / "containerd.toml")])
        self._wait_for("containerd", self._containerd_listens)
        if "kubelet" not in running:
            # Both have defaults for settings that the configuration file lacks. The flags have the settings of each
            # node.
            labels = ",".join(
                f"{key}={value}"
                for key, value in kubelet_labels(self.name, self.settings).items()
                if "kubernetes.io/" not in key or key.startswith(("topology.", "node."))
            )
            self._spawn(
                "kubelet",
                [
                    str(binary("kubelet")),
                    f"--config={self.directory / 'kubelet.yaml'}",
                    f"--kubeconfig={kubeconfig}",
                    f"--hostname-override={self.name}",
                    f"--node-ip={self.address}",
                    f"--node-labels={labels}",
                ],
            )
        if "kube-proxy" not in running:
            self._spawn("kube-proxy", [str(binary("kube-proxy")), f"--config={self.directory / 'kube-proxy.yaml'}"])
        self._wait_for("kubelet and kube-proxy", lambda: set(self.processes()) == set(COMPONENTS))
        return "kubelet" not in running

    def images(self) -> set[str]:
        """Names of the images on the node."""
        listed = self.run("ctr", "--namespace", "k8s.io", "images", "list", "--quiet")
        return set(listed.split())

    def import_images(self, archive: Path) -> None:
        """Imports the images of an OCI archive, under the names in the archive."""
        self.run("ctr", "--namespace", "k8s.io", "images", "import", str(archive))

    def run(self, *command: str) -> str:
        """Runs a command on the node to its end; returns its output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        result = subprocess.run(
            self._entered(command), env=self._environment(), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise subprocess.CalledProcessError(result.returncode, command, result.stdout, result.stderr)
        return result.stdout

    def _init_process(self) -> int | None:
        """Process 1 of the node, by its ID in the namespace of this machine."""
        wanted = ["-m", "devtools.sandbox.node_init", str(self.directory)]
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if command[1:] == wanted and process.status() != psutil.STATUS_ZOMBIE:
                return process.pid
        return None

    def _hold(self) -> None:
        """Creates the namespaces. The node has its own /run and /var, and shares all other files with the machine."""
        # The link of a killed init process is removed some time after its last process has ended.
        remove_link(self.slot.link(self.index))
        # The kubelet does not start unless it can change these settings. The machine must not keep them, for example
        # restart at a panic, because a sandbox has run on it. So the node has writable copies.
        own = self.directory / "sysctl"
        own.mkdir(exist_ok=True)
        tuned = {Path("/proc/sys", name): own / name.replace("/", ".") for name in TUNED}
        for setting, copy in tuned.items():
            copy.write_text(setting.read_text())
        setup = [
            "mount --make-rshared /",
            "mount -t tmpfs -o mode=755 tmpfs /run",
            f"mount --bind {shlex.quote(str(self.directory / 'var'))} /var",
            *(f"mount --bind {shlex.quote(str(copy))} {setting}" for setting, copy in tuned.items()),
            f"cd {shlex.quote(str(PROJECT))}",
            f"exec {shlex.quote(sys.executable)} -m devtools.sandbox.node_init {shlex.quote(str(self.directory))}",
        ]
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._start_in_cgroup("node-init", [*unshare, "sh", "-ec", "\n".join(setup)])
        self._wait_for("the node's namespaces", lambda: self._init_process() is not None)

    def _connect(self) -> None:
        """Links the node to the bridge, and routes to its pods and to those of its neighbours."""
        link = self.slot.link(self.index)
        if not exists(link):
            ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self._init_process()))
        ip("link", "set", link, "master", self.slot.bridge, "up")
        ip("route", "replace", self.slot.pod_range(self.index), "via", self.address)
        commands = [
            "ip link set lo up",
            f"ip address replace {self.address}/{self.slot.prefix_length} dev eth0",
            "ip link set eth0 up",
            f"ip route replace default via {self.slot.host_address}",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            *(
                f"ip route replace {self.slot.pod_range(other)} via {self.slot.node_address(other)}"
                for other in range(NODES)
                if other != self.index
            ),
        ]
        self.run("sh", "-ec", "\n".join(commands))

    def _configure(self, authority: Path, kubeconfig: Path, running: Collection[str]) -> None:
        """Writes the configuration files of stopped components.

        A running kube-proxy would end when its file is written.
        """
        cni = self.directory / "cni"
        memory_mib = psutil.virtual_memory().total // 2**20
        kubelet = node_config.kubelet(self.settings, self.cgroup, authority, memory_mib, psutil.cpu_count() or 1)
        proxy = node_config.kube_proxy(self.name, self.slot, kubeconfig)
        if "containerd" not in running:
            (cni / "10-pods.conflist").write_text(json.dumps(node_config.network(self.slot.pod_range(self.index))))
            (self.directory / "containerd.toml").write_text(node_config.containerd(self.parts, cni))
        if "kubelet" not in running:
            (self.directory / "kubelet.yaml").write_text(yaml.safe_dump(kubelet, sort_keys=False))
        if "kube-proxy" not in running:
            (self.directory / "kube-proxy.yaml").write_text(yaml.safe_dump(proxy, sort_keys=False))

    def _containerd_listens(self) -> bool:
        # Through the file system of the init process, because only the node has this /run.
        path = f"/proc/{self._init_process()}/root{node_config.SOCKET}"
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError:
                return False
        return True

    def _entered(self, command: tuple[str, ...] | list[str]) -> list[str]:
        return ["nsenter", f"--target={self._init_process()}", "--mount", "--net", "--pid", "--", *command]

    def _spawn(self, name: str, command: list[str]) -> None:
        self._start_in_cgroup(name, self._entered(command))

    def _start_in_cgroup(self, name: str, command: list[str]) -> None:
        entry_points = " ".join(map(str, cgroups.entry_points(self.cgroup)))
        with (self.directory / "logs" / f"{name}.log").open("ab") as log:
            subprocess.Popen(
                ["sh", "-c", _JOIN, "join", entry_points, *command],
                env=self._environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _environment(self) -> Mapping[str, str]:
        return os.environ | node_environment(self.parts)

    def _wait_for(self, what: str, ready: Callable[[], bool]) -> None:
        limit = time.monotonic() + START_SECONDS
        while not ready():
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.name}: {what} did not start in {START_SECONDS} s")
            time.sleep(POLL_SECONDS)


def _process_namespace(process: int) -> str | None:
    try:
        return os.readlink(f"/proc/{process}/ns/pid")
    except OSError:
        return None
