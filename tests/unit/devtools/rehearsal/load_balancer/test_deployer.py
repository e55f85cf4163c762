"""The load balancers that the fake controller creates in moto."""

from collections.abc import Iterator
from typing import Any

import pytest

from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.aws.resource_type import Request, ec2
from devtools.rehearsal.load_balancer.deployer import Deployer
from devtools.rehearsal.load_balancer.desired import PROTECTION, RESOURCE_TAG
from devtools.rehearsal.load_balancer.requests import elb, tag_list
from devtools.rehearsal.provider import RefusedError
from switchyard.manifests.ingress import NO_ROUTE_RESPONSE, TLS_POLICY
from tests.support.accounts import empty_account
from tests.support.balanced_ingresses import (
    CERTIFICATE,
    INSTANCE,
    ROUTES,
    annotate,
    asked,
    ingresses,
    node,
)


class Noted:
    """Notes the calls that change something."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.calls: list[Request] = []

    def call(self, request: Request) -> dict[str, Any]:
        if not request.operation.startswith("Describe"):
            self.calls.append(request)
        return self._aws.call(request)

    def rules(self) -> list[str]:
        return [call.operation for call in self.calls if "Rule" in call.operation]


@pytest.fixture(scope="module")
def clients() -> Aws:
    """Its clients take half a second to make, and are used in one empty account after the other."""
    return Aws("ap-northeast-2")


@pytest.fixture
def aws(clients: Aws) -> Iterator[Aws]:
    with empty_account():
        yield clients


@pytest.fixture
def vpc(aws: Aws) -> str:
    """A VPC with two subnets for load balancers."""
    id_ = str(aws.call(ec2("CreateVpc", {"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"])
    for number, zone in enumerate("ab"):
        parameters = {"VpcId": id_, "CidrBlock": f"10.0.{number}.0/24", "AvailabilityZone": f"ap-northeast-2{zone}"}
        tags = [{"ResourceType": "subnet", "Tags": tag_list({"kubernetes.io/role/elb": "1"})}]
        aws.call(ec2("CreateSubnet", parameters | {"TagSpecifications": tags}))
    return id_


@pytest.fixture
def group(aws: Aws, vpc: str) -> str:
    """The load balancer's security group."""
    parameters = {"GroupName": "load-balancer", "Description": "for tests", "VpcId": vpc}
    return str(aws.call(ec2("CreateSecurityGroup", parameters))["GroupId"])


def test_a_load_balancer_is_created_as_desired_and_deleted_with_its_target_groups(aws: Aws, group: str) -> None:
    account = Deployer(aws, "production")
    account.apply(asked(ingresses(group)))
    [there] = account.load_balancers()
    assert (there.group, there.scheme, len(there.subnets)) == ("production", "internet-facing", 2)
    assert [listener.response for listener in there.listeners] == [None, ("404", NO_ROUTE_RESPONSE["messageBody"])]
    assert [(listener.certificate, listener.policy) for listener in there.listeners] == [
        (None, None),
        (CERTIFICATE, TLS_POLICY),
    ]
    assert [rule.port for rule in there.listeners[1].rules] == [30081, 30080, 30080]
    account.remove("production")
    assert account.load_balancers() == []
    assert aws.call(elb("DescribeTargetGroups", {}))["TargetGroups"] == []
    account.remove("production")


def test_a_second_reconcile_is_idempotent(aws: Aws, group: str) -> None:
    Deployer(aws, "production").apply(asked(ingresses(group)))
    before = Deployer(aws, "production").load_balancers()
    Deployer(aws, "production").apply(asked(ingresses(group)))
    assert [balancer.listeners[1].rules for balancer in Deployer(aws, "production").load_balancers()] == [
        balancer.listeners[1].rules for balancer in before
    ]
    assert Deployer(aws, "another").load_balancers() == []


def test_listeners_and_rules_that_are_no_longer_desired_are_deleted(aws: Aws, group: str) -> None:
    account = Deployer(aws, "production")
    account.apply(asked(ingresses(group)))
    account.apply(asked(ingresses(group, certificate=None, routes=ROUTES[:1])))
    [there] = account.load_balancers()
    assert [(listener.port, listener.default, len(listener.rules)) for listener in there.listeners] == [
        (80, "fixed-response", 1)
    ]
    assert len(there.target_groups) == 1


def test_a_protected_load_balancer_is_not_deleted(aws: Aws, group: str) -> None:
    account = Deployer(aws, "production")
    account.apply(asked(ingresses(group, production=True)))
    with pytest.raises(RefusedError, match="OperationNotPermitted"):
        account.remove("production")
    assert account.load_balancers()[0].attributes[PROTECTION] == "true"


