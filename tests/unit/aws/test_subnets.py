"""What is in a subnet, answered by moto for the SDK's own calls."""

from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from switchyard.aws.subnets import interfaces_in
from switchyard.errors import AwsError
from tests.support.accounts import empty_account
from tests.support.network import REGION, TAG, cluster


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with empty_account():
        yield boto3.client("ec2", region_name=REGION)


def subnet(ec2: Any, block: str, tag: str = TAG) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": tag, "Value": "owned"}]}]
    created: str = ec2.create_subnet(VpcId=vpc, CidrBlock=block, TagSpecifications=tags)["Subnet"]["SubnetId"]
    return created


def test_a_subnet_without_interfaces_is_empty(ec2: Any) -> None:
    subnet(ec2, "10.0.4.0/24")
    other = subnet(ec2, "10.0.4.0/24", "kubernetes.io/cluster/other")
    ec2.create_network_interface(SubnetId=other)
    assert interfaces_in(cluster(), "10.0.4.0/24") == []
    assert interfaces_in(cluster(), "10.0.5.0/24") == []


def test_machines_and_other_interfaces_in_a_subnet_are_named(ec2: Any) -> None:
    own = subnet(ec2, "10.0.4.0/24")
    started = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=own)
    ec2.create_network_interface(SubnetId=own, Description="ELB app/it/1")
    text = ", ".join(interfaces_in(cluster(), "10.0.4.0/24"))
    assert f"({started['Instances'][0]['InstanceId']})" in text
    assert "(ELB app/it/1)" in text


def test_an_account_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, ec2: Any) -> None:
    monkeypatch.setattr(type(ec2), "describe_subnets", _refused(ec2))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: ec2)
    with pytest.raises(AwsError, match=r"AWS does not answer: .*UnauthorizedOperation.* \(SY-L901\)"):
        interfaces_in(cluster(), "10.0.4.0/24")


def _refused(ec2: Any) -> Any:
    def refuse(*_: object, **__: object) -> None:
        answer = {"Error": {"Code": "UnauthorizedOperation", "Message": "you are not authorized"}}
        raise ec2.exceptions.ClientError(answer, "DescribeSubnets")

    return refuse
