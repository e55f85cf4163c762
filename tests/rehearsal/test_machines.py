"""The seven machines of `production` in the real engine, before a stand-in for AWS."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.stand_ins import StandIns
from tests.rehearsal.conftest import SmallStack

PROGRAM = Path(__file__).parent / "machines"
INSTANCE = "aws:ec2/instance:Instance"
CONFIG: dict[str, Any] = {
    "switchyard:cluster": {
        "kind": "ec2",
        "name": "production",
        "network": {"administrators": ["203.0.113.0/24"]},
        "machines": {"terminationProtection": False},
        "loadBalancer": {
            "certificate": "arn:aws:acm:ap-northeast-2:123456789012:certificate/1",
            "routes": [{"service": "backend", "host": "api.example.org"}],
        },
    },
    "switchyard:services": {
        "backend": {
            "image": "ghcr.io/org/backend",
            "active": "blue",
            "nodePort": 30080,
            "blue": {"tag": "v1.0.0", "replicas": 3},
            "green": {"tag": "v1.0.0", "replicas": 0},
        }
    },
}
TABLE = {
    "k8s-master": ("t3.large", "ap-northeast-2a", 80),
    "k8s-worker-1": ("t3.medium", "ap-northeast-2b", 40),
    "k8s-worker-2": ("t3.medium", "ap-northeast-2c", 40),
    "k8s-rabbitmq": ("t3.small", "ap-northeast-2a", 40),
    "k8s-postgresql": ("t3.small", "ap-northeast-2b", 60),
    "k8s-redis": ("t3.small", "ap-northeast-2c", 30),
    "k8s-monitoring": ("t3.large", "ap-northeast-2c", 60),
}


@pytest.fixture
def production(aws: StandIns, tmp_path: Path) -> SmallStack:
    """The machines of a production stack, made from nothing."""
    directory = tmp_path / "stack"
    directory.mkdir()
    stack = SmallStack(directory, CONFIG, PROGRAM)
    result = stack.up()
    assert result.ok, result.output
    return stack


def instances(stack: SmallStack) -> dict[str, dict[str, Any]]:
    return {one["outputs"]["tags"]["Name"]: one["outputs"] for one in stack.state() if one["type"] == INSTANCE}


def test_the_machines_are_those_of_the_node_table_and_a_second_preview_is_empty(
    production: SmallStack, aws: StandIns
) -> None:
    assert not aws.aws.unchecked
    found = instances(production)
    assert {
        name.removeprefix("production-"): (
            one["instanceType"],
            one["availabilityZone"],
            one["rootBlockDevice"]["volumeSize"],
        )
        for name, one in found.items()
    } == TABLE
    assert production.planned() == {}
    config = yaml.safe_load(production.run("stack", "output", "kubeconfig", "--show-secrets", check=True).output)
    assert config["users"]
    assert "PRIVATE KEY" not in production.run("stack", "export", check=True).output
    assert "PRIVATE KEY" not in aws.record.file.read_text()


def test_an_image_that_moved_changes_nothing_and_a_worker_more_is_one_machine_more(
    production: SmallStack, aws: StandIns
) -> None:
    aws.aws.image = "ami-00000000000000001"
    assert production.planned() == {}
    nodes = {
        name: {
            "type": type_,
            "zone": zone,
            "diskGb": disk,
            **({"role": "controlPlane"} if name == "k8s-master" else {}),
        }
        for name, (type_, zone, disk) in TABLE.items()
    }
    for worker in ("k8s-worker-1", "k8s-worker-2"):
        nodes[worker]["workload"] = "application"
    for service in ("rabbitmq", "postgresql", "redis", "monitoring"):
        nodes[f"k8s-{service}"] |= {"workload": service, "dedicated": service}
    production.set("cluster.nodes", nodes)
    assert production.planned() == {}
    more = {"type": "t3.medium", "zone": "ap-northeast-2a", "diskGb": 40, "workload": "application"}
    production.set("cluster.nodes", nodes | {"k8s-worker-3": more})
    assert production.planned() == {"cluster-machines-k8s-worker-3": "create"}
    assert production.up().ok
    assert len(aws.aws.instances()) == 8


def test_a_node_is_replaced_only_when_asked_for_and_then_has_the_new_image(
    production: SmallStack, aws: StandIns
) -> None:
    aws.aws.image = "ami-00000000000000001"
    [urn] = [one["urn"] for one in production.state() if one["urn"].endswith("cluster-machines-k8s-redis")]
    result = production.up("--target-replace", urn)
    assert result.ok, result.output
    images = {name.removeprefix("production-"): one["ami"] for name, one in instances(production).items()}
    assert [name for name, image in images.items() if image == "ami-00000000000000001"] == ["k8s-redis"]
    assert len(aws.aws.instances()) == 7


def test_a_destroy_takes_everything_away(production: SmallStack, aws: StandIns) -> None:
    result = production.destroy()
    assert result.ok, result.output
    assert aws.aws.instances() == []
    made, gone = (aws.record.names(operation) for operation in ("create", "delete"))
    kept = set(made) - set(gone)
    # What holds the backups of a production stack outlives it.
    assert "cluster-storage-backups" in kept
    assert all(name.startswith("cluster-storage-") for name in kept), kept
