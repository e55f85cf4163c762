"""What the tests of the machines share: a cluster, its node table, and what is registered for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

from components.cluster.instances import ApiEndpoint, ClusterMachines
from components.cluster.storage import Storage
from switchyard.bootstrap import cloud_init
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import Role
from tests.support import engine
from tests.support.engine import Recording, record

ACCOUNT = "123456789012"
INSTANCE = "aws:ec2/instance:Instance"
PARAMETER = "aws:ssm/parameter:Parameter"
POLICY = "aws:iam/policy:Policy"
CHART = {"version": "1.14.1", "chart": "controller", "repository": "https://charts.example.org"}
KEYS = [*cloud_init.JOIN_PARAMETERS, *cloud_init.PKI_PARAMETERS]
ZONES = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]

# The node table, written out once more: a slip in the settings' own would pass a comparison with itself.
TABLE = {
    "k8s-master": ("t3.large", "ap-northeast-2a", 80, Role.CONTROL_PLANE),
    "k8s-worker-1": ("t3.medium", "ap-northeast-2b", 40, Role.WORKER),
    "k8s-worker-2": ("t3.medium", "ap-northeast-2c", 40, Role.WORKER),
    "k8s-rabbitmq": ("t3.small", "ap-northeast-2a", 40, Role.WORKER),
    "k8s-postgresql": ("t3.small", "ap-northeast-2b", 60, Role.WORKER),
    "k8s-redis": ("t3.small", "ap-northeast-2c", 30, Role.WORKER),
    "k8s-monitoring": ("t3.large", "ap-northeast-2c", 60, Role.WORKER),
}


@dataclass
class Net:
    """What machines need of the network."""

    vpc_id: pulumi.Output[str] = field(default_factory=lambda: pulumi.Output.from_input("vpc-1"))
    subnet_ids: dict[str, pulumi.Output[str]] = field(
        default_factory=lambda: {zone: pulumi.Output.from_input(f"subnet-{zone}") for zone in ZONES}
    )
    node_group_id: pulumi.Output[str] = field(default_factory=lambda: pulumi.Output.from_input("sg-nodes"))
    control_plane_group_id: pulumi.Output[str] = field(
        default_factory=lambda: pulumi.Output.from_input("sg-control-plane")
    )


def cluster(**changes: Any) -> Ec2Cluster:
    settings = {"kind": "ec2", "name": "it", "tags": {"team": "web"}, "loadBalancerController": CHART}
    return Ec2Cluster.model_validate(settings | changes)


def built(
    monkeypatch: pytest.MonkeyPatch,
    settings: Ec2Cluster | None = None,
    *,
    production: bool = True,
    secrets: dict[str, str] | None = None,
    then: Callable[[ClusterMachines, ApiEndpoint], object] = lambda *_: None,
) -> Recording:
    """Registers everything, with an account that gives ARNs and has Canonical's parameter."""
    settings = settings or cluster()
    plain = engine.Answers.new_resource

    def new_resource(self: engine.Answers, args: Any) -> tuple[str | None, dict[Any, Any]]:
        id_, outputs = plain(self, args)
        state = {"arn": f"arn:aws:x:ap-northeast-2:{ACCOUNT}:{args.name}", "keyId": f"{args.name}-key", **outputs}
        state |= {"name": outputs.get("name", args.name), "bucket": outputs.get("bucket", args.name)}
        return id_, state | {"allocationId": "eipalloc-1", "publicIp": "203.0.113.7", "privateIp": "10.0.1.9"}

    def call(self: engine.Answers, args: Any) -> dict[Any, Any]:
        if args.token == "aws:ssm/getParameter:getParameter":
            assert args.args["name"].startswith("/aws/service/canonical/ubuntu/server/24.04/")
            return {"value": "ami-0123456789abcdef0"}
        assert args.token == "aws:index/getCallerIdentity:getCallerIdentity"
        return {"arn": f"arn:aws:iam::{ACCOUNT}:user/it", "accountId": ACCOUNT}

    def run() -> None:
        endpoint = ApiEndpoint("api", cluster=settings)
        texts = secrets or {key: f"text of {key}" for key in KEYS}
        storage = Storage("store", cluster=settings, production=production, secrets=texts)
        machines = ClusterMachines(
            "it",
            cluster=settings,
            production=production,
            network=Net(),
            storage=storage,
            endpoint=endpoint,
            user_data=lambda node: f"#cloud-config of {node}",
        )
        then(machines, endpoint)

    monkeypatch.setattr(engine.Answers, "new_resource", new_resource)
    monkeypatch.setattr(engine.Answers, "call", call)
    return record(monkeypatch, run)


def inputs(recording: Recording, type_: str, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = MessageToDict(recording.requests[type_, name].object)
    return properties


def only(recording: Recording, type_: str) -> dict[str, Any]:
    [name] = recording.names(type_)
    return inputs(recording, type_, name)
