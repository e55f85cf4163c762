"""Reads of a load balancer at AWS, answered by moto for the SDK's own calls."""

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from switchyard.aws.elbv2 import Balancers
from switchyard.errors import AwsError
from tests.support.accounts import empty_account

REGION = "ap-northeast-2"


class Account:
    """An account with a load balancer, one listener and two target groups."""

    def __init__(self) -> None:
        ec2 = boto3.client("ec2", region_name=REGION)
        self.elb = boto3.client("elbv2", region_name=REGION)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
            for number, zone in enumerate("ab", 1)
        ]
        # Any image will do. To list those that moto knows takes more than a second.
        started = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)
        self.node = started["Instances"][0]["InstanceId"]
        names = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
        balancer = self.elb.create_load_balancer(Name="it", Subnets=names)["LoadBalancers"][0]
        self.hostname = balancer["DNSName"]
        self.blue, self.green = (
            self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0][
                "TargetGroupArn"
            ]
            for name in ("blue", "green")
        )
        refused = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[refused]
        )["Listeners"][0]["ListenerArn"]

    def rule(self, priority: int, action: dict[str, Any]) -> None:
        path = [{"Field": "path-pattern", "Values": [f"/{priority}"]}]
        self.elb.create_rule(ListenerArn=self.listener, Priority=priority, Conditions=path, Actions=[action])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with empty_account():
        yield Account()


def test_the_weights_of_every_rule_that_forwards_are_reported(account: Account) -> None:
    groups = [{"TargetGroupArn": account.blue, "Weight": 0}, {"TargetGroupArn": account.green, "Weight": 100}]
    account.rule(1, {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
    account.rule(2, {"Type": "forward", "TargetGroupArn": account.blue})
    account.rule(3, {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}})
    weights = asyncio.run(Balancers(REGION).rules(account.hostname.upper()))
    assert weights == [{account.blue: 0, account.green: 100}, {account.blue: 1}]


def test_every_rule_is_seen_however_many_there_are(account: Account) -> None:
    for priority in range(1, 121):
        account.rule(priority, {"Type": "forward", "TargetGroupArn": account.blue})
    assert len(asyncio.run(Balancers(REGION).rules(account.hostname))) == 120


def test_an_unknown_load_balancer_has_no_rules(account: Account) -> None:
    assert asyncio.run(Balancers(REGION).rules("other.amazonaws.com")) == []


def test_healthy_targets_are_distinguished_from_all(account: Account) -> None:
    assert asyncio.run(Balancers(REGION).healthy(account.green)) == (0, 0)
    account.elb.register_targets(TargetGroupArn=account.green, Targets=[{"Id": account.node}])
    assert asyncio.run(Balancers(REGION).healthy(account.green)) == (1, 1)
    boto3.client("ec2", region_name=REGION).stop_instances(InstanceIds=[account.node])
    assert asyncio.run(Balancers(REGION).healthy(account.green)) == (0, 1)


def test_what_aws_refuses_is_reported_in_its_own_words(account: Account) -> None:
    with pytest.raises(AwsError, match=r"AWS does not answer: .*\(TargetGroupNotFound\).*\(SY-L901\)"):
        asyncio.run(Balancers(REGION).healthy(account.green.replace("green", "none")))


def test_a_missing_login_is_reported_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # that of other tests has found a login
    with pytest.raises(AwsError, match="Unable to locate credentials"):
        asyncio.run(Balancers(REGION).rules("it.amazonaws.com"))
