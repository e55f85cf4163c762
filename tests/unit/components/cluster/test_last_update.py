"""What a run must not take from the cluster that the last update has left."""

import pulumi
import pytest

from components.cluster.last_update import LastUpdate, admitted, fixed_settings, refuse_another
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import AwsError
from tests.support.network import CERTIFICATE, cluster

ADDED = {"ap-northeast-2a": "10.0.1.0/24", "ap-northeast-2b": "10.0.2.0/24", "ap-northeast-2c": "10.0.3.0/24"}
NETWORK = {"administrators": ["203.0.113.0/24"]}
BEFORE = cluster(network=NETWORK | {"subnets": ADDED | {"ap-northeast-2d": "10.0.4.0/24"}})
AFTER = cluster(network=NETWORK | {"subnets": ADDED})


def removed(monkeypatch: pytest.MonkeyPatch, interfaces: list[str] | AwsError) -> None:
    def interfaces_in(_: Ec2Cluster, block: str) -> list[str]:
        assert block == "10.0.4.0/24"
        if isinstance(interfaces, AwsError):
            raise interfaces
        return interfaces

    monkeypatch.setattr("switchyard.aws.subnets.interfaces_in", interfaces_in)
    refuse_another(AFTER, LastUpdate(fixed=fixed_settings(BEFORE)))


def test_a_subnet_that_nothing_is_in_may_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    removed(monkeypatch, [])


@pytest.mark.parametrize(
    ("interfaces", "line"),
    [
        (["eni-1 (ELB app/it/1)"], "the cluster that runs has '10.0.4.0/24', and in it are eni-1 (ELB app/it/1)."),
        (AwsError("no credentials"), "'10.0.4.0/24', and what is in it is not known: no credentials."),
    ],
)
def test_a_subnet_that_is_used_is_not_removed(
    monkeypatch: pytest.MonkeyPatch, interfaces: list[str] | AwsError, line: str
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        removed(monkeypatch, interfaces)
    assert "SY-C015 switchyard:cluster.network.subnets.ap-northeast-2d: missing: " in str(refused.value)
    assert line in str(refused.value)
    assert '"Remove a subnet"' in str(refused.value)


def test_a_subnet_keeps_its_block() -> None:
    moved = cluster(network=NETWORK | {"subnets": ADDED | {"ap-northeast-2c": "10.0.13.0/24"}})
    with pytest.raises(pulumi.RunError, match=r"has '10\.0\.3\.0/24', which is fixed when it is created"):
        refuse_another(moved, LastUpdate(fixed=fixed_settings(AFTER)))


def test_blocks_that_lose_access_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    alb = {"certificate": CERTIFICATE, "routes": [{"service": "backend"}]}
    last = LastUpdate(admitted=admitted(cluster(loadBalancer=alb)))
    last.warn_of_lost_networks(cluster(loadBalancer=alb))
    assert lines == []
    network = {"administrators": ["203.0.113.0/24"]}
    last.warn_of_lost_networks(cluster(network=network, loadBalancer=alb | {"inbound": ["10.0.0.0/8"]}))
    assert [line.partition(" will")[0] for line in lines] == [
        "switchyard:cluster.network.administrators: 198.51.100.7/32",
        "switchyard:cluster.loadBalancer.inbound: 0.0.0.0/0",
    ]
    lines.clear()
    last.warn_of_lost_networks(cluster(loadBalancer=None))  # without a load balancer its URLs are warned of
    LastUpdate().warn_of_lost_networks(cluster(loadBalancer=alb))  # an earlier version has left no blocks
    assert lines == []
