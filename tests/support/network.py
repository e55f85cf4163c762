"""What the tests of the EC2 network share: a cluster, the table of its rules, and what is registered for it."""

from typing import Any

import pytest
from pulumi.runtime import mocks
from pulumi.runtime.rpc import deserialize_properties

from components.cluster.network import ClusterNetwork
from switchyard.aws.security_groups import Direction
from switchyard.config.models.ec2 import Ec2Cluster
from tests.support import engine

ACCOUNT = "123456789012"
REGION = "ap-northeast-2"
TAG = "kubernetes.io/cluster/production"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0a1b"
CHART = {"version": "1.14.1", "chart": "controller", "repository": "https://charts.example.org"}
GROUP_TYPE = "aws:ec2/securityGroup:SecurityGroup"
RULE_TYPES = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Direction.INGRESS,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Direction.EGRESS,
}
UNTAGGED = {
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:iam/rolePolicy:RolePolicy",
}


def cluster(**changes: Any) -> Ec2Cluster:
    settings = {
        "kind": "ec2",
        "name": "production",
        "network": {"administrators": ["203.0.113.0/24", "198.51.100.7/32"]},
        "tags": {"stack": "production", "owner": "platform"},
        "loadBalancerController": CHART,
        "loadBalancer": {"certificate": CERTIFICATE, "routes": [{"service": "backend"}]},
    }
    return Ec2Cluster.model_validate(settings | changes)


TABLE = [
    ("nodes", "egress", "tcp", 6443, 6443, "control-plane"),
    ("control-plane", "ingress", "tcp", 6443, 6443, "nodes"),
    ("control-plane", "egress", "tcp", 2379, 2380, "control-plane"),
    ("control-plane", "ingress", "tcp", 2379, 2380, "control-plane"),
    ("nodes", "egress", "tcp", 10250, 10250, "nodes"),
    ("nodes", "ingress", "tcp", 10250, 10250, "nodes"),
    ("control-plane", "egress", "tcp", 10256, 10256, "nodes"),
    ("nodes", "ingress", "tcp", 10256, 10256, "control-plane"),
    ("nodes", "egress", "udp", 4789, 4789, "nodes"),
    ("nodes", "ingress", "udp", 4789, 4789, "nodes"),
    ("nodes", "egress", "tcp", 5473, 5473, "nodes"),
    ("nodes", "ingress", "tcp", 5473, 5473, "nodes"),
    ("control-plane", "egress", "tcp", 9443, 9443, "nodes"),
    ("nodes", "ingress", "tcp", 9443, 9443, "control-plane"),
    ("control-plane", "ingress", "tcp", 6443, 6443, "203.0.113.0/24"),
    ("control-plane", "ingress", "tcp", 6443, 6443, "198.51.100.7/32"),
    ("nodes", "egress", "tcp", 443, 443, "0.0.0.0/0"),
    ("nodes", "egress", "tcp", 80, 80, "0.0.0.0/0"),
    ("load-balancer", "ingress", "tcp", 80, 80, "0.0.0.0/0"),
    ("load-balancer", "ingress", "tcp", 443, 443, "0.0.0.0/0"),
    ("load-balancer", "egress", "tcp", 30000, 32767, "nodes"),
    ("nodes", "ingress", "tcp", 30000, 32767, "load-balancer"),
]


class Cloud(mocks.Mocks):
    """Every resource as it was asked for, with the account and ARNs that AWS adds."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        added = {
            "aws:ec2/vpc:Vpc": {"ownerId": ACCOUNT},
            "aws:kms/key:Key": {"arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{args.name}-id"},
            "aws:cloudwatch/logGroup:LogGroup": {
                "arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{args.inputs.get('name')}"
            },
            "aws:iam/role:Role": {"arn": f"arn:aws:iam::{ACCOUNT}:role/{args.inputs.get('name')}"},
        }
        return f"{args.name}-id", {**args.inputs, **added.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        raise AssertionError(args.token)


def registered(monkeypatch: pytest.MonkeyPatch) -> engine.Recording:
    """A network named ``it``."""
    monkeypatch.setattr(engine, "Answers", Cloud)
    return engine.record(monkeypatch, lambda: ClusterNetwork("it", cluster=cluster()))


def inputs(recording: engine.Recording, type_: str, name: str) -> dict[str, Any]:
    """What a resource was asked for; gRPC makes every number a float."""
    properties = deserialize_properties(recording.requests[type_, name].object)
    return {key: int(value) if isinstance(value, float) else value for key, value in properties.items()}


def aws_resources(recording: engine.Recording) -> list[tuple[str, str]]:
    return [key for key in recording.requests if key[0].startswith("aws:")]
