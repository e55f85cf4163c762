"""A cluster of EC2 machines that this program makes, with kubeadm on them."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from switchyard.config.models.addons import CALICO, LOAD_BALANCER_CONTROLLER, METRICS_SERVER, ArgoRolloutsChart, Chart
from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings, Role
from switchyard.config.types.listener_rules import RouteHost, RoutePath
from switchyard.config.types.text import Subdomain, matching


def _network(value: object) -> object:
    """Takes a text with a prefix only: of a number, or of an address alone, Python makes a network of one address."""
    if isinstance(value, IPv4Network):
        return value
    try:
        return IPv4Network(value if isinstance(value, str) and "/" in value else "")
    except ValueError:
        raise ValueError(
            "must be an IPv4 network: its first address, / and the length of its prefix | Example: 10.0.0.0/16"
        ) from None


Cidr = Annotated[IPv4Network, BeforeValidator(_network)]

NodeName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "must be a DNS label, it is the machine's hostname: at most 63 of a-z 0-9 -, not - at an end | "
        "Example: k8s-worker-3",
    ),
]

# The AWS Load Balancer Controller reads tags as key=value,key=value: a key ends at the first = and spaces around either
# are dropped. Everywhere, with a load balancer or without: the tags of a cluster are the same on all that it has, and
# the controller gets them in any case, as its defaultTags.
TagKey = Annotated[
    str,
    matching(
        r"(?! )[\w .:/+@-]{1,128}(?<! )",
        "must be the key of a tag: 1 to 128 letters, digits, spaces and _ . : / + - @, no space at an end; the "
        "controller of the load balancer would read a key with = as a shorter one",
    ),
]
TagValue = Annotated[
    str,
    matching(
        r"(?! )[\w .:/=+@-]{0,256}(?<! )",
        "must be the value of a tag: at most 256 letters, digits, spaces and _ . : / = + - @, no space at an end",
    ),
]

ClusterName = Annotated[
    str,
    matching(
        r"[a-z][-a-z0-9]{0,30}[a-z0-9]",
        "must be 2 to 32 of a-z 0-9 -, a letter first, not - last | Example: production",
    ),
]

KubernetesVersion = Annotated[
    str,
    matching(r"1\.[0-9]+\.[0-9]+", "must be a patch release of Kubernetes | Example: 1.34.1"),
]

CONTROL_PLANE_LIMIT = 1
"""Machines of the control plane: etcd is on the only one, and is restored from its snapshots."""

KUBERNETES_MINORS = ("1.34",)
"""Minors that kubeadm's configuration is rendered for: that of the pinned kubeadm, which the tests try it with."""

AWS_PREFIXES = (16, 28)
"""Of a VPC and of a subnet: API reference of EC2, CreateVpc and CreateSubnet."""

DISK_GB: Mapping[Role, int] = {Role.WORKER: 20, Role.CONTROL_PLANE: 25}
"""Smallest root disk, GB.

8 for the image (the root volume of Canonical's Ubuntu Server images), 8 for the images of pods, those of two versions
of a service among them, and their logs (an estimate on the careful side), a tenth for the journal (journald's own
limit), a tenth kept free (`RESERVATIONS.disk_percent`). The control plane has etcd's database too, which etcd limits
to 2 GiB, a snapshot of it on its way to the bucket, and the audit log.
"""


class NetworkSettings(Model):
    """Addresses.

    Attributes:
        vpc: of the whole network.
        subnets: a public subnet for each zone that a node is in.
        pods: addresses of pods, outside the VPC.
        services: addresses of Services, outside both.
        administrators: from where the API server is reached, besides the nodes; that of `pulumi up` is one of them.
        flow_log_days: retention of the VPC's flow logs, days, one of CloudWatch's steps.
    """

    vpc: Cidr = IPv4Network("10.0.0.0/16")
    subnets: dict[str, Cidr] = Field(
        default_factory=lambda: {
            "ap-northeast-2a": IPv4Network("10.0.1.0/24"),
            "ap-northeast-2b": IPv4Network("10.0.2.0/24"),
            "ap-northeast-2c": IPv4Network("10.0.3.0/24"),
        }
    )
    pods: Cidr = IPv4Network("192.168.0.0/16")
    services: Cidr = IPv4Network("10.96.0.0/12")
    administrators: tuple[Cidr, ...] = ()
    flow_log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365] = 30


class PkiSettings(Model):
    """How long certificates are valid, and how long before their end an update warns of it.

    Attributes:
        ca_days: of the certificate authorities.
        server_days: of those that kubeadm signs on the control plane at its start; only there they are renewed, see
            docs/runbook.md.
        admin_days: of the administrator's certificate.
        renew_before_days: within so many days of its end an update renews the administrator's certificate, and warns
            of each of the others with the way to renew it.
    """

    ca_days: Int = Field(default=3650, ge=30, le=7300)
    server_days: Int = Field(default=365, ge=1, le=3650)
    admin_days: Int = Field(default=365, ge=1, le=3650)
    renew_before_days: Int = Field(default=30, ge=1, le=365)


