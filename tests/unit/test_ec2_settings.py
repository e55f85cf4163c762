"""Every mistake in the settings of an EC2 cluster gets a line, all of them at once, before anything is made."""

import copy
from contextlib import suppress
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.cluster import CLUSTER
from settings.ec2 import DISK_GB, KUBERNETES_MINORS, Ec2Cluster, Network
from settings.ec2_checks import PROPOSED, ec2_findings, refuse_skipped_minor
from settings.nodes import DEFAULT_NODES, Role
from settings.problems import SettingsError
from settings.stack import load
from tests.unit.configuration import BACKEND, mistakes, read
from toolchain.versions import KUBERNETES

CERTIFICATE = "arn:aws:acm:ap-northeast-2:123456789012:certificate/1f2e"
PRODUCTION: dict[str, Any] = {
    "kind": "ec2",
    "name": "production",
    "region": "ap-northeast-2",
    "kubernetes": "1.34.1",
    "hostname": "api.example.org",
    "network": {
        "vpc": "10.0.0.0/16",
        "subnets": {
            "ap-northeast-2a": "10.0.1.0/24",
            "ap-northeast-2b": "10.0.2.0/24",
            "ap-northeast-2c": "10.0.3.0/24",
        },
        "pods": "192.168.0.0/16",
        "services": "10.96.0.0/12",
        "administrators": ["203.0.113.7/32", "198.51.100.0/24"],
    },
    "nodes": {name: node.model_dump(mode="json", by_alias=True) for name, node in DEFAULT_NODES.items()},
    "tags": {"team": "platform", "cost-centre": "4711"},
    "loadBalancer": {
        "certificate": CERTIFICATE,
        "routes": [{"service": "backend", "host": "backend.example.org"}],
    },
}
SERVICES: dict[str, Any] = {"backend": BACKEND | {"nodePort": 30080}}
WORKER = {"type": "t3.medium", "zone": "ap-northeast-2b", "diskGb": 40}
NODE_NAME = (
    "must be a DNS label, it is the machine's hostname: at most 63 of a-z 0-9 -, not - at an end. Example: k8s-worker-3"
)
IS_NETWORK = "must be an IPv4 network: its first address, / and the length of its prefix. Example: 10.0.0.0/16"
NO_ZONE = "is no availability zone of switchyard:cluster.region, which are ap-northeast-2a, ap-northeast-2b and so on. "
ZONES = "ap-northeast-2a, ap-northeast-2b, ap-northeast-2c"
RESERVED = (
    "is reserved: AWS, Kubernetes' controllers and this program set such tags, and act on them. Take another key."
)
TWO_WAYS = ", and a packet to an address in both has two ways. Set it: pulumi config set --path "


