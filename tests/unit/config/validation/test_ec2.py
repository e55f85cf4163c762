"""Every error in the settings of an EC2 cluster gets a line, all of them at once, before anything is created."""

from typing import Any

import pytest

from devtools.toolchain.versions import KUBERNETES
from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import DISK_GB, KUBERNETES_MINORS, Ec2Cluster, NetworkSettings
from switchyard.config.models.instance_types import FAMILIES
from switchyard.config.models.nodes import DEFAULT_NODES, Role
from switchyard.config.validation.ec2 import refuse_skipped_minor
from tests.support.configuration import BACKEND, read
from tests.support.ec2_configuration import PRODUCTION, SERVICES, cluster_errors, with_

WORKER = {"type": "t3.medium", "zone": "ap-northeast-2b", "diskGb": 40}
NODE_NAME = (
    "must be a DNS label, it is the machine's hostname: at most 63 of a-z 0-9 -, not - at an end. "
    "Example: k8s-worker-3. Rename it in the stack file, or remove it: pulumi config rm --path '{}"
)
NO_ZONE = (
    "is not an availability zone of switchyard:cluster.region, which are ap-northeast-2a, ap-northeast-2b and so on. "
)
ZONES = "ap-northeast-2a, ap-northeast-2b, ap-northeast-2c"
RESERVED = (
    "is reserved: AWS, Kubernetes' controllers and this program set such tags, and act on them. Choose another key. "
    "Remove it: pulumi config rm --path '{}.tags"
)
TAG_KEY = (
    "must be the key of a tag: 1 to 128 letters, digits, spaces and _ . : / + - @, no space at an end; the controller "
    "of the load balancer would read a key with = as a shorter one. Rename it in the stack file, or remove "
    "it: pulumi config rm --path '{}.tags."
)
TAG_VALUE = (
    "must be the value of a tag: at most 256 letters, digits, spaces and _ . : / = + - @, no space at an end. "
    "For example: pulumi config set --path '{}.tags.team' "
)


def test_a_whole_configuration_of_production_is_taken() -> None:
    settings = load(PRODUCTION, SERVICES, "production")
    assert isinstance(settings.cluster, Ec2Cluster)
    assert settings.production
    assert (settings.cluster.control_plane, settings.cluster.identifier) == ("k8s-master", "production")
    assert settings.cluster.network == NetworkSettings(administrators=settings.cluster.network.administrators)
    assert settings.cluster.nodes == dict(DEFAULT_NODES)


