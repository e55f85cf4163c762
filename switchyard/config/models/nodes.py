"""The node table: the machines of a cluster, and the labels and taints of their nodes."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, Strict, ValidationInfo
from pydantic.alias_generators import to_camel

from switchyard.config.kubernetes import HOSTNAME_LABEL, REGION_LABEL, ZONE_LABEL
from switchyard.config.models.base import Int, Model
from switchyard.config.models.instance_types import FAMILIES
from switchyard.config.models.machine_types import MACHINES, MachineType
from switchyard.config.types.text import LabelKey, LabelValue

WORKLOAD = "workload"
"""Label that says what a node is for; node selectors name it."""

DEDICATED = "dedicated"
"""Key of the taint that keeps a node for one service."""

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
"""Label and taint of the control plane, as kubeadm sets them."""


class Role(StrEnum):
    """Role of a node in the cluster."""

    CONTROL_PLANE = "controlPlane"
    WORKER = "worker"


class Taint(Model):
    """A taint of a node."""

    key: str = Field(description="Key of the taint.")
    value: str | None = Field(default=None, description="Value of the taint. Without it the taint has none.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        default="NoSchedule", description="What the taint does with pods that do not tolerate it."
    )


class Toleration(Model):
    """A toleration of a pod, as Kubernetes has it."""

    key: LabelKey | None = Field(
        default=None,
        description=(
            "Key of the taints that are tolerated. Without it, under `operator: Exists`, every taint is tolerated."
        ),
        examples=["dedicated"],
    )
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal",
        description="`Equal` tolerates taints with the key and the value, `Exists` those with the key and any value.",
    )
    value: LabelValue | None = Field(
        default=None, description="Value of the taints that are tolerated, under `operator: Equal`.", examples=["redis"]
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None,
        description="Effect of the taints that are tolerated. Without it every effect is tolerated.",
        examples=["NoSchedule"],
    )
    toleration_seconds: Annotated[Int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None,
        description=(
            "Seconds for which a pod stays on a node that gets a taint of the effect `NoExecute`. Without it the pod "
            "stays."
        ),
        examples=[30],
    )

    def tolerates(self, taint: Taint) -> bool:
        """Whether a pod with this toleration may run on a node with the taint."""
        if self.effect is not None and self.effect != taint.effect:
            return False
        if self.key is None:
            return self.operator == "Exists"
        return self.key == taint.key and (self.operator == "Exists" or (self.value or "") == (taint.value or ""))


class _OtherKeysError(ValueError):
    """An instance type that contradicts other keys of its node.

    Attributes:
        siblings: keys that have to be removed if the type is set to one of the table.
    """

    def __init__(self, text: str, siblings: Iterable[str]) -> None:
        super().__init__(text)
        self.siblings = tuple(to_camel(key) for key in siblings)


def _known_machine(name: str, info: ValidationInfo) -> str:
    """Accepts a type whose size is known, from the table or from the other two keys of the node."""
    sizes: Mapping[str, Any] = info.data or {}  # without a node around it, a type must be one of the table
    figures = {key: sizes.get(key) for key in ("vcpu", "memory_gb")}
    known, missing = MACHINES.get(name), [key for key, value in figures.items() if value is None]
    has_invalid_figure = bool(sizes) and any(key not in sizes for key in figures)  # that key has its own error
    if known is None and missing and not has_invalid_figure:
        keys = " and ".join(to_camel(key) for key in missing)
        raise _OtherKeysError(
            f"unknown instance type; known are the usual sizes of {', '.join(FAMILIES)} | For another one set {keys} "
            "of the node as well, to the figures of its type.",
            (key for key in figures if key not in missing),
        )
    if known is not None:
        table = {"vcpu": known.vcpu, "memory_gb": known.memory_mib / 1024}
        different = [key for key, value in figures.items() if value is not None and value != table[key]]
        if different:
            raise _OtherKeysError(
                f"has {known.vcpu} vCPU and {table['memory_gb']:g} GiB, and vcpu or memoryGb of the node differ | "
                "The program knows the figures of this type.",
                different,
            )
    return name


class NodeSettings(Model):
    """One node of the cluster, and the machine that it is."""

    indivisible: ClassVar[bool] = True

    role: Role = Field(
        default=Role.WORKER, description="What the node is for: `controlPlane` or `worker`.", examples=["controlPlane"]
    )
    # Before the type, whose validator reads them.
    vcpu: Annotated[Int, Field(ge=1, le=2000)] | None = Field(
        default=None,
        description="Virtual CPUs, only for an instance type that this program does not know.",
        examples=[4],
    )
    memory_gb: Annotated[float, Strict(), Field(ge=1, le=32768)] | None = Field(
        default=None,
        description="Nominal memory in GiB, only for an instance type that this program does not know.",
        examples=[16],
    )
    type: Annotated[LabelValue, AfterValidator(_known_machine)] = Field(
        description="EC2 instance type. For an existing cluster, the type that comes closest to the machine.",
        examples=["t3.medium"],
    )
    zone: LabelValue = Field(description="Availability zone.", examples=["ap-northeast-2b"])
    disk_gb: Int = Field(ge=8, le=16384, description="Size of the root disk in GB.", examples=[40])
    workload: LabelValue | None = Field(
        default=None,
        description=(
            "Value of the node's label `workload`, which node selectors name. Without it the node does not "
            "have the label."
        ),
        examples=["application"],
    )
    dedicated: LabelValue | None = Field(
        default=None,
        description=(
            "Value of the taint `dedicated`, which keeps the node for one service. Without it the node does "
            "not have the taint."
        ),
        examples=["redis"],
    )

    @property
    def machine(self) -> MachineType:
        """The instance type of the node, with its CPU and memory."""
        if self.vcpu is None or self.memory_gb is None:
            return MACHINES[self.type]
        return MachineType(self.type, self.vcpu, round(self.memory_gb * 1024))


def kubelet_labels(name: str, node: NodeSettings) -> dict[str, str]:
    """Labels that a kubelet on EC2 sets on its node."""
    return {
        HOSTNAME_LABEL: name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": node.machine.architecture,
        "node.kubernetes.io/instance-type": node.type,
        ZONE_LABEL: node.zone,
        REGION_LABEL: node.zone[:-1],
    }


def labels(node: NodeSettings) -> dict[str, str]:
    """Labels that the stack applies to a node."""
    node_labels = {}
    if node.role is Role.CONTROL_PLANE:
        node_labels[CONTROL_PLANE] = ""
    if node.workload is not None:
        node_labels[WORKLOAD] = node.workload
    return node_labels


def taints(node: NodeSettings) -> list[Taint]:
    """Taints that the stack applies to a node."""
    node_taints = []
    if node.role is Role.CONTROL_PLANE:
        node_taints.append(Taint(key=CONTROL_PLANE))
    if node.dedicated is not None:
        node_taints.append(Taint(key=DEDICATED, value=node.dedicated))
    return node_taints


def _dedicated(type_: str, zone: str, disk_gb: int, service: str) -> NodeSettings:
    return NodeSettings.model_construct(type=type_, zone=zone, disk_gb=disk_gb, workload=service, dedicated=service)


DEFAULT_NODES: Mapping[str, NodeSettings] = MappingProxyType(
    {
        "k8s-master": NodeSettings.model_construct(
            role=Role.CONTROL_PLANE, type="t3.large", zone="ap-northeast-2a", disk_gb=80
        ),
        "k8s-worker-1": NodeSettings.model_construct(
            type="t3.medium", zone="ap-northeast-2b", disk_gb=40, workload="application"
        ),
        "k8s-worker-2": NodeSettings.model_construct(
            type="t3.medium", zone="ap-northeast-2c", disk_gb=40, workload="application"
        ),
        "k8s-rabbitmq": _dedicated("t3.small", "ap-northeast-2a", 40, "rabbitmq"),
        "k8s-postgresql": _dedicated("t3.small", "ap-northeast-2b", 60, "postgresql"),
        "k8s-redis": _dedicated("t3.small", "ap-northeast-2c", 30, "redis"),
        "k8s-monitoring": _dedicated("t3.large", "ap-northeast-2c", 60, "monitoring"),
    }
)
"""The default node table: one control plane, two workers for applications, four dedicated to a service each."""