def test_what_botocore_or_moto_refuses_is_refused(aws: Aws, group: str) -> None:
    account = Deployer(aws, "production")
    members = ingresses(group)
    wrong = "load-balancer-attributes", "idle_timeout.seconds=60"
    with pytest.raises(RefusedError, match=r"Key idle_timeout\.seconds not valid"):
        account.apply(asked([annotate(member, **dict([wrong])) for member in members]))
    wrong = "actions.no-route", '{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "999"}}'
    with pytest.raises(RefusedError, match="999"):
        account.apply(asked([annotate(member, **dict([wrong])) for member in members]))
    with pytest.raises(RefusedError, match="sg-0123456789abcdef0"):
        account.apply(asked(ingresses()))
    with pytest.raises(RefusedError, match=INSTANCE):
        account.apply(asked(members, node("worker-1", workload="application")))


def test_an_instance_of_another_vpc_is_no_target(aws: Aws, group: str) -> None:
    run = ec2("RunInstances", {"ImageId": aws.image, "MinCount": 1, "MaxCount": 1})
    instance = aws.call(run)["Instances"][0]["InstanceId"]
    with pytest.raises(RefusedError, match=f"InvalidTarget: {instance}"):
        Deployer(aws, "production").apply(asked(ingresses(group), node("worker", instance, workload="application")))


def test_a_load_balancer_needs_tagged_subnets_in_two_zones(aws: Aws, vpc: str, group: str) -> None:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = aws.call(ec2("DescribeSubnets", {"Filters": filters}))["Subnets"]
    aws.call(ec2("DeleteTags", {"Resources": [subnets[0]["SubnetId"]], "Tags": [{"Key": "kubernetes.io/role/elb"}]}))
    with pytest.raises(RefusedError, match=r"kubernetes\.io/role/elb in zones"):
        Deployer(aws, "production").apply(asked(ingresses(group)))


def test_more_rules_than_aws_takes_are_refused(aws: Aws, group: str) -> None:
    routes = [{"service": "backend", "path": f"/{number}"} for number in range(101)]
    with pytest.raises(RefusedError, match="TooManyRules"):
        Deployer(aws, "production").apply(asked(ingresses(group, routes=routes)))


def test_rules_are_moved_and_changed_in_place_before_any_is_created_or_deleted(aws: Aws, group: str) -> None:
    noted = Noted(aws)
    account = Deployer(noted, "production")
    account.apply(asked(ingresses(group)))
    assert noted.rules() == ["CreateRule"] * 3
    noted.calls.clear()
    account.apply(asked(ingresses(group)))
    assert noted.rules() == []
    # One in front: those that are right move, and nothing is deleted.
    in_front = {"service": "shop", "host": "a.example.org", "path": "/a/b"}
    account.apply(asked(ingresses(group, routes=[*ROUTES, in_front])))
    assert noted.rules() == ["SetRulePriorities"] * 2 + ["CreateRule"]
    noted.calls.clear()
    # Another path at the same place: the rule is changed, and its requests are never without one.
    account.apply(asked(ingresses(group, routes=[*ROUTES, in_front | {"host": "b.example.org"}])))
    assert noted.rules() == ["ModifyRule"]
    noted.calls.clear()
    account.apply(asked(ingresses(group)))
    assert noted.rules() == ["SetRulePriorities"] * 2 + ["DeleteRule"]
    [there] = account.load_balancers()
    assert [rule.paths[0] for rule in there.listeners[1].rules] == ["/cart", "/v1", "/*"]


def test_targets_are_registered_after_the_rules(aws: Aws, group: str, vpc: str) -> None:
    subnet = aws.call(ec2("DescribeSubnets", {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}))["Subnets"][0]
    run = ec2("RunInstances", {"ImageId": aws.image, "MinCount": 1, "MaxCount": 1, "SubnetId": subnet["SubnetId"]})
    instance = aws.call(run)["Instances"][0]["InstanceId"]
    noted = Noted(aws)
    Deployer(noted, "production").apply(asked(ingresses(group), node("worker", instance, workload="application")))
    order = [call.operation for call in noted.calls if call.operation in {"CreateRule", "RegisterTargets"}]
    assert order == ["CreateRule"] * 3 + ["RegisterTargets"] * 2


def test_every_resource_of_a_load_balancer_has_its_resource_tag(aws: Aws, group: str) -> None:
    noted = Noted(aws)
    Deployer(noted, "production").apply(asked(ingresses(group)))
    tags_of_each = [call.parameters["Tags"] for call in noted.calls if call.operation.startswith("Create")]
    parts = [{tag["Key"]: tag["Value"] for tag in tags}[RESOURCE_TAG] for tags in tags_of_each]
    assert sorted(parts) == [
        "443",
        "443:1",
        "443:2",
        "443:3",
        "80",
        "LoadBalancer",
        "default/backend-backend:http",
        "default/shop-shop:http",
    ]


def test_a_second_certificate_is_added_and_removed(aws: Aws, group: str) -> None:
    account = Deployer(aws, "production")
    first, *others = ingresses(group)
    other = "arn:aws:acm:ap-northeast-2:210987654321:certificate/other"
    account.apply(asked([annotate(first, certificate_arn=other), *others]))
    account.apply(asked(ingresses(group)))
    [there] = account.load_balancers()
    assert there.listeners[1].certificate == CERTIFICATE