def test_a_kind_a_name_and_an_administrator_are_enough() -> None:
    network = {"administrators": ["203.0.113.7/32"]}
    cluster = read({"backend": BACKEND}, {"kind": "ec2", "name": "staging", "network": network}).cluster
    assert cluster == Ec2Cluster(kind="ec2", name="staging", network=NetworkSettings.model_validate(network))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("name", None, "name: missing: the key has no default. Set it: pulumi config set --path '{}.name' production"),
        (
            "name",
            "My cluster",
            "name: 'My cluster': must be 2 to 32 of a-z 0-9 -, a letter first, not - last. "
            "For example: pulumi config set --path '{}.name' production",
        ),
        (
            "regoin",
            "x",
            "regoin: unknown key: only known keys are allowed. Did you mean region? "
            "Remove it: pulumi config rm --path '{}.regoin'",
        ),
        (
            "nodes/k8s-redis/type",
            "t9.huge",
            "nodes.k8s-redis.type: 't9.huge': unknown instance type; known are the usual sizes of "
            f"{', '.join(FAMILIES)}. For another one set vcpu and memoryGb of the node as well, to the figures of its "
            "type. For example: pulumi config set --path 'switchyard:cluster.nodes.k8s-redis.type' t3.medium",
        ),
        (
            "nodes/k8s-redis/type",
            "t4g.small",
            "nodes.k8s-redis.type: 't4g.small': is arm64, and the machines' image is amd64: one image is for all "
            "machines. Set it: pulumi config set --path '{}.nodes.k8s-redis.type' t3.medium",
        ),
        (
            "nodes/k8s-master/type",
            "t3.micro",
            "nodes.k8s-master.type: 't3.micro': kubeadm refuses a control plane with less than 2 vCPU or 1700 MiB. "
            "Set it: pulumi config set --path '{}.nodes.k8s-master.type' t3.large",
        ),
        (
            "nodes/k8s-redis/vcpu",
            4,
            "nodes.k8s-redis.type: 't3.small': has 2 vCPU and 2 GiB, and vcpu or memoryGb of the node differ. "
            "The program knows the figures of this type. Remove what contradicts it: "
            "pulumi config rm --path 'switchyard:cluster.nodes.k8s-redis.vcpu'",
        ),
        (
            "nodes/k8s-redis/zone",
            "us-east-1a",
            f"nodes.k8s-redis.zone: 'us-east-1a': {NO_ZONE}Take one that has a subnet: {ZONES}.",
        ),
        (
            "nodes/k8s-redis/zone",
            "ap-northeast-2d",
            "nodes.k8s-redis.zone: 'ap-northeast-2d': this zone has no subnet. "
            f"Give it one in {CLUSTER}.network.subnets, or take a zone that has one: {ZONES}.",
        ),
        ("nodes/Redis", WORKER, f"nodes.Redis: 'Redis': {NODE_NAME}.nodes.Redis'"),
        ("nodes/a.b", WORKER, f"""nodes["a.b"]: 'a.b': {NODE_NAME}.nodes["a.b"]'"""),
        (
            "nodes/k8s-redis/diskGb",
            19,
            "nodes.k8s-redis.diskGb: 19: the image, the images of pods and logs need 20 GB. "
            "Set it: pulumi config set --path '{}.nodes.k8s-redis.diskGb' 20",
        ),
        (
            "nodes/k8s-master/diskGb",
            24,
            "nodes.k8s-master.diskGb: 24: the image, the images of pods, etcd and logs need 25 GB. "
            "Set it: pulumi config set --path '{}.nodes.k8s-master.diskGb' 25",
        ),
        (
            "nodes/k8s-master/role",
            "worker",
            "nodes: no control plane: a cluster has one. Give one node the role controlPlane.",
        ),
        (
            "nodes/k8s-redis/role",
            "controlPlane",
            "nodes.k8s-redis.role: 'controlPlane': 2 control planes: an even number of etcd members tolerates no more "
            "failures than one member less, and this program runs one, which is restored from its snapshots. "
            "Set it: pulumi config set --path '{}.nodes.k8s-redis.role' worker",
        ),
        (
            "kubernetes",
            "1.36.0",
            "kubernetes: '1.36.0': its minor is not one that kubeadm's configuration is written for: 1.34. "
            "Set it: pulumi config set --path '{}.kubernetes' 1.34.1",
        ),
        (
            "kubernetes",
            "1.34",
            "kubernetes: '1.34': must be a patch release of Kubernetes. "
            "For example: pulumi config set --path '{}.kubernetes' 1.34.1",
        ),
        (
            "pki/adminDays",
            30,
            "pki.renewBeforeDays: 30: must be less than adminDays (30). "
            "Set it: pulumi config set --path '{}.pki.renewBeforeDays' 15",
        ),
        (
            "pki/caDays",
            365,
            "pki.adminDays: 365: must be less than caDays (365). "
            "Set it: pulumi config set --path '{}.pki.adminDays' 182",
        ),
        ("tags/aws:owner", "me", f"tags.aws:owner: 'aws:owner': {RESERVED}.aws:owner'"),
        ("tags/AWS:owner", "me", f"tags.AWS:owner: 'AWS:owner': {RESERVED}.AWS:owner'"),
        (
            "tags",
            {"kubernetes.io/cluster/x": "owned"},
            f"""tags["kubernetes.io/cluster/x"]: 'kubernetes.io/cluster/x': {RESERVED}["kubernetes.io/cluster/x"]'""",
        ),
        ("tags/Name", "me", f"tags.Name: 'Name': {RESERVED}.Name'"),
        ("tags/name", "me", f"tags.name: 'name': {RESERVED}.name'"),
        (
            "tags/Team",
            "me",
            "tags.Team: 'Team': differs from 'team' in case alone, which IAM takes for one key. "
            "Remove it: pulumi config rm --path '{}.tags.Team'",
        ),
        ("tags/team", "a&b", f"tags.team: 'a&b': {TAG_VALUE}example"),
        ("tags/team", "a,b=c", f"tags.team: 'a,b=c': {TAG_VALUE}example"),
        ("tags/team", "platform ", f"tags.team: 'platform ': {TAG_VALUE}platform"),
        ("tags/team", " ", f"tags.team: ' ': {TAG_VALUE}''"),
        ("tags/a=b", "c", f"tags.a=b: 'a=b': {TAG_KEY}a=b'"),
        ("tags/a,b", "c", f"tags.a,b: 'a,b': {TAG_KEY}a,b'"),
        ("tags/ a", "c", f"tags. a: ' a': {TAG_KEY} a'"),
        (
            "tags/team",
            4711,
            "tags.team: 4711: must be text, and without quotes YAML read it as a number. "
            "Put it in quotes in the stack file, or let this ask for it: "
            "pulumi config set --path '{}.tags.team' --type string",
        ),
        (
            "tags",
            {f"key-{number}": "" for number in range(41)},
            "tags: 41 tags: AWS takes 50 tags a resource, and leaves 40 beside those of the program. Remove some.",
        ),
    ],
)
def test_an_error_is_reported_on_exactly_one_line(path: str, value: Any, line: str) -> None:
    assert cluster_errors((path, value)) == [f"{CLUSTER}.{line.replace('{}', CLUSTER)}"]


