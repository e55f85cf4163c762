"""Every error in the addresses of an EC2 cluster gets its line at preview."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster, NetworkSettings
from switchyard.config.validation.ec2 import PROPOSED, ec2_problems
from tests.support.configuration import BACKEND, error_lines
from tests.support.ec2_configuration import cluster_errors

IS_NETWORK = (
    "must be an IPv4 network: its first address, / and the length of its prefix. "
    "For example: pulumi config set --path '{}.network."
)
NO_ZONE = (
    "is not an availability zone of switchyard:cluster.region, which are ap-northeast-2a, ap-northeast-2b and so on. "
)
TWO_WAYS = ", and an address in both has two routes. Set it: pulumi config set --path "


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("network/vpc", "10.0.0.0", f"network.vpc: '10.0.0.0': {IS_NETWORK}vpc' 10.0.0.0/16"),
        ("network/vpc", 10, f"network.vpc: 10: {IS_NETWORK}vpc' 10.0.0.0/16"),
        (
            "network/administrators",
            ["203.0.113.7/24"],
            f"network.administrators.0: '203.0.113.7/24': {IS_NETWORK}administrators[0]' 203.0.113.0/24",
        ),
        (
            "network/administrators",
            ["198.51.100.0/24", "0.0.0.0/0"],
            "network.administrators.1: 0.0.0.0/0: the API server of a production stack is open to at most a "
            "/8. Use your own address. "
            "Set it: pulumi config set --path '{}.network.administrators[1]' 203.0.113.7/32",
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
    ],
)
def test_an_error_is_reported_on_exactly_one_line(path: str, value: Any, line: str) -> None:
    assert cluster_errors((path, value)) == [f"{CLUSTER}.{line.replace('{}', CLUSTER)}"]


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_a_cluster_that_the_update_itself_would_not_reach_is_refused(stack: str) -> None:
    line = (
        f"{CLUSTER}.network.administrators: missing: no address may reach the API server, `pulumi up` "
        "included. Use the address from which you reach it. "
        f"Set it: pulumi config set --path '{CLUSTER}.network.administrators[0]' 203.0.113.7/32"
    )
    assert error_lines({"backend": BACKEND}, {"kind": "ec2", "name": "it"}, stack) == [line]
    assert cluster_errors(("network/administrators", []), stack=stack) == [line]


def test_two_cidr_blocks_that_cover_the_internet_are_refused() -> None:
    lines = cluster_errors(("network/administrators", ["0.0.0.0/1", "128.0.0.0/1"]))
    assert [line.partition(": ")[0][-1] for line in lines] == ["0", "1"]


def test_a_subnet_larger_than_the_vpc_is_refused() -> None:
    subnets = {"ap-northeast-2a": "10.0.0.0/16"}
    [line] = [
        line
        for line in cluster_errors(("network/vpc", "10.0.0.0/17"), ("network/subnets", subnets))
        if "is not in" in line
    ]
    assert line.startswith(f"{CLUSTER}.network.subnets.ap-northeast-2a: 10.0.0.0/16: is not in {CLUSTER}.network.vpc")


@pytest.mark.parametrize(
    ("key", "block", "unusable", "proposed"),
    [
        ("vpc", "169.254.0.0/16", "169.254.0.0/16", "10.0.0.0/16"),
        ("pods", "169.254.128.0/17", "169.254.0.0/16", "192.168.0.0/16"),
        ("pods", "0.0.0.0/8", "0.0.0.0/8", "192.168.0.0/16"),
        ("services", "127.16.0.0/12", "127.0.0.0/8", "10.96.0.0/12"),
        ("services", "239.0.0.0/12", "224.0.0.0/4", "10.96.0.0/12"),
    ],
)
def test_a_network_in_which_no_machine_can_have_an_address_is_refused(
    key: str, block: str, unusable: str, proposed: str
) -> None:
    at = f"{CLUSTER}.network.{key}"
    [line] = [line for line in cluster_errors((f"network/{key}", block)) if line.startswith(f"{at}: ")]
    assert line.startswith(f"{at}: {block}: overlaps {unusable}, which is ")
    assert line.endswith(f"Set it: pulumi config set --path '{at}' {proposed}")


def test_no_proposed_cidr_overlaps_another() -> None:
    proposed = [IPv4Network(text) for texts in PROPOSED.values() for text in texts]
    assert not any(network.overlaps(other) for network in proposed for other in proposed if network is not other)


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

    def meet(first: IPv4Network, other: IPv4Network) -> bool:
        return max(span(first)[0], span(other)[0]) <= min(span(first)[1], span(other)[1])

    cluster = Ec2Cluster(kind="ec2", name="it", network=NetworkSettings(vpc=vpc, pods=pods, services=services))
    refused = {
        (finding.problem.path.rpartition(".")[2], finding.reads[0].rpartition(".")[2])
        for finding in ec2_problems(cluster, {}, production=False)
        if finding.problem.rule.startswith(f"overlaps {CLUSTER}.network.")
    }
    pairs = {("pods", "vpc"): (pods, vpc), ("services", "vpc"): (services, vpc), ("services", "pods"): (services, pods)}
    assert refused == {names for names, networks in pairs.items() if meet(*networks)}
