"""A subnet of a whole stack that is added and removed again."""

import threading
from typing import Any

import pytest

from devtools.rehearsal.aws.resource_type import ec2
from tests.integration.rehearsal.whole import Whole
from tests.support.http_server import http_server
from tests.support.moto_server import moto_handler


def expect_removal_of_an_empty_subnet(production: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds a subnet and removes it, which is refused while something is in it; leaves the stack as it was."""
    stack, before = production.stack, production.stack.snapshot()
    subnets = {f"ap-northeast-2{letter}": f"10.0.{third}.0/24" for third, letter in enumerate("abc", 1)}
    stack.set("cluster.network.subnets", subnets | {"ap-northeast-2d": "10.0.4.0/24"})
    production.up()
    stack.set("cluster.network.subnets", subnets)
    refusal = "cluster.network.subnets.ap-northeast-2d: missing: the cluster that runs has '10.0.4.0/24', and "
    preview = stack.preview()
    assert not preview.ok
    assert f"{refusal}what is in it is not known: AWS does not answer" in preview.output
    with http_server(moto_handler("ec2.ap-northeast-2.amazonaws.com"), threading.Event()) as url:
        monkeypatch.setitem(stack.environment, "AWS_ENDPOINT_URL_EC2", url)
        interface = _create_interface(production, "10.0.4.0/24")
        preview = stack.preview()
        assert not preview.ok
        assert f"{refusal}in it are {interface}" in preview.output
        production.aws.call(ec2("DeleteNetworkInterface", {"NetworkInterfaceId": interface}))
        assert set(stack.planned().items()) == {
            ("cluster-network-subnet-ap-northeast-2d", "delete"),
            ("cluster-network-routes-ap-northeast-2d", "delete"),
        }
        production.up()
    assert _subnets(production, "10.0.4.0/24") == []
    stack.restore(before)
    assert stack.planned() == {}


def _subnets(production: Whole, block: str) -> list[dict[str, Any]]:
    filters = [{"Name": "cidr-block", "Values": [block]}]
    subnets: list[dict[str, Any]] = production.aws.call(ec2("DescribeSubnets", {"Filters": filters}))["Subnets"]
    return subnets


def _create_interface(production: Whole, block: str) -> str:
    [subnet] = _subnets(production, block)
    answer = production.aws.call(ec2("CreateNetworkInterface", {"SubnetId": subnet["SubnetId"]}))
    return str(answer["NetworkInterface"]["NetworkInterfaceId"])
