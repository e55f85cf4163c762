"""A kubeadm cluster on EC2 that the stack creates."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from switchyard.config.models.addons import (
    CALICO,
    LOAD_BALANCER_CONTROLLER,
    METRICS_SERVER,
    ArgoRolloutsChart,
    Chart,
    RemovableChart,
)
from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.models.cluster import ClusterModel
from switchyard.config.models.load_balancer import LoadBalancerSettings
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings, Role
from switchyard.config.types.aws import Cidr, ClusterName, KubernetesVersion, NodeName, TagKey, TagValue
from switchyard.config.types.text import Subdomain, matching

CONTROL_PLANE_LIMIT = 1
"""Number of control plane machines. The only one runs etcd, which is restored from its snapshots."""

KUBERNETES_MINORS = ("1.34",)
"""Minor versions for which kubeadm's configuration is rendered: that of the pinned kubeadm, which the tests run."""

AWS_PREFIXES = (16, 28)
"""Shortest and longest prefix of a VPC and of a subnet (API reference of EC2, CreateVpc and CreateSubnet)."""

DISK_GB: Mapping[Role, int] = {Role.WORKER: 20, Role.CONTROL_PLANE: 25}
"""Smallest root disk, GB.

8 for the image (the root volume of Canonical's Ubuntu Server images), 8 for the images of pods, those of two versions
of a service among them, and their logs (an estimate on the careful side), a tenth for the journal (journald's own
limit), a tenth kept free (`RESERVATIONS.disk_percent`). The control plane has etcd's database too, which etcd limits
to 2 GiB, a snapshot of it on its way to the bucket, and the audit log.
"""


class NetworkSettings(Model):
    """The CIDR blocks of a cluster on EC2, and who may reach its API server."""

    vpc: Cidr = Field(
        default=IPv4Network("10.0.0.0/16"),
        description="CIDR block of the VPC, with a prefix of 16 to 28 bits.",
        examples=["10.1.0.0/16"],
    )
    subnets: dict[str, Cidr] = Field(
        default_factory=lambda: {
            "ap-northeast-2a": IPv4Network("10.0.1.0/24"),
            "ap-northeast-2b": IPv4Network("10.0.2.0/24"),
            "ap-northeast-2c": IPv4Network("10.0.3.0/24"),
        },
        description=(
            "CIDR block of a public subnet by availability zone, for each zone that has a node. Default: one "
            "for each of ap-northeast-2a, -2b and -2c."
        ),
        examples=[{"ap-northeast-2a": "10.1.1.0/24"}],
    )
    pods: Cidr = Field(default=IPv4Network("192.168.0.0/16"), description="CIDR block of the pods, outside of the VPC.")
    services: Cidr = Field(
        default=IPv4Network("10.96.0.0/12"),
        description="CIDR block of the Services, outside of the VPC and of the pods.",
    )
    administrators: tuple[Cidr, ...] = Field(
        default=(),
        description=(
            "CIDR blocks that may reach the API server, besides the nodes. The address from which `pulumi "
            "up` runs must be in one of them."
        ),
        examples=[["203.0.113.0/24"]],
    )
    flow_log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365] = Field(
        default=30, description="Days for which CloudWatch keeps the flow logs of the VPC."
    )


class PkiSettings(Model):
    """How long certificates are valid, and how long before they expire an update renews them or warns."""

    ca_days: Int = Field(
        default=3650, ge=30, le=7300, description="Days for which the certificate authorities are valid."
    )
    server_days: Int = Field(
        default=365,
        ge=1,
        le=3650,
        description=(
            "Days for which the certificates that kubeadm signs when the control plane starts are valid. "
            "They are renewed only on that machine, see docs/runbook.md."
        ),
    )
    admin_days: Int = Field(
        default=365, ge=1, le=3650, description="Days for which the administrator's certificate is valid."
    )
    renew_before_days: Int = Field(
        default=30,
        ge=1,
        le=365,
        description=(
            "Days before a certificate expires from which an update renews the administrator's certificate, or, for "
            "every other certificate, warns and says how to renew it."
        ),
    )


