"""What the network registers, as calls of AWS's API: validated by its own model, and run against moto.

moto stands in for AWS: it keeps what it is sent, and filters nothing. It has no limit of groups or rules, and takes a
key's policy and a role without a look at what they allow.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

from switchyard.aws.security_groups import Group
from tests.support.accounts import empty_account
from tests.support.engine import Recording
from tests.support.network import REGION, TABLE, TAG, aws_resources, cluster, inputs, registered


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    return registered(monkeypatch)


Call = tuple[str, str, dict[str, Any]]
"""Service, operation and parameters."""

Tags = list[dict[str, str]]


def calls(type_: str, own: str, given: dict[str, Any]) -> list[Call]:
    """The calls of AWS's API behind a resource, the one that makes it first; they have all of its inputs."""
    tags = [{"Key": key, "Value": value} for key, value in given.pop("tags", {}).items()]
    kind = type_.rpartition(":")[2]
    if type_.startswith("aws:vpc/"):
        requests = [rule_call(kind, given, tags)]
    elif type_.startswith("aws:ec2/"):
        requests = list(ec2_calls(kind, own, given, tags))
    else:
        requests = list(log_calls(kind, own, given, tags))
    assert given == {}, "an input that no call takes"
    return requests


def tagged(kind: str, tags: Tags) -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]}


