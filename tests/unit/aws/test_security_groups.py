"""Every rule of a cluster's security groups, by value."""

import re
from ipaddress import IPv4Network
from typing import Any

import pytest

from switchyard.aws.security_groups import (
    GROUPS_OF,
    GROUPS_PER_INTERFACE,
    KUBE_PROXY,
    RULES_PER_GROUP,
    Direction,
    Group,
    GroupRule,
    problems,
    rules,
)
from switchyard.config.kubernetes import KUBE_PROXY_HEALTH_PORT
from tests.support.network import TABLE, cluster


def row(rule: GroupRule) -> tuple[str, str, str, int, int, str]:
    ports = rule.ports
    return rule.group.value, rule.direction.value, ports.protocol, ports.first, ports.last, str(rule.peer)


def test_the_gates_reach_kube_proxy_of_every_node() -> None:
    assert (KUBE_PROXY.first, KUBE_PROXY.last) == (KUBE_PROXY_HEALTH_PORT, KUBE_PROXY_HEALTH_PORT)


def test_the_rules_are_these_and_no_other() -> None:
    assert [row(rule) for rule in rules(cluster())] == TABLE


@pytest.mark.parametrize(
    ("ports", "opened"),
    [
        ((), [(30000, 32767)]),
        ((30080,), [(30080, 30080)]),
        ((30082, 30080, 30081, 31000), [(30080, 30082), (31000, 31000)]),
    ],
)
def test_fixed_node_ports_open_only_themselves(ports: tuple[int, ...], opened: list[tuple[int, int]]) -> None:
    opening = [rule for rule in rules(cluster(), ports) if rule.peer is Group.LOAD_BALANCER]
    assert [(rule.ports.first, rule.ports.last) for rule in opening] == opened
    assert {(rule.group, rule.direction) for rule in opening} == {(Group.NODES, Direction.INGRESS)}


def test_a_range_with_another_port_is_another_rule() -> None:
    """A rule that is changed would close a port while its service still has it."""

    def names(*ports: int) -> dict[str, str | None]:
        return {rule.name: rule.former_name for rule in rules(cluster(), ports) if rule.peer is Group.LOAD_BALANCER}

    at = "nodes-ingress-node-port"
    load_balancer = "from-load-balancer"
    assert names(30080) == {f"{at}-30080-{load_balancer}": None}
    assert names(30080, 30081) == {f"{at}-30080-30081-{load_balancer}": f"{at}-30080-{load_balancer}"}
    assert not names(30080, 30081).keys() & names(30080, 30081, 30082).keys()


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"loadBalancer": None}, [line for line in TABLE if "load-balancer" in line]),
        ({"loadBalancerController": None}, [line for line in TABLE if line[3] == 9443]),
        ({"network": {}}, [line for line in TABLE if line[3] == 6443 and "/" in line[5]]),
        (
            {"loadBalancer": {"routes": [{"service": "backend"}]}},
            [("load-balancer", "ingress", "tcp", 443, 443, "0.0.0.0/0")],
        ),
    ],
    ids=["no load balancer", "no controller", "no administrators", "no certificate"],
)
def test_an_unused_feature_opens_no_port(changes: dict[str, Any], gone: list[tuple[Any, ...]]) -> None:
    assert gone
    assert [row(rule) for rule in rules(cluster(**changes))] == [line for line in TABLE if line not in gone]


def test_only_the_load_balancer_is_open_to_the_world_and_ssh_is_closed() -> None:
    for rule in rules(cluster()):
        if rule.direction is Direction.INGRESS and isinstance(rule.peer, IPv4Network) and rule.peer.prefixlen == 0:
            assert rule.group is Group.LOAD_BALANCER
            assert rule.ports.first == rule.ports.last
            assert rule.ports.first in {80, 443}
        assert not rule.ports.first <= 22 <= rule.ports.last


def test_every_rule_has_a_name_of_its_own_and_a_description_that_aws_takes() -> None:
    every = rules(cluster(), (30080, 31000))
    assert len({rule.name for rule in every}) == len(every)
    for rule in every:
        assert re.fullmatch(r"[-a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*]{10,255}", rule.description)


def test_a_network_that_is_named_twice_has_one_rule() -> None:
    named = rules(cluster(network={"administrators": ["203.0.113.0/24", "203.0.113.0/24"]}))
    assert [row(rule)[-1] for rule in named].count("203.0.113.0/24") == 1


def test_an_interface_has_no_more_groups_and_a_group_no_more_rules_than_aws_allows() -> None:
    assert all(len(set(groups)) == len(groups) <= GROUPS_PER_INTERFACE == 5 for groups in GROUPS_OF.values())
    assert RULES_PER_GROUP == 60
    # Two rules of the API server's group are for nodes and etcd.
    full = cluster(network={"administrators": [f"203.0.113.{last}/32" for last in range(58)]})
    assert problems(rules(full)) == []
    over = cluster(network={"administrators": [f"203.0.113.{last}/32" for last in range(59)]})
    assert [str(problem) for problem in problems(rules(over))] == [
        "switchyard:cluster: 61 ingress rules in security group control-plane: AWS takes at most 60. "
        "Name fewer and wider networks in network.administrators or loadBalancer.inbound."
    ]
