"""The configuration of a machine, read from the user data that it would get."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from moto.ec2.models.instance_types import INSTANCE_TYPES

from devtools.sandbox.faults import NODE_FAULT_LABEL, NODE_NOT_READY
from devtools.sandbox.nodes import SIMULATED
from switchyard.bootstrap.kubeadm import NODE_IP, PROVIDER_ID
from switchyard.config.models.machine_types import MACHINES, MachineType
from switchyard.config.models.nodes import CONTROL_PLANE, Role

INIT, CLUSTER, JOIN = "InitConfiguration", "ClusterConfiguration", "JoinConfiguration"


@dataclass(frozen=True)
class Boot:
    """The configuration in the user data of a machine.

    Attributes:
        node: name of the node.
        role: role of the node.
        parameters: first part of the names of its secrets.
        pki_files: files that it fetches below ``pki/``.
        kubeadm: documents for kubeadm, by kind.
    """

    node: str
    role: Role
    parameters: str
    pki_files: tuple[str, ...]
    kubeadm: Mapping[str, Mapping[str, Any]]

    @property
    def server_names(self) -> list[str]:
        """Names in the API server's certificate, on the control plane."""
        return list(self.kubeadm[CLUSTER]["apiServer"]["certSANs"])


def read_user_data(text: str) -> Boot:
    """Reads a machine's user data.

    Raises:
        ValueError: it is not the user data of a node of this project.
    """
    try:
        files = {file["path"]: file["content"] for file in yaml.safe_load(text)["write_files"]}
        entries = shlex.split(files["/etc/switchyard/node.env"])
        environment = dict(entry.split("=", 1) for entry in entries)
        documents = yaml.safe_load_all(files["/etc/switchyard/kubeadm.yaml"])
        return Boot(
            node=environment["NODE"],
            role=Role(environment["ROLE"]),
            parameters=environment["PARAMETERS"],
            pki_files=tuple(environment.get("PKI_FILES", "").split()),
            kubeadm={document["kind"]: document for document in documents},
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"no user data of a node: {error!r}") from error


def node_object(boot: Boot, instance: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """The node as its kubelet registers it: with the labels and taints of its user data, and not Ready yet.

    Args:
        boot: the configuration of the machine.
        instance: properties of the machine.
        id_: id of the machine.
    """
    registration = boot.kubeadm[INIT if boot.role is Role.CONTROL_PLANE else JOIN]["nodeRegistration"]
    given = {argument["name"]: argument["value"] for argument in registration["kubeletExtraArgs"]}
    if (given["provider-id"], given["node-ip"]) != (PROVIDER_ID, NODE_IP):
        raise ValueError("the boot script gives the kubelet neither its provider id nor its address")
    labels = dict(pair.split("=", 1) for pair in given["node-labels"].split(","))
    if boot.role is Role.CONTROL_PLANE:
        labels[CONTROL_PLANE] = ""  # kubeadm's own
    machine = _machine(instance["instanceType"])
    disk_gb = instance["rootBlockDevice"]["volumeSize"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": registration["name"],
            "annotations": SIMULATED,
            "labels": {
                **labels,
                "kubernetes.io/hostname": registration["name"],
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": machine.architecture,
                # the taint of a node that has no pod network yet
                NODE_FAULT_LABEL: NODE_NOT_READY,
            },
        },
        "spec": {
            "providerID": f"aws:///{instance['availabilityZone']}/{id_}",
            "taints": registration["taints"],
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": instance["privateIp"]},
                {"type": "Hostname", "address": registration["name"]},
            ],
            "capacity": machine.capacity(disk_gb),
            "allocatable": machine.allocatable(disk_gb),
        },
    }


def _machine(name: str) -> MachineType:
    """The vCPUs and memory of an instance type, from the table or from EC2's answer."""
    if (known := MACHINES.get(name)) is not None:
        return known
    described = INSTANCE_TYPES[name]
    return MachineType(name, described["VCpuInfo"]["DefaultVCpus"], described["MemoryInfo"]["SizeInMiB"])