def ec2_calls(kind: str, own: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    match kind:
        case "Vpc":
            yield "ec2", "CreateVpc", {"CidrBlock": take("cidrBlock"), **tagged("vpc", tags)}
            yield "ec2", "ModifyVpcAttribute", {"VpcId": own, "EnableDnsSupport": {"Value": take("enableDnsSupport")}}
            hostnames = {"Value": take("enableDnsHostnames")}
            yield "ec2", "ModifyVpcAttribute", {"VpcId": own, "EnableDnsHostnames": hostnames}
        case "InternetGateway":
            yield "ec2", "CreateInternetGateway", tagged("internet-gateway", tags)
            yield "ec2", "AttachInternetGateway", {"InternetGatewayId": own, "VpcId": take("vpcId")}
        case "RouteTable":
            yield "ec2", "CreateRouteTable", {"VpcId": take("vpcId"), **tagged("route-table", tags)}
        case "Route":
            where = {"DestinationCidrBlock": take("destinationCidrBlock"), "GatewayId": take("gatewayId")}
            yield "ec2", "CreateRoute", {"RouteTableId": take("routeTableId"), **where}
        case "Subnet":
            where = {"VpcId": take("vpcId"), "AvailabilityZone": take("availabilityZone")}
            yield "ec2", "CreateSubnet", {"CidrBlock": take("cidrBlock"), **where, **tagged("subnet", tags)}
            public = {"Value": take("mapPublicIpOnLaunch")}
            yield "ec2", "ModifySubnetAttribute", {"SubnetId": own, "MapPublicIpOnLaunch": public}
        case "RouteTableAssociation":
            yield "ec2", "AssociateRouteTable", {"RouteTableId": take("routeTableId"), "SubnetId": take("subnetId")}
        case "SecurityGroup":
            named = {"GroupName": take("name"), "Description": take("description"), "VpcId": take("vpcId")}
            yield "ec2", "CreateSecurityGroup", {**named, **tagged("security-group", tags)}
        case "FlowLog":
            where = {"LogDestinationType": take("logDestinationType"), "LogDestination": take("logDestination")}
            what = {"ResourceIds": [take("vpcId")], "ResourceType": "VPC", "TrafficType": take("trafficType")}
            role = {"DeliverLogsPermissionArn": take("iamRoleArn")}
            yield "ec2", "CreateFlowLogs", {**where, **what, **role, **tagged("vpc-flow-log", tags)}


def rule_call(kind: str, given: dict[str, Any], tags: Tags) -> Call:
    take = given.pop
    permission = {"IpProtocol": take("ipProtocol"), "FromPort": take("fromPort"), "ToPort": take("toPort")}
    description = {"Description": take("description")}
    if "cidrIpv4" in given:
        permission["IpRanges"] = [{"CidrIp": take("cidrIpv4"), **description}]
    else:
        permission["UserIdGroupPairs"] = [{"GroupId": take("referencedSecurityGroupId"), **description}]
    rule = {"GroupId": take("securityGroupId"), "IpPermissions": [permission]}
    return "ec2", f"Authorize{kind.removesuffix('Rule')}", {**rule, **tagged("security-group-rule", tags)}


def log_calls(kind: str, own: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    match kind:
        case "Key":
            what = {"Description": take("description"), "Policy": take("policy")}
            yield "kms", "CreateKey", {**what, "Tags": [{"TagKey": t["Key"], "TagValue": t["Value"]} for t in tags]}
            assert take("enableKeyRotation")
            yield "kms", "EnableKeyRotation", {"KeyId": own}
            # Asked for when the key goes.
            yield "kms", "ScheduleKeyDeletion", {"KeyId": own, "PendingWindowInDays": take("deletionWindowInDays")}
        case "LogGroup":
            named = {"logGroupName": take("name")}
            plain = {tag["Key"]: tag["Value"] for tag in tags}
            yield "logs", "CreateLogGroup", {**named, "kmsKeyId": take("kmsKeyId"), "tags": plain}
            yield "logs", "PutRetentionPolicy", {**named, "retentionInDays": take("retentionInDays")}
        case "Role":
            named = {"RoleName": take("name"), "Description": take("description"), "Tags": tags}
            yield "iam", "CreateRole", {**named, "AssumeRolePolicyDocument": take("assumeRolePolicy")}
        case "RolePolicy":
            named = {"RoleName": take("role"), "PolicyName": take("name")}
            yield "iam", "PutRolePolicy", {**named, "PolicyDocument": take("policy")}


def all_calls(recording: Recording) -> Iterator[tuple[str, list[Call]]]:
    for type_, name in aws_resources(recording):
        # The default group is there with its VPC: the provider creates nothing, it takes the group's rules away.
        if not type_.endswith("DefaultSecurityGroup"):
            yield f"{name}-id", calls(type_, f"{name}-id", inputs(recording, type_, name))


def test_every_call_matches_botocores_model(recording: Recording) -> None:
    session = botocore.session.get_session()
    validated = 0
    for _, calls_of_resource in all_calls(recording):
        for service, operation, parameters in calls_of_resource:
            shape = session.get_service_model(service).operation_model(operation).input_shape
            report = ParamValidator().validate(parameters, shape)
            assert not report.has_errors(), f"{operation}: {report.generate_report()}"
            validated += 1
    assert validated == 49


IDS = {
    "CreateVpc": ("Vpc", "VpcId"),
    "CreateInternetGateway": ("InternetGateway", "InternetGatewayId"),
    "CreateRouteTable": ("RouteTable", "RouteTableId"),
    "CreateSubnet": ("Subnet", "SubnetId"),
    "CreateSecurityGroup": ("GroupId",),
    "CreateKey": ("KeyMetadata", "KeyId"),
    "CreateRole": ("Role", "RoleName"),
}
"""Where an answer has the id of what was made."""


def test_moto_creates_and_describes_the_whole_network(recording: Recording) -> None:
    ids: dict[str, str] = {}

    def known(text: str) -> str:
        for recorded, created in ids.items():
            text = text.replace(json.dumps(recorded)[1:-1], created)
        return text

    with empty_account():
        clients = {service: boto3.client(service, region_name=REGION) for service in ("ec2", "logs", "kms", "iam")}
        ec2 = clients["ec2"]
        for own, calls_of_resource in all_calls(recording):
            for service, operation, parameters in calls_of_resource:
                if operation == "ScheduleKeyDeletion":
                    continue
                answer = getattr(clients[service], xform_name(operation))(**json.loads(known(json.dumps(parameters))))
                for step in IDS.get(operation, ()):
                    answer = answer[step]
                if operation in IDS:
                    ids[own] = answer
                if operation == "CreateSecurityGroup":
                    # As the provider does: AWS gives a new group a way out to everywhere.
                    [group] = ec2.describe_security_groups(GroupIds=[answer])["SecurityGroups"]
                    ec2.revoke_security_group_egress(GroupId=answer, IpPermissions=group["IpPermissionsEgress"])
        vpc = [{"Name": "vpc-id", "Values": [ids["it-vpc-id"]]}]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            seen = ec2.describe_vpc_attribute(VpcId=ids["it-vpc-id"], Attribute=attribute[0].lower() + attribute[1:])
            assert seen[attribute]["Value"]
        subnets = ec2.describe_subnets(Filters=vpc)["Subnets"]
        groups = ec2.describe_security_groups(Filters=vpc)["SecurityGroups"]
        rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
        tables = ec2.describe_route_tables(RouteTableIds=[ids["it-routes-id"]])["RouteTables"]
        flows = ec2.describe_flow_logs()["FlowLogs"]
        [log_group] = clients["logs"].describe_log_groups()["logGroups"]
    assert {(each["AvailabilityZone"], each["CidrBlock"]) for each in subnets} == {
        (zone, str(addresses)) for zone, addresses in cluster().network.subnets.items()
    }
    assert {each["SubnetId"] for each in tables[0]["Associations"] if "SubnetId" in each} == {
        each["SubnetId"] for each in subnets
    }
    assert ids["it-gateway-id"] in {each.get("GatewayId") for each in tables[0]["Routes"]}
    names = {each["GroupId"]: each["GroupName"].removeprefix("production-") for each in groups}
    assert set(names.values()) == {*Group, "default"}
    tagged = [names[each["GroupId"]] for each in groups if TAG in {tag["Key"] for tag in each.get("Tags", [])}]
    assert tagged == ["nodes"]
    kept = [each for each in rules if names.get(each["GroupId"], "default") != "default"]
    assert len(kept) == len(TABLE)
    assert {
        (
            names[each["GroupId"]],
            "egress" if each["IsEgress"] else "ingress",
            each["IpProtocol"],
            each["FromPort"],
            each["ToPort"],
            each.get("CidrIpv4") or names[each["ReferencedGroupInfo"]["GroupId"]],
        )
        for each in kept
    } == set(TABLE)
    assert [(each["ResourceId"], each["TrafficType"]) for each in flows] == [(ids["it-vpc-id"], "ALL")]
    assert log_group["retentionInDays"] == 30
    assert log_group["kmsKeyId"].endswith(ids["it-flow-logs-key-id"])