class MachineSettings(Model):
    """What all machines have in common.

    Attributes:
        ami: of all nodes; with None each machine takes the Ubuntu LTS image that is the newest at its own start, and
            keeps it.
        credits: of burstable types (T2, T3, T3a), when a node uses more than its share of CPU.
        termination_protection: None protects in a stack marked production.
        boot_timeout_seconds: bound on a new machine's way to the cluster: packages, images, kubeadm. Three to five
            minutes are usual.
    """

    ami: Annotated[str, matching(r"ami-[0-9a-f]{8,17}", "must be the id of an image | Example: ami-0abc…")] | None = (
        None
    )
    credits: Literal["standard", "unlimited"] = "unlimited"
    termination_protection: Bool | None = None
    boot_timeout_seconds: Int = Field(default=900, ge=10, le=3600)


class BackupSettings(Model):
    """Snapshots of etcd, and the certificates of the control plane, in a bucket.

    Attributes:
        every_minutes: between two snapshots.
        keep_days: until a snapshot is deleted.
    """

    every_minutes: Int = Field(default=15, ge=5, le=1440)
    keep_days: Int = Field(default=14, ge=1, le=365)


class LoadBalancerRoute(Model):
    """Which requests go to which service.

    Attributes:
        service: a key of switchyard:services.
        host: of the request; None takes every one.
        path: prefix of its path.
    """

    service: str
    host: RouteHost | None = None
    path: RoutePath = "/"


class LoadBalancerSettings(Model):
    """The application load balancer before all services that have a route.

    Attributes:
        certificate: ARN of a certificate of ACM; with it 443 is served and 80 leads there. None serves 80 only.
        routes: host and path to service; at least one.
        idle_timeout_seconds: of a connection without a request.
        deregistration_delay_seconds: how long a target that leaves is left to end its requests.
        healthy_threshold: answers until a target counts as healthy.
        unhealthy_threshold: failures until it does not.
        health_interval_seconds: between two looks at a target.
        health_timeout_seconds: for its answer.
        access_logs: to a bucket of the stack.
        access_log_days: until a log is deleted there.
        deletion_protection: None protects in a stack marked production.
        waf: ARN of a web ACL; None goes without. One that was there stays on the load balancer until it is taken off
            by hand: `aws wafv2 disassociate-web-acl`.
        inbound: from where it is reached.
    """

    certificate: (
        Annotated[
            str,
            matching(
                r"arn:aws[-a-z]*:acm:[-a-z0-9]+:[0-9]{12}:certificate/.+", "must be the ARN of a certificate in ACM"
            ),
        ]
        | None
    ) = None
    routes: tuple[LoadBalancerRoute, ...] = ()
    idle_timeout_seconds: Int = Field(default=60, ge=1, le=4000)
    deregistration_delay_seconds: Int = Field(default=30, ge=0, le=3600)
    healthy_threshold: Int = Field(default=2, ge=2, le=10)
    unhealthy_threshold: Int = Field(default=2, ge=2, le=10)
    health_interval_seconds: Int = Field(default=10, ge=5, le=300)
    health_timeout_seconds: Int = Field(default=5, ge=2, le=120)
    access_logs: Bool = True
    access_log_days: Int = Field(default=90, ge=1, le=3650)
    deletion_protection: Bool | None = None
    waf: Annotated[str, matching(r"arn:aws[-a-z]*:wafv2:.+", "must be the ARN of a web ACL")] | None = None
    inbound: tuple[Cidr, ...] = (IPv4Network("0.0.0.0/0"),)


class Ec2Cluster(Model):
    """A cluster of EC2 machines: network, certificates, machines with kubeadm, and what runs on every such cluster.

    Attributes:
        name: of the cluster, in tags and names.
        region: of AWS.
        account: number of the AWS account, so that credentials of another one change nothing; None takes any.
        kubernetes: version of kubeadm, kubelet and the control plane.
        hostname: a name of the API server, in its certificate and in the kubeconfig; None takes its Elastic IP.
        network: addresses.
        nodes: the node table: a machine for each.
        machines: what they have in common.
        pki: certificates.
        backup: of etcd.
        tags: on everything that AWS lets be tagged.
        calico: chart of the pod network.
        load_balancer_controller: chart of the AWS Load Balancer Controller; None goes without.
        metrics_server: chart of metrics-server; None goes without.
        argo_rollouts: chart of Argo Rollouts; None goes without.
        load_balancer: the ALB; None goes without.
    """

    kind: Literal["ec2"]
    name: ClusterName
    region: Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "must be a region | Example: ap-northeast-2")] = (
        "ap-northeast-2"
    )
    account: Annotated[str, matching(r"[0-9]{12}", "must be the 12 digits of an account, in quotes")] | None = None
    kubernetes: KubernetesVersion = "1.34.1"
    hostname: Subdomain | None = None
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    nodes: dict[NodeName, NodeSettings] = Field(default_factory=lambda: dict(DEFAULT_NODES))
    machines: MachineSettings = Field(default_factory=MachineSettings)
    pki: PkiSettings = Field(default_factory=PkiSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    tags: dict[TagKey, TagValue] = Field(default_factory=dict)
    calico: Chart = CALICO
    load_balancer_controller: Chart | None = LOAD_BALANCER_CONTROLLER
    metrics_server: Chart | None = METRICS_SERVER
    argo_rollouts: ArgoRolloutsChart | None = None
    load_balancer: LoadBalancerSettings | None = None

    @property
    def identifier(self) -> str:
        """Names the cluster in the state."""
        return self.name

    @property
    def control_plane(self) -> str:
        """Name of the control plane's node."""
        return next(name for name, node in self.nodes.items() if node.role is Role.CONTROL_PLANE)