class MachineSettings(Model):
    """What all EC2 instances of the cluster have in common."""

    ami: Annotated[str, matching(r"ami-[0-9a-f]{8,17}", "must be the id of an image | Example: ami-0abc…")] | None = (
        Field(
            default=None,
            description=(
                "AMI of all nodes. Without it, each instance uses the Ubuntu LTS image that is the newest when it is "
                "created, and keeps it."
            ),
            examples=["ami-0123456789abcdef0"],
        )
    )
    credits: Literal["standard", "unlimited"] = Field(
        default="unlimited",
        description="CPU credits of burstable types (T2, T3, T3a) when a node uses more than its share of CPU.",
        examples=["standard"],
    )
    termination_protection: Bool | None = Field(
        default=None,
        description=(
            "Whether the instances are protected against termination. Default: true in a production stack, "
            "otherwise false."
        ),
        examples=[True],
    )
    boot_timeout_seconds: Int = Field(
        default=900,
        ge=10,
        le=3600,
        description=(
            "Seconds within which a new instance must join the cluster, including packages, images and kubeadm. "
            "Three to five minutes are usual."
        ),
    )


class BackupSettings(Model):
    """Snapshots of etcd and the certificates of the control plane, which are kept in an S3 bucket."""

    every_minutes: Int = Field(default=15, ge=5, le=1440, description="Minutes between two snapshots.")
    keep_days: Int = Field(default=14, ge=1, le=365, description="Days after which a snapshot is deleted.")


class Ec2Cluster(ClusterModel):
    """A kubeadm cluster that this stack creates on EC2: network, certificates, instances and add-ons."""

    heading: ClassVar[str] = "A cluster on EC2"
    kind: Literal["ec2"] = Field(
        description=(
            "Kind of the cluster: `ec2` for one that this stack creates on EC2, `existing` for one that is "
            "already running."
        )
    )
    name: ClusterName = Field(
        description="Name of the cluster, in the tags and names of its AWS resources.", examples=["production"]
    )
    region: Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "must be a region | Example: ap-northeast-2")] = Field(
        default="ap-northeast-2", description="AWS region.", examples=["eu-central-1"]
    )
    account: Annotated[str, matching(r"[0-9]{12}", "must be the 12 digits of an account, in quotes")] | None = Field(
        default=None,
        description=(
            "ID of the AWS account. With it, credentials of another account are refused. Without it, every "
            "account is accepted."
        ),
        examples=["123456789012"],
    )
    kubernetes: KubernetesVersion = Field(
        default="1.34.1", description="Version of kubeadm, the kubelets and the control plane.", examples=["1.34.1"]
    )
    hostname: Subdomain | None = Field(
        default=None,
        description=(
            "DNS name of the API server, in its certificate and in the kubeconfig. Default: its Elastic IP address."
        ),
        examples=["api.cluster.example.org"],
    )
    network: NetworkSettings = Field(
        default_factory=NetworkSettings, description="CIDR blocks, and who may reach the API server."
    )
    nodes: dict[NodeName, NodeSettings] = Field(
        default_factory=lambda: dict(DEFAULT_NODES),
        description=(
            "Nodes by name: one EC2 instance each. Exactly one of them is the control plane. Default: the "
            "seven nodes of the node table."
        ),
        examples=[
            {"k8s-master": {"role": "controlPlane", "type": "t3.large", "zone": "ap-northeast-2a", "diskGb": 80}}
        ],
    )
    machines: MachineSettings = Field(
        default_factory=MachineSettings, description="What all EC2 instances have in common."
    )
    pki: PkiSettings = Field(default_factory=PkiSettings, description="How long certificates are valid.")
    backup: BackupSettings = Field(default_factory=BackupSettings, description="Snapshots of etcd.")
    tags: dict[TagKey, TagValue] = Field(
        default_factory=dict,
        description="Tags of every AWS resource that can have tags, by key.",
        examples=[{"environment": "production"}],
    )
    calico: Chart = Field(default=CALICO, description="Helm chart of Calico, the pod network.")
    load_balancer_controller: RemovableChart | None = Field(
        default=LOAD_BALANCER_CONTROLLER,
        description="Helm chart of AWS Load Balancer Controller. With null it is not installed.",
    )
    metrics_server: RemovableChart | None = Field(
        default=METRICS_SERVER,
        description="Helm chart of metrics-server, which autoscaling needs. With null it is not installed.",
    )
    argo_rollouts: ArgoRolloutsChart | None = Field(
        default=None,
        description=(
            "Helm chart of Argo Rollouts, which the strategies `canary` and `argoBlueGreen` need. Without it "
            "Argo Rollouts is not installed."
        ),
        examples=[{"version": "2.41.0"}],
    )
    load_balancer: LoadBalancerSettings | None = Field(
        default=None,
        description="The Application Load Balancer in front of the services. Without it there is none.",
        examples=[{"routes": [{"service": "backend"}]}],
    )

    @property
    def identifier(self) -> str:
        """Name of the cluster in the state."""
        return self.name

    @property
    def control_plane(self) -> str:
        """Name of the control plane's node."""
        return next(name for name, node in self.nodes.items() if node.role is Role.CONTROL_PLANE)
