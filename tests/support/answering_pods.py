"""Pods that answer requests: a network namespace with an HTTP server, and a node whose pods are reported to run there.

The nodes of the sandbox are simulated, so that no smoke test can reach their pods. Here, the API server, its service
proxy and the HTTP requests are real, and the kubelet is a fake.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network

from devtools.sandbox.nodes import node_manifest
from switchyard.config.models.nodes import NodeSettings
from tests.support.kubectl import Kubectl

NODE = "answering-node"
SETTINGS = NodeSettings(type="t3.large", zone="ap-northeast-2a", disk_gb=40, workload="answering")
LINK = list(IPv4Network("198.18.128.0/17").subnets(new_prefix=30))[os.getpid() % 2**13]
"""A link of this process's own, because runs side by side share the host's routes.

From the block that is set aside for tests of networks (RFC 2544), in a part of it that the sandbox leaves free.
"""

HOST, POD = map(str, LINK.hosts())

HEARTBEAT_SECONDS = 10
"""Seconds between two heartbeats, as of kubelets; the controllers wait for 50."""

SERVER = """
import http.server, json, sys
answers = json.loads(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = answers.get(self.path, [404, "no such path"])
        self.send_response(status); self.end_headers(); self.wfile.write(body.encode())
    def log_message(self, *arguments):
        # In one write: the end of a line is a write of its own, and another thread's may come between.
        print(self.path + "\\n", end="", flush=True)
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
print("listening", flush=True)
server.serve_forever()
"""


def unavailable() -> str | None:
    """Returns why this is not available here; None if it is."""
    if os.geteuid() != 0:
        return "needs root, for a network namespace"
    if shutil.which("ip") is None:
        return "needs iproute2"
    return None


@contextmanager
def network_namespace() -> Iterator[str]:
    """Creates a network namespace that only the host reaches, at `POD`; yields its name."""
    name, link = f"switchyard-{os.getpid()}", f"sy{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("addr", "add", f"{HOST}/30", "dev", link)
        _ip("link", "set", link, "up")
        for command in (["addr", "add", f"{POD}/30", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _ip("-n", name, *command)
        yield name
        _ip("link", "delete", link)
    finally:
        _ip("netns", "delete", name)


@contextmanager
def answering(namespace: str, answers: dict[str, tuple[int, str]]) -> Iterator[list[str]]:
    """Runs a server in a network namespace; yields the list of the requested paths."""
    asked: list[str] = []
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", SERVER, json.dumps(answers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        reader = threading.Thread(target=lambda: asked.extend(line.strip() for line in server.stdout or ()))
        reader.start()
        try:
            yield asked
        finally:
            server.kill()
            reader.join()


@dataclass
class FakeKubelet:
    """Reports that every pod on `NODE` runs, is Ready, and has the server's address.

    Attributes:
        kubectl: kubectl in the namespace of the pods.
        addresses: addresses of the next pods; after these, pods have the address of the server.
    """

    kubectl: Kubectl
    addresses: Iterator[str] = field(default_factory=lambda: iter(()))

    def __enter__(self) -> "FakeKubelet":
        node = node_manifest(NODE, SETTINGS, 99)
        node["metadata"]["annotations"] = {}
        self.kubectl.apply(node)
        self._beat()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._go_on_beating)
        self._heart.start()
        command = ["get", "pods", "--watch", "--field-selector", f"spec.nodeName={NODE}", "-o", "name"]
        self._watch = self.kubectl.start(*command)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.kill()
        self._thread.join()
        self._watch.wait()
        self._ended.set()
        self._heart.join()
        # This fake deletes them, as a kubelet would after their end.
        self.kubectl.run("delete", "deployments", "--all")
        self.kubectl.run("delete", "pods", "--all", "--force", "--grace-period=0")
        self.kubectl.run("delete", "node", NODE)

    def _go_on_beating(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        """Reports that the node is alive. Controllers consider a node without heartbeats lost, and its pods not
        ready."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
        self._patch("node", NODE, {"conditions": [ready], "capacity": {"pods": "9"}})

    def _serve(self) -> None:
        seen: set[str] = set()
        for line in self._watch.stdout or ():
            name = line.strip()
            if name in seen:
                continue
            seen.add(name)
            address = next(self.addresses, POD)
            conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
            status = {
                "phase": "Running",
                "podIP": address,
                "podIPs": [{"ip": address}],
                "startTime": "2026-01-01T00:00:00Z",
                "conditions": conditions,
            }
            self._patch("pod", name.removeprefix("pod/"), status)

    def _patch(self, kind: str, name: str, status: Mapping[str, object]) -> None:
        self.kubectl.run("patch", kind, name, "--subresource=status", "-p", json.dumps({"status": status}))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
