"""A control plane on this machine, of what kubeadm made in the folder of a machine that stands for another one.

etcd, the API server and the controller manager run with the flags of kubeadm's static pods. What differs: paths lead
into the folder, addresses and ports are this machine's own, and nothing limits or restarts the processes.
"""

import contextlib
import os
import shlex
import ssl
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from devtools.sandbox.host import free_ports
from devtools.toolchain.paths import binary
from switchyard.config.kubernetes import API_SERVER_PORT

READY_SECONDS = 60
"""A start takes 3 s; the rest is for a busy machine."""

END_SECONDS = 10
LOG_LINES = 8
LOOPBACK = "127.0.0.1"


def kubeadm(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the pinned kubeadm in a folder, beyond which it sees nothing: it changes its root to there.

    Args:
        root: the folder, with the paths of a machine.
        arguments: arguments of kubeadm.
    """
    # Only root changes the root, and may be root in a namespace of users alone.
    root_here = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]
    command = [*root_here, str(binary("kubeadm")), *arguments, "--rootfs", str(root)]
    # Without the environment: a proxy of this machine would be asked for the API server.
    return subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=120)


def kubelet_flags(root: Path) -> dict[str, str]:
    """Flags that kubeadm has written down for a machine's kubelet, by name."""
    [(_, text)] = [
        entry.split("=", 1) for entry in shlex.split((root / "var/lib/kubelet/kubeadm-flags.env").read_text())
    ]
    return dict(flag.removeprefix("--").split("=", 1) for flag in text.split())


def static_pod(root: Path, component: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Flags of a static pod by name, and its mounts of the machine's paths: ``path`` and ``type``."""
    pod = yaml.safe_load((root / f"etc/kubernetes/manifests/{component}.yaml").read_text())["spec"]
    _, *arguments = pod["containers"][0]["command"]
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    return flags, [volume["hostPath"] for volume in pod["volumes"]]


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    Attributes:
        root: folder of the machine.
        port: port of the API server at 127.0.0.1.
        etcd: URL of etcd.
    """

    root: Path
    port: int
    etcd: str

    def reached(self, kubeconfig: str, file: Path) -> Path:
        """Writes a kubeconfig that leads here and still asks the server for a certificate of the name in it.

        Args:
            kubeconfig: its text.
            file: the new one.
        """
        config = yaml.safe_load(kubeconfig)
        for each in config["clusters"]:
            host = urlsplit(each["cluster"]["server"]).hostname
            each["cluster"] |= {"server": f"https://{LOOPBACK}:{self.port}", "tls-server-name": host}
        file.write_text(yaml.safe_dump(config))
        return file

    def lead_here(self, root: Path, host: str, node_name: str) -> None:
        """Leads the programs of a machine here: the API server's name, and its port in all that names it.

        What kubeadm is given then is ``/here.yaml``.

        Args:
            root: folder of the machine.
            host: name of the API server.
            node_name: name of the machine's node, which resolves to 127.0.0.1 as well.
        """
        (root / "etc/hosts").write_text(f"{LOOPBACK} {host} {node_name}\n")
        for file in (root / "given.yaml", *(root / "etc/kubernetes").glob("*.conf")):
            target = root / "here.yaml" if file.suffix == ".yaml" else file
            target.write_text(file.read_text().replace(f"{host}:{API_SERVER_PORT}", f"{host}:{self.port}"))

    def kubectl(self, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs kubectl with nothing of this machine's environment."""
        command = [str(binary("kubectl")), "--kubeconfig", str(kubeconfig), *arguments]
        environment = {"HOME": str(self.root)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    def kubelet(self, root: Path, flags: dict[str, str]) -> str:
        """Starts a machine's kubelet as its package does, until it finds no container runtime; returns what it said.

        By then it has taken its flags and its configuration, and has touched nothing but the folder.

        Args:
            root: folder of the machine.
            flags: flags that kubeadm has written to a file.
        """
        config = (root / "var/lib/kubelet/config.yaml").read_text()
        config = config.replace("/etc/kubernetes", f"{root}/etc/kubernetes").replace("unix:///", f"unix://{root}/")
        (root / "kubelet.yaml").write_text(config)
        paths = {"config": root / "kubelet.yaml", "root-dir": root / "var/lib/kubelet", "cert-dir": root / "kubelet"}
        for flag, name in (("kubeconfig", "kubelet"), ("bootstrap-kubeconfig", "bootstrap-kubelet")):
            given, paths[flag] = root / f"etc/kubernetes/{name}.conf", root / f"{name}.conf"
            if given.exists():
                self.reached(given.read_text(), paths[flag])
        command = [str(binary("kubelet")), *(f"--{name}={value}" for name, value in (flags | paths).items())]
        done = subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=READY_SECONDS)
        assert done.returncode != 0
        return done.stderr

    def stored(self, key: str) -> bytes:
        """A value as etcd has it, read with the API server's own certificate.

        Args:
            key: for example ``/registry/secrets/default/it``.
        """
        pki = self.root / "etc/kubernetes/pki"
        context = ssl.create_default_context(cafile=str(pki / "etcd/ca.crt"))
        context.load_cert_chain(pki / "apiserver-etcd-client.crt", pki / "apiserver-etcd-client.key")
        with httpx.Client(verify=context, trust_env=False) as client:
            answer = client.post(f"{self.etcd}/v3/kv/range", json={"key": b64encode(key.encode()).decode()})
        [entry] = answer.raise_for_status().json()["kvs"]
        return b64decode(entry["value"])


@contextlib.contextmanager
def running(root: Path) -> Iterator[ControlPlane]:
    """Starts the control plane of a machine; all of it has ended when the block has.

    Args:
        root: folder of the machine, with what kubeadm's phases made.
    """
    port, client, peer, metrics = free_ports(4)
    plane = ControlPlane(root, port, f"https://{LOOPBACK}:{client}")
    peers, name = f"https://{LOOPBACK}:{peer}", static_pod(root, "etcd")[0]["name"]
    with contextlib.ExitStack() as ending:
        ending.enter_context(
            _process(
                root,
                "etcd",
                {
                    **dict.fromkeys(("listen-client-urls", "advertise-client-urls"), plane.etcd),
                    **dict.fromkeys(("listen-peer-urls", "initial-advertise-peer-urls"), peers),
                    "initial-cluster": f"{name}={peers}",
                    "listen-metrics-urls": f"http://{LOOPBACK}:{metrics}",
                    "unsafe-no-fsync": "true",
                },
            )
        )
        own = {"bind-address": LOOPBACK, "secure-port": str(port), "etcd-servers": plane.etcd}
        server = ending.enter_context(_process(root, "kube-apiserver", own))
        _wait_until_ready(plane, server)
        # It signs what tells a joining worker where the cluster is.
        manager = root / "etc/kubernetes/controller-manager.conf"
        reached = plane.reached(manager.read_text(), root / "controller-manager.conf")
        asks = dict.fromkeys(("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"), str(reached))
        ending.enter_context(_process(root, "kube-controller-manager", {**asks, "secure-port": "0"}))
        yield plane


@contextlib.contextmanager
def _process(root: Path, component: str, own: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    given, mounts = static_pod(root, component)
    for mount in mounts:
        if mount["type"] == "DirectoryOrCreate":
            (root / mount["path"].lstrip("/")).mkdir(parents=True, exist_ok=True)
    flags = {name: f"{root}{value}" if value.startswith("/") else value for name, value in given.items()} | own
    command = [str(binary(component)), *(f"--{name}={value}" for name, value in flags.items())]
    with (root / f"{component}.log").open("wb") as log:
        process = subprocess.Popen(command, env={}, cwd=root, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(plane: ControlPlane, server: subprocess.Popen[bytes]) -> None:
    """Asks until the API server is ready: with the name that kubeadm gave it, and no other."""
    context = ssl.create_default_context(cafile=str(plane.root / "etc/kubernetes/pki/ca.crt"))
    limit = time.monotonic() + READY_SECONDS
    with httpx.Client(verify=context, trust_env=False) as client:
        while time.monotonic() < limit and server.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                url = f"https://{LOOPBACK}:{plane.port}/readyz"
                if client.get(url, extensions={"sni_hostname": "kubernetes"}).is_success:
                    return
            time.sleep(0.1)
    logs = {name: (plane.root / f"{name}.log").read_text().splitlines() for name in ("etcd", "kube-apiserver")}
    last = [f"{name}: {line}" for name, lines in logs.items() for line in lines[-LOG_LINES:]]
    raise AssertionError("\n".join(["the API server is not ready:", *last]))