def test_each_control_plane_beyond_the_first_is_reported() -> None:
    lines = cluster_errors(("nodes/k8s-redis/role", "controlPlane"), ("nodes/k8s-monitoring/role", "controlPlane"))
    assert [line.partition(": ")[0] for line in lines] == [
        f"{CLUSTER}.nodes.k8s-monitoring.role",
        f"{CLUSTER}.nodes.k8s-redis.role",
    ]
    assert all(
        ": 3 control planes: this program runs one, which is restored from its snapshots. Set it:" in line
        for line in lines
    )


def test_staging_may_be_open_and_without_tls() -> None:
    cluster = with_(("network/administrators", ["0.0.0.0/0"]), ("loadBalancer/certificate", None))
    assert load(cluster, SERVICES, "staging")


def test_settings_at_their_limits_are_accepted() -> None:
    eight = PRODUCTION["nodes"] | {"k8s-worker-3": WORKER | {"diskGb": DISK_GB[Role.WORKER]}}
    eight["k8s-master"] = eight["k8s-master"] | {"diskGb": DISK_GB[Role.CONTROL_PLANE], "zone": "ap-northeast-2b"}
    nodes = {name: node | {"zone": node["zone"].replace("2a", "2b")} for name, node in eight.items()}
    cluster = with_(
        ("nodes", nodes),
        ("network/pods", "192.168.0.0/21"),
        ("network/administrators", ["8.0.0.0/8"]),
        ("network/subnets", {"ap-northeast-2b": "10.0.0.0/27", "ap-northeast-2c": "10.0.0.32/27"}),
        ("tags", {f"key-{number}": "" for number in range(40)}),
        (
            "loadBalancer/routes",
            [{"service": "backend", "host": f"{name}.example.org", "path": "/api"} for name in ("one", "two")],
        ),
    )
    assert load(cluster, SERVICES, "production")


def test_the_instances_of_the_table_are_counted() -> None:
    services = {"backend": SERVICES["backend"] | {"nodeSelector": {"workload": "gpu"}}}
    [line] = cluster_errors(services=services)
    assert line.startswith("switchyard:services.backend.nodeSelector: workload=gpu: no node carries these labels")


@pytest.mark.parametrize(("live", "wanted"), [("v1.34.1", "1.34.9"), ("v1.34.1", "1.35.0"), ("1.34.9", "1.34.1")])
def test_the_same_minor_and_the_next_one_are_taken(live: str, wanted: str) -> None:
    assert refuse_skipped_minor(live, wanted) is None


def test_a_version_that_skips_a_minor_is_refused() -> None:
    assert str(refuse_skipped_minor("v1.32.4", "1.34.1")) == (
        f"{CLUSTER}.kubernetes: '1.34.1': the cluster runs v1.32.4, and kubeadm skips no minor. "
        "Go to a release of 1.33 first."
    )


def test_another_major_is_refused() -> None:
    assert refuse_skipped_minor("v1.34.1", "2.34.1") is not None


def test_a_version_that_goes_back_a_minor_is_refused() -> None:
    assert str(refuse_skipped_minor("v1.35.0", "1.34.1")) == (
        f"{CLUSTER}.kubernetes: '1.34.1': the cluster runs v1.35.0, and kubeadm does not go back a minor. "
        f"Set it: pulumi config set --path '{CLUSTER}.kubernetes' 1.35.0"
    )


def test_an_invalid_version_is_not_compared() -> None:
    with pytest.raises(ValueError, match="'unknown' is not a version of Kubernetes"):
        refuse_skipped_minor("unknown", "1.34.1")


def test_the_minors_are_those_of_the_pinned_kubernetes() -> None:
    assert KUBERNETES.rpartition(".")[0] in KUBERNETES_MINORS
    assert Ec2Cluster(kind="ec2", name="it").kubernetes == KUBERNETES


def test_every_machine_of_the_table_has_the_disk_it_needs() -> None:
    assert all(node.disk_gb >= DISK_GB[node.role] for node in DEFAULT_NODES.values())
    assert DISK_GB.keys() == set(Role)