def with_(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The cluster with values changed; None takes one out. A path has / between its keys."""
    cluster = copy.deepcopy(PRODUCTION)
    for path, value in copy.deepcopy(changes):
        *above, last = path.split("/")
        node = cluster
        for key in above:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return cluster


def found(*changes: tuple[str, Any], services: Any = SERVICES, stack: str = "production") -> list[str]:
    return mistakes(services, with_(*changes), stack)


def test_a_whole_configuration_of_production_is_taken() -> None:
    settings = load(PRODUCTION, SERVICES, "production")
    assert isinstance(settings.cluster, Ec2Cluster)
    assert settings.production
    assert (settings.cluster.control_plane, settings.cluster.identifier) == ("k8s-master", "production")
    assert settings.cluster.network == Network(administrators=settings.cluster.network.administrators)
    assert settings.cluster.nodes == dict(DEFAULT_NODES)


def test_a_kind_and_a_name_are_enough() -> None:
    cluster = read({"backend": BACKEND}, {"kind": "ec2", "name": "staging"}).cluster
    assert cluster == Ec2Cluster(kind="ec2", name="staging")


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("name", None, "name: missing: the key has no default. Set it: pulumi config set --path '{}.name' VALUE"),
        (
            "name",
            "My cluster",
            "name: 'My cluster': must be 2 to 32 of a-z 0-9 -, a letter first, not - last. Example: production",
        ),
        ("regoin", "x", "regoin: unknown key: only known keys are allowed. Did you mean region?"),
        (
            "nodes/k8s-redis/type",
            "t9.huge",
            "nodes.k8s-redis.type: 't9.huge': unknown instance type; known: t3.small, t3.medium, t3.large, t3.xlarge, "
            "t3.2xlarge, m5.large, m5.xlarge, m5.2xlarge, c5.large, c5.xlarge. Mend it in the stack file.",
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
        ("nodes/Redis", WORKER, f"nodes.Redis: 'Redis': {NODE_NAME}"),
        ("nodes/a.b", WORKER, f"nodes.a.b: 'a.b': {NODE_NAME}"),
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
            "nodes.k8s-redis.role: 'controlPlane': 2 control planes: an even number of members of etcd bears no more "
            "failures than one less, and this program runs one, which is restored from its snapshots. "
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
            "kubernetes: '1.34': must be a patch release of Kubernetes. Example: 1.34.1",
        ),
        ("network/vpc", "10.0.0.0", f"network.vpc: '10.0.0.0': {IS_NETWORK}"),
        ("network/vpc", 10, f"network.vpc: 10: {IS_NETWORK}"),
        ("network/administrators", ["203.0.113.7/24"], f"network.administrators.0: '203.0.113.7/24': {IS_NETWORK}"),
        (
            "network/administrators",
            ["198.51.100.0/24", "0.0.0.0/0"],
            "network.administrators.1: 0.0.0.0/0: the API server of production is not open to so many, at most to a "
            "/8. Set it: pulumi config set --path '{}.network.administrators[1]' 203.0.113.7/32, "
            "with your own address.",
        ),
        (
            "network/pods",
            "10.0.128.0/17",
            "network.pods: 10.0.128.0/17: overlaps {}.network.vpc (10.0.0.0/16)"
            + TWO_WAYS
            + "'{}.network.pods' 192.168.0.0/16",
        ),
        (
            "network/services",
            "10.0.0.0/14",
            "network.services: 10.0.0.0/14: overlaps {}.network.vpc (10.0.0.0/16)"
            + TWO_WAYS
            + "'{}.network.services' 10.96.0.0/12",
        ),
        (
            "network/services",
            "192.168.255.0/24",
            "network.services: 192.168.255.0/24: overlaps {}.network.pods (192.168.0.0/16)"
            + TWO_WAYS
            + "'{}.network.services' 10.96.0.0/12",
        ),
        (
            "network/services",
            "100.64.0.0/10",
            "network.services: 100.64.0.0/10: kubeadm takes a prefix from /12 to /28. "
            "Set it: pulumi config set --path '{}.network.services' 10.96.0.0/12",
        ),
        (
            "network/pods",
            "192.168.0.0/22",
            "network.pods: 192.168.0.0/22: has a /24 for 4 nodes, and there are 7. "
            "Set it: pulumi config set --path '{}.network.pods' 192.168.0.0/16",
        ),
        (
            "network/pods",
            "192.168.0.0/26",
            "network.pods: 192.168.0.0/26: the controller manager takes a prefix from /8 to /24. "
            "Set it: pulumi config set --path '{}.network.pods' 192.168.0.0/16",
        ),
        (
            "network/vpc",
            "10.0.0.0/12",
            "network.vpc: 10.0.0.0/12: AWS takes a prefix from /16 to /28. "
            "Set it: pulumi config set --path '{}.network.vpc' 10.0.0.0/16",
        ),
        (
            "network/subnets/ap-northeast-2c",
            "10.1.3.0/24",
            "network.subnets.ap-northeast-2c: 10.1.3.0/24: is not in {}.network.vpc (10.0.0.0/16). "
            "Take a part of the VPC's addresses.",
        ),
        (
            "network/subnets/ap-northeast-2c",
            "10.0.2.128/25",
            "network.subnets.ap-northeast-2c: 10.0.2.128/25: overlaps the subnet of ap-northeast-2b (10.0.2.0/24). "
            "Take a part of the VPC that no other subnet has.",
        ),
        (
            "network/subnets/us-east-1a",
            "10.0.4.0/24",
            f"network.subnets.us-east-1a: 'us-east-1a': {NO_ZONE}Rename the key in the stack file.",
        ),
        (
            "network/subnets/ap-northeast-2c",
            "10.0.3.0/29",
            "network.subnets.ap-northeast-2c: 10.0.3.0/29: AWS takes a prefix from /16 to /28. "
            "Set it: pulumi config set --path '{}.network.subnets.ap-northeast-2c' 10.0.1.0/24",
        ),
        (
            "network/subnets/ap-northeast-2c",
            "10.0.3.0/28",
            "network.subnets.ap-northeast-2c: 10.0.3.0/28: a load balancer needs a /27 or more in its subnets. "
            "Give it more addresses.",
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
        ("tags/aws:owner", "me", f"tags.aws:owner: 'aws:owner': {RESERVED}"),
        ("tags/AWS:owner", "me", f"tags.AWS:owner: 'AWS:owner': {RESERVED}"),
        (
            "tags",
            {"kubernetes.io/cluster/x": "owned"},
            f"tags.kubernetes.io/cluster/x: 'kubernetes.io/cluster/x': {RESERVED}",
        ),
        ("tags/Name", "me", f"tags.Name: 'Name': {RESERVED}"),
        (
            "tags/team",
            "a&b",
            "tags.team: 'a&b': must be the value of a tag: at most 256 letters, digits, spaces and _ . : / = + - @. "
            "Mend it in the stack file.",
        ),
        ("tags/team", 4711, "tags.team: 4711: must be text. Put it in quotes in the stack file."),
        (
            "tags",
            {f"key-{number}": "" for number in range(41)},
            "tags: 41 tags: AWS takes 50 tags a resource, and leaves 40 beside those of the program. Take some out.",
        ),
        (
            "loadBalancer/healthIntervalSeconds",
            5,
            "loadBalancer.healthTimeoutSeconds: 5: must be less than healthIntervalSeconds (5). "
            "Set it: pulumi config set --path '{}.loadBalancer.healthTimeoutSeconds' 2",
        ),
        (
            "loadBalancer/certificate",
            None,
            "loadBalancer.certificate: missing: production serves backend.example.org with TLS, which needs a "
            "certificate. Set it: pulumi config set --path '{}.loadBalancer.certificate' "
            "arn:aws:acm:ap-northeast-2:ACCOUNT:certificate/ID",
        ),
        (
            "loadBalancer/certificate",
            CERTIFICATE.replace("ap-northeast-2", "us-east-1"),
            "loadBalancer.certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/1f2e': must be in the load "
            "balancer's region, ap-northeast-2. Make one there, and name that.",
        ),
        (
            "loadBalancer/routes",
            [],
            "loadBalancer.routes: missing: a load balancer leads somewhere. "
            "Add one, - {service: NAME}, or take loadBalancer out.",
        ),
        (
            "loadBalancer/routes/0/service",
            "backed",
            "loadBalancer.routes.0.service: 'backed': is no key of switchyard:services. Did you mean backend?",
        ),
        (
            "loadBalancer/routes/0/service",
            "shop",
            "loadBalancer.routes.0.service: 'shop': is no key of switchyard:services. Known: backend.",
        ),
        (
            "loadBalancer/routes",
            [{"service": "backend", "path": "/api"}, {"service": "backend", "path": "/api/"}],
            "loadBalancer.routes.1: every host, /api/: has the host and path of routes.0. Take one of the two out.",
        ),
        ("loadBalancer/routes/0/path", "api", "loadBalancer.routes.0.path: 'api': must be a path. Example: /api"),
    ],
)
def test_a_mistake_gets_its_line_and_no_other(path: str, value: Any, line: str) -> None:
    assert found((path, value)) == [f"{CLUSTER}.{line.replace('{}', CLUSTER)}"]


def test_each_control_plane_beyond_the_first_gets_a_line() -> None:
    lines = found(("nodes/k8s-redis/role", "controlPlane"), ("nodes/k8s-monitoring/role", "controlPlane"))
    assert [line.partition(": ")[0] for line in lines] == [
        f"{CLUSTER}.nodes.k8s-monitoring.role",
        f"{CLUSTER}.nodes.k8s-redis.role",
    ]
    assert all(
        ": 3 control planes: this program runs one, which is restored from its snapshots. Set it:" in line
        for line in lines
    )


def test_a_load_balancer_in_one_zone_is_refused() -> None:
    zone = "ap-northeast-2a"
    nodes = {name: node | {"zone": zone} for name, node in PRODUCTION["nodes"].items()}
    assert found(("nodes", nodes), ("network/subnets", {zone: "10.0.1.0/24"})) == [
        f"{CLUSTER}.network.subnets: of 1: a load balancer needs subnets in 2 zones. Add a zone with a subnet."
    ]


def test_a_service_behind_the_load_balancer_has_a_node_port() -> None:
    assert found(services={"backend": BACKEND}) == [
        "switchyard:services.backend.nodePort: missing: the load balancer has a route to it, and finds it by its port "
        "on the nodes. Set it: pulumi config set --path 'switchyard:services.backend.nodePort' 30080"
    ]


def test_pods_outlive_the_deregistration_of_their_node() -> None:
    assert found(("loadBalancer/deregistrationDelaySeconds", 35)) == [
        f"switchyard:services.backend.drain.preStopSeconds: 35: must be more than {CLUSTER}.loadBalancer."
        "deregistrationDelaySeconds (35), or pods end before their node is let go. "
        "Set it: pulumi config set --path 'switchyard:services.backend.drain.preStopSeconds' 40"
    ]
    assert load(with_(("loadBalancer/deregistrationDelaySeconds", 34)), SERVICES, "production")


def test_a_service_without_a_route_may_end_as_it_likes() -> None:
    other = BACKEND | {"drain": {"preStopSeconds": 0}}
    assert load(PRODUCTION, SERVICES | {"other": other}, "production")


def test_two_halves_of_the_internet_are_the_internet() -> None:
    lines = found(("network/administrators", ["0.0.0.0/1", "128.0.0.0/1"]))
    assert [line.partition(": ")[0][-1] for line in lines] == ["0", "1"]


def test_staging_may_be_open_and_without_tls() -> None:
    cluster = with_(("network/administrators", ["0.0.0.0/0"]), ("loadBalancer/certificate", None))
    assert load(cluster, SERVICES, "staging")


def test_a_route_for_every_host_needs_no_certificate() -> None:
    assert load(with_(("loadBalancer/certificate", None), ("loadBalancer/routes/0/host", None)), SERVICES, "production")


def test_several_mistakes_come_together_ordered_by_path() -> None:
    lines = found(
        ("name", None),
        ("kubernetes", "1.30.0"),
        ("nodes/k8s-redis/type", "t9.huge"),
        ("nodes/k8s-worker-1/diskGb", 10),
        ("nodes/k8s-worker-2/zone", "us-east-1a"),
        ("network/services", "10.0.0.0/16"),
        ("network/administrators", ["0.0.0.0/0"]),
        ("loadBalancer/routes/0/path", "api"),
        ("loadBalancer/healthTimeoutSeconds", 60),
        ("loadBalancer/certificate", None),
        ("tags/aws:x", "y"),
        services={"backend": SERVICES["backend"] | {"active": "purple"}},
    )
    assert [line.partition(": ")[0].removeprefix("switchyard:") for line in lines] == [
        "cluster.kubernetes",
        "cluster.loadBalancer.certificate",
        "cluster.loadBalancer.healthTimeoutSeconds",
        "cluster.loadBalancer.routes.0.path",
        "cluster.name",
        "cluster.network.administrators.0",
        "cluster.network.services",
        "cluster.nodes.k8s-redis.type",
        "cluster.nodes.k8s-worker-1.diskGb",
        "cluster.nodes.k8s-worker-2.zone",
        "cluster.tags.aws:x",
        "services.backend.active",
    ]


ELSEWHERE = [
    ("region", "eu-central-1"),
    ("network/vpc", "10.9.0.0/16"),
    ("network/subnets", {f"eu-central-1{letter}": f"10.9.{third}.0/24" for third, letter in enumerate("abc")}),
    (
        "nodes",
        {name: node | {"zone": f"eu-central-1{node['zone'][-1]}"} for name, node in PRODUCTION["nodes"].items()},
    ),
    ("pki", {"caDays": 7000, "adminDays": 3650, "renewBeforeDays": 364}),
    ("loadBalancer/certificate", CERTIFICATE.replace("ap-northeast-2", "eu-central-1")),
    ("loadBalancer/waf", "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/it/1f2e"),
    ("loadBalancer/healthIntervalSeconds", 60),
    ("loadBalancer/healthTimeoutSeconds", 20),
    ("loadBalancer/deregistrationDelaySeconds", 10),
]
"""Values that are right together, and mostly wrong beside a default."""
QUICK = {"backend": SERVICES["backend"] | {"drain": {"preStopSeconds": 20}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("network/vpc", "10.9.0.0"),
        ("network/subnets/eu-central-1c", "10.9.2.0"),
        ("network/subnets", "none"),
        ("network/administrators", ["here", "203.0.113.7/32"]),
        ("nodes/k8s-master/role", "master"),
        ("nodes/k8s-master/diskGb", "much"),
        ("region", "Frankfurt"),
        ("pki/adminDays", 0),
        ("loadBalancer/routes/0/service", 1),
        ("loadBalancer/certificate", "arn"),
        ("loadBalancer/healthIntervalSeconds", "often"),
        ("loadBalancer/deregistrationDelaySeconds", "long"),
        ("loadBalancer", "yes"),
    ],
)
def test_a_rule_says_nothing_of_a_value_that_is_wrong_in_itself(path: str, value: Any) -> None:
    assert load(with_(*ELSEWHERE), QUICK, "production")
    assert len(found(*ELSEWHERE, (path, value), services=QUICK)) == 1


def test_nodes_that_cannot_be_read_are_not_counted() -> None:
    assert len(found(("nodes", "none"), ("network/pods", "192.168.0.0/22"))) == 1


def test_what_just_fits_is_taken() -> None:
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


def test_a_subnet_that_holds_the_vpc_is_not_in_it() -> None:
    subnets = {"ap-northeast-2a": "10.0.0.0/16"}
    [line] = [
        line for line in found(("network/vpc", "10.0.0.0/17"), ("network/subnets", subnets)) if "is not in" in line
    ]
    assert line.startswith(f"{CLUSTER}.network.subnets.ap-northeast-2a: 10.0.0.0/16: is not in {CLUSTER}.network.vpc")


def test_a_web_acl_is_in_the_region_of_the_load_balancer() -> None:
    acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/it/1f2e"
    assert found(("loadBalancer/waf", acl)) == [
        f"{CLUSTER}.loadBalancer.waf: '{acl}': must be in the load balancer's region, ap-northeast-2. "
        "Make one there, and name that."
    ]


def test_a_service_that_cannot_be_read_is_not_called_unknown() -> None:
    [line] = found(services={"backend": "v1.0.0"})
    assert line.startswith("switchyard:services.backend: ")
    [line] = found(services={"backend": SERVICES["backend"] | {"nodePort": 80}})
    assert line.startswith("switchyard:services.backend.nodePort: 80: must be >= 30000.")


def test_the_machines_of_the_table_are_counted_on() -> None:
    services = {"backend": SERVICES["backend"] | {"nodeSelector": {"workload": "gpu"}}}
    [line] = found(services=services)
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


def test_what_is_no_version_is_not_compared() -> None:
    with pytest.raises(ValueError, match="'unknown' is no version of Kubernetes"):
        refuse_skipped_minor("unknown", "1.34.1")


def test_the_minors_are_those_of_the_pinned_kubernetes() -> None:
    assert KUBERNETES.rpartition(".")[0] in KUBERNETES_MINORS
    assert Ec2Cluster(kind="ec2", name="it").kubernetes == KUBERNETES


def test_every_machine_of_the_table_has_the_disk_it_needs() -> None:
    assert all(node.disk_gb >= DISK_GB[node.role] for node in DEFAULT_NODES.values())
    assert DISK_GB.keys() == set(Role)


def test_no_proposed_network_overlaps_another() -> None:
    proposed = [IPv4Network(text) for texts in PROPOSED.values() for text in texts]
    assert not any(one.overlaps(other) for one in proposed for other in proposed if one is not other)


def _paths(node: Any, above: tuple[str, ...] = ()) -> list[str]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    below = [path for key, child in children for path in _paths(child, (*above, str(key)))]
    return [*(["/".join(above)] if above and not above[-1].isdigit() else []), *below]


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from([path for path in _paths(PRODUCTION) if path != "kind"]),
            st.sampled_from(
                [0, -1, True, "", "x", "0.0.0.0/0", "10.0.0.0/32", [], ["x"], [None], {}, {"x": 1}, {1: {}}]
            ),
        ),
        max_size=3,
        # Of two paths one may be above the other, and be no mapping any more.
        unique_by=lambda change: change[0].partition("/")[0],
    )
)
def test_whatever_stands_in_a_stack_file_is_taken_or_answered_with_lines(changes: list[tuple[str, Any]]) -> None:
    # Nothing but the one error with the lines comes out.
    with suppress(SettingsError):
        assert isinstance(load(with_(*changes), SERVICES, "production").cluster, Ec2Cluster)


def _networks() -> st.SearchStrategy[IPv4Network]:
    def network(address: int, prefix: int) -> IPv4Network:
        return IPv4Network((address >> (32 - prefix) << (32 - prefix), prefix))

    # Within 10.0.0.0/8, so that many pairs meet.
    return st.builds(network, st.integers(10 << 24, (11 << 24) - 1), st.integers(8, 28))


@given(vpc=_networks(), pods=_networks(), services=_networks())
def test_networks_are_refused_if_and_only_if_two_have_an_address_in_common(
    vpc: IPv4Network, pods: IPv4Network, services: IPv4Network
) -> None:
    def span(network: IPv4Network) -> tuple[int, int]:
        return int(network.network_address), int(network.broadcast_address)

    def meet(one: IPv4Network, other: IPv4Network) -> bool:
        return max(span(one)[0], span(other)[0]) <= min(span(one)[1], span(other)[1])

    cluster = Ec2Cluster(kind="ec2", name="it", network=Network(vpc=vpc, pods=pods, services=services))
    refused = {
        (finding.problem.path.rpartition(".")[2], finding.reads[0].rpartition(".")[2])
        for finding in ec2_findings(cluster, {}, production=False)
        if finding.problem.rule.startswith(f"overlaps {CLUSTER}.network.")
    }
    pairs = {("pods", "vpc"): (pods, vpc), ("services", "vpc"): (services, vpc), ("services", "pods"): (services, pods)}
    assert refused == {names for names, networks in pairs.items() if meet(*networks)}
