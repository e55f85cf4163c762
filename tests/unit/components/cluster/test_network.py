"""What the network of an EC2 cluster registers, on mocks: parents, tags, rules, and the edges that order an update."""

import json
import re
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.cluster.network import ClusterNetwork
from switchyard.aws import flow_log_policies
from switchyard.aws.security_groups import GROUPS_OF, Group, rules
from tests.support import engine
from tests.support.engine import Recording
from tests.support.network import (
    ACCOUNT,
    GROUP_TYPE,
    REGION,
    RULE_TYPES,
    TABLE,
    TAG,
    UNTAGGED,
    Cloud,
    aws_resources,
    cluster,
    inputs,
    registered,
)


class Machine(pulumi.CustomResource):
    """Something that takes what the network gives."""

    def __init__(self, name: str, props: dict[str, Any]) -> None:
        super().__init__("test:index:Machine", name, props)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    return registered(monkeypatch)


def test_a_network_has_these_resources(recording: Recording) -> None:
    counts: dict[str, int] = {}
    for type_, _ in aws_resources(recording):
        kind = type_.rpartition(":")[2]
        counts[kind] = counts.get(kind, 0) + 1
    assert counts == {
        "Vpc": 1,
        "DefaultSecurityGroup": 1,
        "InternetGateway": 1,
        "RouteTable": 1,
        "Route": 1,
        "Subnet": 3,
        "RouteTableAssociation": 3,
        "SecurityGroup": 3,
        "SecurityGroupIngressRule": 12,
        "SecurityGroupEgressRule": 10,
        "Key": 1,
        "LogGroup": 1,
        "Role": 1,
        "RolePolicy": 1,
        "FlowLog": 1,
    }


def test_every_resource_is_a_child_of_the_network_with_the_clusters_tags_and_a_name(recording: Recording) -> None:
    for type_, name in aws_resources(recording):
        assert recording.requests[type_, name].parent.endswith("switchyard:network:Network::it")
        assert name.startswith("it-")
        tags = inputs(recording, type_, name).get("tags", {})
        if type_ in UNTAGGED:
            assert tags == {}
        else:
            assert {"stack": "production", "owner": "platform"}.items() <= tags.items()
            assert tags["Name"].startswith("production-")
    assert recording.outputs["it"] == [
        "control_plane_group_id",
        "load_balancer_group_id",
        "node_group_id",
        "subnet_ids",
        "vpc_id",
    ]


def test_exactly_one_group_of_a_machine_has_the_clusters_tag(recording: Recording) -> None:
    tagged = {name for name in recording.names(GROUP_TYPE) if TAG in inputs(recording, GROUP_TYPE, name)["tags"]}
    assert tagged == {"it-nodes"}
    assert all(Group.NODES in groups for groups in GROUPS_OF.values())


def test_more_rules_than_a_group_may_have_are_refused_and_nothing_is_created() -> None:
    many = cluster(network={"administrators": [f"203.0.113.{last}/32" for last in range(59)]})
    with pytest.raises(
        pulumi.RunError, match=r"61 ingress rules in security group control-plane: AWS takes at most 60"
    ):
        ClusterNetwork("it", cluster=many)


def test_each_registered_rule_is_a_row_of_the_table(recording: Recording) -> None:
    registered = set()
    for type_, name in aws_resources(recording):
        if type_ in RULE_TYPES:
            rule = inputs(recording, type_, name)
            assert rule["description"]
            peer = rule.get("cidrIpv4") or rule["referencedSecurityGroupId"][len("it-") : -len("-id")]
            group = rule["securityGroupId"][len("it-") : -len("-id")]
            registered.add((group, RULE_TYPES[type_].value, rule["ipProtocol"], rule["fromPort"], rule["toPort"], peer))
    assert registered == set(TABLE)


def test_a_subnet_is_tagged_for_the_load_balancer_and_assigns_no_public_address(
    recording: Recording,
) -> None:
    for zone, addresses in cluster().network.subnets.items():
        subnet = inputs(recording, "aws:ec2/subnet:Subnet", f"it-subnet-{zone}")
        assert (subnet["availabilityZone"], subnet["cidrBlock"]) == (zone, str(addresses))
        assert {"kubernetes.io/role/elb": "1", TAG: "owned"}.items() <= subnet["tags"].items()
        assert subnet["mapPublicIpOnLaunch"] is False


def test_the_default_group_has_no_rule_and_the_groups_none_of_their_own(recording: Recording) -> None:
    default = inputs(recording, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "it-default-group")
    assert set(default) == {"vpcId", "tags"}
    for name in recording.names(GROUP_TYPE):
        assert set(inputs(recording, GROUP_TYPE, name)) == {"name", "description", "vpcId", "tags"}


