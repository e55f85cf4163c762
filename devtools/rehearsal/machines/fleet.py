"""The instances of a rehearsal: a real API server with the stack's own certificates, and simulated kubelets."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import yaml

from devtools.rehearsal.charts import NODE_AGENT
from devtools.rehearsal.machines.address import Forwarder
from devtools.rehearsal.machines.certificate import server_certificate
from devtools.rehearsal.machines.user_data import Boot, node_object, read_user_data
from devtools.rehearsal.values import Values
from devtools.sandbox.cluster import Sandbox
from devtools.sandbox.faults import NODE_FAULT_LABEL, NODE_NOT_READY
from switchyard.config.kubernetes import API_SERVER_PORT
from switchyard.config.models.nodes import Role

INSTANCE = "aws:ec2/instance:Instance"
ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation"
ADDRESS = "aws:ec2/eip:Eip"

LOOK_SECONDS = 0.5
"""Pause between two checks for a pod network."""

ADMINISTRATORS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "kubeadm:cluster-admins"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"},
    ],
}
"""What ``kubeadm init`` gives the group of the administrator's certificate."""


class Fleet:
    """Boots machines in the order of their creation, one step at a time, in a separate thread.

    It does what `boot.sh` does after the packages: it fetches the secrets that the user data names, and starts an API
    server or a node by kubeadm's configuration. There is no cloud-init, no kubeadm, no kubelet and no network.

    Args:
        name: name of the sandbox that replaces the control plane.
        parameter: reads a secret from SSM, as a machine does.
        report: receives a line about each step of a machine.
        answers: receives an administrator's kubeconfig of each API server that has started.
        deployed: receives the sandbox and the names of its Deployments, repeatedly.
    """

    problems: list[str]
    """Errors during the boot of machines."""

    broken: set[str]
    """Nodes whose machines run but do not finish their boot, as if a package mirror were down."""

    def __init__(
        self,
        name: str,
        parameter: Callable[[str], str],
        report: Callable[[str], None],
        answers: Callable[[dict[str, Any]], None],
        deployed: Callable[[Sandbox, set[str]], None],
    ) -> None:
        self.problems = []
        self.broken = set()
        self._name = name
        self._parameter = parameter
        self._report = report
        self._answers = answers
        self._deployed = deployed
        self._steps: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._instances: dict[str, Values] = {}
        self._boots: dict[str, Boot] = {}
        self._addresses: dict[str, str] = {}
        self._leads: dict[str, Forwarder] = {}
        self._sandbox: Sandbox | None = None
        self._joined: set[str] = set()

    @property
    def sandbox(self) -> Sandbox | None:
        """The sandbox that replaces the control plane; None while there is none."""
        return self._sandbox

    def start(self) -> None:
        """Starts to accept machines."""
        self._thread.start()

    def end(self) -> None:
        """Ends everything that was started."""
        self._steps.put(None)
        self._thread.join()
        for lead in self._leads.values():
            lead.end()
        if self._sandbox is not None:
            self._sandbox.down()

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """Makes the API server unreachable at its address while the block runs."""
        for lead in self._leads.values():
            lead.end()
        try:
            yield
        finally:
            for lead in self._leads.values():
                lead.start()

    def created(self, kind: str, id_: str, outputs: Values) -> None:
        """Boots the machine of a new instance, or records its address."""
        if kind == ADDRESS:
            self._steps.put(lambda: self._addresses.update({id_: outputs["publicIp"]}))
        elif kind == INSTANCE:
            self._steps.put(lambda: self._boot(id_, outputs))
        elif kind == ASSOCIATION:
            self._steps.put(lambda: self._lead(id_, outputs))

    def deleted(self, kind: str, id_: str) -> None:
        """Ends the machine of a deleted instance, or forgets its address."""
        if kind == INSTANCE:
            self._steps.put(lambda: self._stop(id_))
        elif kind == ASSOCIATION and id_ in self._leads:
            self._steps.put(self._leads.pop(id_).end)

    def _work(self) -> None:
        while True:
            try:
                step = self._steps.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                step = self._inspect
            if step is None:
                return
            try:
                step()
            except Exception as error:
                self.problems.append(repr(error))
                self._report(f"a machine did not boot: {error!r}")

    def _boot(self, id_: str, instance: Values) -> None:
        self._instances[id_] = instance
        self._boots[id_] = read_user_data(instance["userData"])
        self._advance(id_)

    def repair(self, node: str) -> None:
        """Continues the boot of a broken machine, as a second run of its boot script does."""
        self.broken.discard(node)
        for id_, boot in list(self._boots.items()):
            if boot.node == node:
                self._steps.put(lambda id_=id_: self._advance(id_))  # type: ignore[misc]

    def _advance(self, id_: str) -> None:
        if self._boots[id_].node in self.broken:
            return
        if self._boots[id_].role is Role.CONTROL_PLANE:
            self._initialise(id_)
        for waiting in self._boots:
            broken = self._boots[waiting].node in self.broken
            if self._sandbox is not None and waiting not in self._joined and not broken:
                self._join(waiting)

    def _initialise(self, id_: str) -> None:
        boot = self._boots[id_]
        pki = {file: self._parameter(f"{boot.parameters}/pki/{file}").encode() for file in boot.pki_files}
        certificate, key = server_certificate(pki["ca.crt"], pki["ca.key"], boot.server_names)
        signed = {"ca.crt": pki["ca.crt"], "ca.key": pki["ca.key"], "admin.crt": certificate, "admin.key": key}
        sandbox = Sandbox(self._name, nodes={}, pki=signed)
        sandbox.up()
        self._sandbox = sandbox
        with sandbox.client() as client:
            client.post(
                "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", json=ADMINISTRATORS
            ).raise_for_status()
        self._answers(yaml.safe_load(sandbox.kubeconfig.read_text()))
        self._report(f"{boot.node}: a real API server runs in its place, with the stack's own certificates")

    def _join(self, id_: str) -> None:
        boot = self._boots[id_]
        if self._sandbox is None:
            return
        for secret in ("join/token", "join/ca-hash"):
            self._parameter(f"{boot.parameters}/{secret}")  # without an API server it could not join
        manifest = node_object(boot, self._instances[id_], id_)
        with self._sandbox.client() as client:
            answer = client.post("/api/v1/nodes", json=manifest)
            # A kubelet uses the existing Node of its name, and does not change its provider ID.
            if answer.status_code != httpx.codes.CONFLICT:
                answer.raise_for_status()
        self._joined.add(id_)
        self._report(f"{boot.node}: joined, by a simulated kubelet")

    def _lead(self, id_: str, association: Values) -> None:
        if association["instanceId"] not in self._instances:
            raise RuntimeError(f"the address is given to {association['instanceId']}, which is no machine that runs")
        if self._sandbox is None:
            return  # its machine is broken, and nothing listens
        behind = int(self._sandbox.server.rpartition(":")[2])
        lead = Forwarder(self._addresses[association["allocationId"]], API_SERVER_PORT, behind)
        lead.start()
        self._leads[id_] = lead

    def _stop(self, id_: str) -> None:
        boot = self._boots.pop(id_)
        self._instances.pop(id_)
        self._joined.discard(id_)
        if self._sandbox is None:
            return
        if boot.role is Role.CONTROL_PLANE:
            self._sandbox.down()
            self._sandbox = None
            # The kubelets keep running, and the new API server has no Node objects, as after the loss of a control
            # plane.
            self._joined.clear()
        else:
            self._label(boot.node, NODE_NOT_READY)

    def _inspect(self) -> None:
        """Marks nodes Ready when the pod network runs on the cluster."""
        if self._sandbox is None or not self._joined:
            return
        with self._sandbox.client() as client:
            self._deployed(self._sandbox, _names(client, "deployments"))
            if NODE_AGENT not in _names(client, "daemonsets"):
                return
            waiting = client.get("/api/v1/nodes", params={"labelSelector": NODE_FAULT_LABEL}).raise_for_status()
            names = {self._boots[id_].node for id_ in self._joined}
            for node in waiting.json()["items"]:
                if node["metadata"]["name"] in names:
                    self._label(node["metadata"]["name"], None)

    def _label(self, node: str, fault: str | None) -> None:
        if self._sandbox is None:
            return
        # The node may have been deleted in the meantime.
        with self._sandbox.client() as client, contextlib.suppress(httpx.HTTPStatusError):
            client.patch(
                f"/api/v1/nodes/{node}",
                json={"metadata": {"labels": {NODE_FAULT_LABEL: fault}}},
                headers={"content-type": "application/merge-patch+json"},
            ).raise_for_status()


def _names(client: httpx.Client, workloads: str) -> set[str]:
    listed = client.get(f"/apis/apps/v1/{workloads}").raise_for_status().json()
    return {item["metadata"]["name"] for item in listed["items"]}
