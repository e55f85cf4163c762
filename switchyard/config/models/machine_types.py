"""EC2 instance types: capacity of a node of each type, and what is allocatable for pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from switchyard.config.models.instance_types import BURSTABLE, NOT_EBS_OPTIMIZED, architecture, family, instance_types


@dataclass(frozen=True)
class Reservations:
    """Resources that the kubelet reserves on every node.

    Attributes:
        kube_cpu_m: kubelet and container runtime, millicores.
        kube_memory_mib: kubelet and container runtime, MiB.
        system_cpu_m: systemd, the base system without sshd, journald and the SSM agent, millicores.
        system_memory_mib: memory of the same processes, MiB.
        eviction_memory_mib: `evictionHard` for memory, MiB: under it pods are evicted.
        disk_percent: `evictionHard` for the file system, kept free, percent.
        max_pods: the kubelet's own default.
    """

    kube_cpu_m: int = 70
    kube_memory_mib: int = 255
    system_cpu_m: int = 50
    system_memory_mib: int = 100
    eviction_memory_mib: int = 100
    disk_percent: int = 10
    max_pods: int = 110


RESERVATIONS = Reservations()
"""Reservations of the kubelet, which the sandbox's nodes, the capacity check and the kubelet's configuration use.

CPU and memory follow the order of magnitude that managed Kubernetes services reserve on 2-vCPU nodes
(60-70 millicores; 255 MiB before the part that grows with the number of pods).
"""

DAEMONS_CPU_M = 250
"""CPU requests of DaemonSets on every node in millicores: the default request of calico-node."""

FIRMWARE_PERCENT = 4
"""Share of the nominal memory that the operating system of an EC2 machine does not see, percent.

Firmware and kernel take it: a t3.medium of nominally 4096 MiB reports about 3.8 GiB. This is a conservative estimate; a
real node reports its own value.
"""


@dataclass(frozen=True)
class MachineType:
    """One EC2 instance type.

    Attributes:
        name: name of the type, as EC2 spells it.
        vcpu: virtual CPUs.
        memory_mib: nominal memory in MiB, from the EC2 instance type table.
    """

    name: str
    vcpu: int
    memory_mib: int

    @property
    def architecture(self) -> str:
        """Architecture of the processor, as Kubernetes names it: ``amd64`` or ``arm64``."""
        return architecture(self.name)

    @property
    def burstable(self) -> bool:
        """Whether machines of this type earn and spend CPU credits."""
        return family(self.name) in BURSTABLE

    @property
    def ebs_optimized(self) -> bool:
        """Whether EC2 starts machines of this type with EBS optimization."""
        return family(self.name) not in NOT_EBS_OPTIMIZED

    @property
    def capacity_memory_mib(self) -> int:
        """Memory that the operating system reports, in MiB."""
        return self.memory_mib * (100 - FIRMWARE_PERCENT) // 100

    @property
    def allocatable_cpu_m(self) -> int:
        """CPU that is allocatable for pods, in millicores."""
        return self.vcpu * 1000 - RESERVATIONS.kube_cpu_m - RESERVATIONS.system_cpu_m

    @property
    def allocatable_memory_mib(self) -> int:
        """Memory that is allocatable for pods, in MiB."""
        reserved = RESERVATIONS.kube_memory_mib + RESERVATIONS.system_memory_mib
        return self.capacity_memory_mib - reserved - RESERVATIONS.eviction_memory_mib

    def capacity(self, disk_gb: int) -> dict[str, str]:
        """`status.capacity` of a node of this type with a root disk of so many GB."""
        return {
            "cpu": str(self.vcpu),
            "memory": f"{self.capacity_memory_mib}Mi",
            "ephemeral-storage": f"{disk_gb}Gi",
            "pods": str(RESERVATIONS.max_pods),
        }

    def allocatable(self, disk_gb: int) -> dict[str, str]:
        """`status.allocatable`: the capacity less the kubelet's reservations."""
        return {
            "cpu": f"{self.allocatable_cpu_m}m",
            "memory": f"{self.allocatable_memory_mib}Mi",
            "ephemeral-storage": f"{disk_gb * 1024 * (100 - RESERVATIONS.disk_percent) // 100}Mi",
            "pods": str(RESERVATIONS.max_pods),
        }


MACHINES: Mapping[str, MachineType] = MappingProxyType(
    {name: MachineType(name, vcpu, memory_mib) for name, vcpu, memory_mib in instance_types()}
)
"""Instance types whose vCPUs and memory are known, by name."""