def test_resources_wait_for_the_routes_of_their_subnet_and_the_rules_of_their_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build() -> None:
        network = ClusterNetwork("it", cluster=cluster())
        for zone, subnet_id in network.subnet_ids.items():
            Machine(f"in-{zone}", {"subnet": subnet_id})
        Machine("node", {"group": network.node_group_id})
        Machine("guard", {"group": network.control_plane_group_id})
        Machine("alb", {"group": network.load_balancer_group_id})

    monkeypatch.setattr(engine, "Answers", Cloud)
    recording = engine.record(monkeypatch, build)
    for zone in cluster().network.subnets:
        assert f"it-routes-{zone}" in recording.dependencies("test:index:Machine", f"in-{zone}")
        assert "it-internet" in recording.dependencies(
            "aws:ec2/routeTableAssociation:RouteTableAssociation", f"it-routes-{zone}"
        )
        assert inputs(recording, "test:index:Machine", f"in-{zone}")["subnet"] == f"it-subnet-{zone}-id"
    for machine, group in (("node", Group.NODES), ("guard", Group.CONTROL_PLANE), ("alb", Group.LOAD_BALANCER)):
        own = {f"it-{rule.name}" for rule in rules(cluster()) if rule.group is group}
        assert own | {f"it-{group}"} <= recording.dependencies("test:index:Machine", machine)
        assert inputs(recording, "test:index:Machine", machine)["group"] == f"it-{group}-id"
    assert "it-flow-logs-policy" in recording.dependencies("aws:ec2/flowLog:FlowLog", "it-flow-logs")


def test_a_rule_that_is_new_in_a_preview_does_not_make_the_groups_and_subnets_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = {*RULE_TYPES, "aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation"}

    class Preview(Cloud):
        def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
            id_, state = super().new_resource(args)
            return "" if args.typ in new else id_, state

    def build() -> None:
        network = ClusterNetwork("it", cluster=cluster())
        Machine("node", {"group": network.node_group_id, "subnet": network.subnet_ids["ap-northeast-2a"]})

    set_mocks = mocks.set_mocks
    monkeypatch.setattr(mocks, "set_mocks", lambda *args, **more: set_mocks(*args, **{**more, "preview": True}))
    monkeypatch.setattr(engine, "Answers", Preview)
    machine = inputs(engine.record(monkeypatch, build), "test:index:Machine", "node")
    assert machine == {"group": "it-nodes-id", "subnet": "it-subnet-ap-northeast-2a-id"}


def test_flow_logs_are_encrypted_retained_as_configured_and_written_by_a_role_of_their_own(
    recording: Recording,
) -> None:
    logs = inputs(recording, "aws:cloudwatch/logGroup:LogGroup", "it-flow-logs-group")
    assert (logs["retentionInDays"], logs["kmsKeyId"][:12]) == (30, "arn:aws:kms:")
    key = inputs(recording, "aws:kms/key:Key", "it-flow-logs-key")
    assert key["enableKeyRotation"] is True
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    governs, uses = json.loads(key["policy"])["Statement"]
    assert governs["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert uses["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert uses["Condition"] == {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": f"{group}:{logs['name']}"}}
    policy = json.loads(inputs(recording, "aws:iam/rolePolicy:RolePolicy", "it-flow-logs-policy")["policy"])
    assert [(each["Action"], each["Resource"]) for each in policy["Statement"]] == [
        (["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], f"{group}:{logs['name']}:*"),
        ("logs:DescribeLogGroups", f"{group}:*"),
    ]
    trust = json.loads(inputs(recording, "aws:iam/role:Role", "it-flow-logs-role")["assumeRolePolicy"])
    [taken] = trust["Statement"]
    assert taken["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert taken["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("ap-northeast-2", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
    ],
)
def test_policies_of_the_flow_logs_are_of_the_partition_of_their_region(
    region: str, partition: str, suffix: str
) -> None:
    policies = [
        flow_log_policies.key(region, ACCOUNT, "it"),
        flow_log_policies.trust(region, ACCOUNT),
        flow_log_policies.write(region, ACCOUNT, "it"),
    ]
    arns = [text for policy in policies for text in re.findall(r'"(arn:[^"]*)"', policy)]
    assert {arn.split(":")[1] for arn in arns} == {partition}
    assert len(arns) == 5
    assert f'"logs.{region}.{suffix}"' in policies[0]
