"""A cluster's Ingresses, the fake load balancer controller and its resources in moto."""

import time
from collections.abc import Callable
from typing import Any

import yaml

from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.controller import FakeController
from devtools.rehearsal.load_balancer.observed import ObservedLoadBalancer
from devtools.rehearsal.load_balancer.requests import elb
from devtools.rehearsal.values import Values
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from switchyard.manifests.ingress import group_ingress, ingress, load_balancer_attributes
from switchyard.manifests.ingress_routes import parts
from switchyard.manifests.pods import active_service
from tests.support.kubectl import Kubectl

CERTIFICATE = "arn:aws:acm:ap-northeast-2:210987654321:certificate/somebodys"
ROUTES = [
    {"service": "backend"},
    {"service": "shop", "host": "shop.example.org", "path": "/cart"},
]
WAIT_SECONDS = 120.0
POLL_SECONDS = 0.05


class Watched(Aws):
    """Records the calls, and the state before a load balancer is deleted."""

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self.deletions: list[str] = []
        self.look: Callable[[], None] = lambda: None

    def call(self, request: Request) -> Values:
        if request.operation.startswith("Delete"):
            self.deletions.append(request.operation)
        if request.operation == "DeleteLoadBalancer":
            self.look()
        return super().call(request)


class Rig:
    """A cluster's Ingresses and its load balancer."""

    def __init__(self, kubectl: Kubectl, aws: Watched, security_group: str) -> None:
        self.kubectl = kubectl
        self.aws = aws
        self.cluster = f"cluster-{kubectl.namespace}"
        self._group = security_group
        config = yaml.safe_load(kubectl.kubeconfig.read_text())
        self.running = FakeController(config, aws, self.cluster)

    def apply(self, *, protected: bool = False, **settings: Any) -> None:
        """Applies the Services and Ingresses of the program."""
        alb = {"routes": ROUTES, "certificate": CERTIFICATE, "accessLogs": False, "deletionProtection": protected}
        raw = {"kind": "ec2", "name": self.cluster, "tags": {"team": "shop"}, "loadBalancer": alb | settings}
        cluster = Ec2Cluster.model_validate(raw)
        assert cluster.load_balancer is not None
        attributes = load_balancer_attributes(cluster, None, production=False)
        group = group_ingress(cluster, self._group, attributes)
        # Each test has a namespace of its own, and the load balancer's Ingress is in it, to go with it.
        group["metadata"]["namespace"] = self.kubectl.namespace
        self.kubectl.apply(group)
        for part in parts(cluster.load_balancer.routes):
            service = BlueGreenSettings.model_validate(
                {
                    "image": "ghcr.io/org/backend",
                    "namespace": self.kubectl.namespace,
                    "active": "blue",
                    "blue": {"tag": "v1.0.0", "replicas": 3},
                }
            )
            self.kubectl.apply(active_service(part.service, service))
            self.kubectl.apply(ingress(cluster, part, service))

    def ingresses(self) -> dict[str, dict[str, Any]]:
        return {ingress["metadata"]["name"]: ingress for ingress in self.kubectl.get("ingresses")}

    def port(self, service: str) -> int:
        return int(self.kubectl.get("service", service)["spec"]["ports"][0]["nodePort"])

    def hostnames(self) -> list[str]:
        statuses = [ingress["status"]["loadBalancer"] for ingress in self.ingresses().values()]
        return [point["hostname"] for status in statuses for point in status.get("ingress", ())]

    def balancer(self) -> ObservedLoadBalancer | None:
        balancers = [balancer for balancer in self.running.load_balancers() if balancer.group == self.cluster]
        return balancers[0] if balancers else None

    def there(self) -> ObservedLoadBalancer:
        balancer = self.balancer()
        assert balancer is not None
        return balancer

    def target_groups(self) -> list[str]:
        listed = self.aws.call(elb("DescribeTargetGroups", {}))["TargetGroups"]
        return [target_group["TargetGroupName"] for target_group in listed]


def expect_no_problems(rig: Rig) -> None:
    """Waits until nothing stands against the Ingresses; the controller says so after it has written their status."""
    deadline = time.monotonic() + WAIT_SECONDS
    while problems := rig.running.problems:
        assert time.monotonic() < deadline, problems
        time.sleep(POLL_SECONDS)


def wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it was never created"
        time.sleep(POLL_SECONDS)
