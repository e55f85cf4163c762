"""Configurations with errors in a cluster."""

import copy
from typing import Any

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.validation.services import SERVICES
from tests.support.configuration import BACKEND, EXISTING
from tests.support.ec2_configuration import PRODUCTION
from tests.support.wrong_rollouts import ROLLOUT

EC2_SERVICES: dict[str, Any] = {"backend": BACKEND | {"nodePort": 30080}}


def _cluster(**values: Any) -> dict[str, Any]:
    return {CLUSTER: EXISTING | values, SERVICES: {"backend": BACKEND}}


def _ec2(services: Any = None, **values: Any) -> dict[str, Any]:
    return {CLUSTER: copy.deepcopy(PRODUCTION) | values, SERVICES: services or EC2_SERVICES}


def _network(**values: Any) -> dict[str, Any]:
    return _ec2(network=PRODUCTION["network"] | values)


def _alb(services: Any = None, **values: Any) -> dict[str, Any]:
    return _ec2(services, loadBalancer=PRODUCTION["loadBalancer"] | values)


def _node(name: str, **values: Any) -> dict[str, Any]:
    nodes = copy.deepcopy(PRODUCTION["nodes"])
    return _ec2(nodes=nodes | {name: nodes.get(name, nodes["k8s-redis"]) | values})


WRONG: dict[str, dict[str, Any]] = {
    "an identifier": _cluster(identifier=""),
    "a node": _cluster(
        nodes={
            "ip-10-0-1-5.ap-northeast-2.compute.internal": {"type": "t9", "zone": 5, "workload": "a b", "diskGb": "80"}
        }
    ),
    "a node's disk": _cluster(
        nodes={"ip-10-0-1-5.ap-northeast-2.compute.internal": {"type": "t3.small", "zone": "z", "diskGb": 1}}
    ),
    "a size that contradicts its type": _cluster(
        nodes={"a": {"type": "t3.small", "zone": "z", "diskGb": 40, "vcpu": 4}}
    ),
    "a type without its memory": _cluster(nodes={"a": {"type": "i4i.large", "zone": "z", "diskGb": 40, "vcpu": 4}}),
    "no type of EC2": _node("k8s-redis", type="large", vcpu=4, memoryGb=32.0),
    "another architecture": _node("k8s-redis", type="t4g.small"),
    "a small control plane": _node("k8s-master", type="t3.micro"),
    "Argo Rollouts that asks AWS": _ec2(argoRollouts={"version": "2.40.5", "awsVerifyTargetGroup": True}),
    "no metrics": _ec2(
        {"backend": BACKEND | {"nodePort": 30080, "autoscaling": {"min": 3, "max": 5}}}, metricsServer=None
    ),
    "another partition": _alb(certificate="arn:aws-cn:acm:ap-northeast-2:123456789012:certificate/1"),
    "many routes": _alb(routes=[{"service": "backend", "path": f"/{number}"} for number in range(101)]),
    "a Service that targets do not reach": _ec2(
        {
            "backend": BACKEND
            | {
                "nodePort": 30080,
                "service": {"externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP"},
                "readiness": {"tcpSocket": {"port": "http"}},
            }
        }
    ),
    "a Service in the cluster of a route": _ec2({"backend": BACKEND | {"service": {"type": "ClusterIP"}}}),
    "a chart": _cluster(argoRollouts={"version": 2.4, "chart": "", "repository": "x"}),
    "no chart": _cluster(argoRollouts={}),
    "ec2": _ec2(name="My cluster", region="Seoul", kubernetes=1.34, account=123456789012, kubernets="1"),
    "networks": _network(
        vpc="10.0.0.1/8", pods=10, services="10.0.0.0/12", administrators=["203.0.113.7/24"], flowLogDays=2
    ),
    "networks that overlap": _network(vpc="10.0.0.0/15", services="10.0.0.0/8", pods="10.0.0.0/30"),
    "few addresses": _network(pods="192.168.0.0/23"),
    "subnets": _network(
        subnets={"eu-west-1a": "10.0.1.0/24", "ap-northeast-2b": "10.9.2.0/30", "ap-northeast-2c": "10.9.2.0/30"}
    ),
    "one subnet": _network(subnets={"ap-northeast-2a": "10.0.1.0/28"}),
    "no administrators": _network(administrators=[]),
    "everybody": _network(administrators=["0.0.0.0/0"]) | {"switchyard:production": True},
    "zones": _node("k8s-redis", zone="eu-west-1a", diskGb=8),
    "a zone without a subnet": _node("k8s-redis", zone="ap-northeast-2d"),
    "two control planes": _node("k8s-redis", role="controlPlane", diskGb=40),
    "no control plane": _node("k8s-master", role="worker"),
    "an old version": _ec2(kubernetes="1.20.0"),
    "certificates": _ec2(pki={"adminDays": 100, "renewBeforeDays": 100, "caDays": 100}),
    "tags": _ec2(tags={"Name": "x", "kubernetes.io/cluster/x": "y", "a=b": "c", "d": "e,f", "g": 5}),
    "tags that IAM takes for one": _ec2(tags={"team": "x", "Team": "y"}),
    "networks of no machine": _network(vpc="169.254.0.0/16", pods="224.0.0.0/16", services="127.16.0.0/12"),
    "another account": _ec2(account="210987654321"),
    "many tags": _ec2(tags={f"t{number}": "x" for number in range(45)}),
    "no controller": _ec2(loadBalancerController=None),
    "no certificate": _alb(certificate=None) | {"switchyard:production": True},
    "another region": _alb(
        certificate="arn:aws:acm:eu-west-1:123456789012:certificate/1",
        waf="arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/1",
    ),
    "arns": _alb(certificate="mine", waf="mine"),
    "health": _alb(healthTimeoutSeconds=10, healthIntervalSeconds=10, idleTimeoutSeconds=0, accessLogs="no"),
    "no routes": _alb(routes=[]),
    "routes": _alb(
        routes=[{"service": "backend"}, {"service": "backend"}, {"service": "backed", "path": "x", "host": "A b"}]
    ),
    "a route to nothing": _alb(routes=[{"service": "backed"}, {"service": "shop", "path": "/x"}, {"host": "a.b"}]),
    "a route without a port": _alb({"backend": BACKEND | {"drain": {"preStopSeconds": 5}}}),
    "an engine without a route": _alb(
        {"backend": BACKEND | {"nodePort": 30080}, "shop": BACKEND | {"switchEngine": "albTargets"}}
    ),
    "weights of the stack's Ingress": _alb(
        {
            "backend": ROLLOUT
            | {"strategy": "canary", "nodePort": 30080, "canary": {"traffic": "alb", "alb": {"ingress": "x"}}},
            "shop": ROLLOUT
            | {"strategy": "canary", "replicas": 2, "canary": {"traffic": "alb", "alb": {"ingress": "backend"}}},
        }
    ),
}
"""Configurations by their error."""
