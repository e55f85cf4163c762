"""A fake of the AWS Load Balancer Controller and of AWS: moto, and a thread that reconciles as the controller does. It
reads Ingresses on the real API server, creates their resources in moto in the controller's order, and writes their
status, the TargetGroupBindings and events. It checks the type of each Service that an Ingress names, as the controller
does. Unlike the controller, it supports only one action, on one rule of one listener for each Ingress.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any

import boto3  # type: ignore[import-untyped]
from moto import mock_aws

from switchyard.manifests.ingress import GROUP_INGRESS, GROUP_NAMESPACE
from switchyard.manifests.weights import ACTIONS, BY_ANNOTATION
from tests.support.kubectl import Kubectl
from tests.support.moto_server import moto_handler

REGION = "ap-northeast-2"
INTERVAL_SECONDS = 0.3
"""Seconds between two reads of the Ingresses."""

CRD = "targetgroupbindings.elbv2.k8s.aws"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": CRD},
    "spec": {
        "group": "elbv2.k8s.aws",
        "scope": "Namespaced",
        "names": {"kind": "TargetGroupBinding", "plural": "targetgroupbindings", "singular": "targetgroupbinding"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


class Controller:
    """The simulated controller.

    Args:
        kubectl: kubectl in the namespace that the controller watches.

    Attributes:
        answers: whether it reconciles.
        rules_of: weights by Service that the rule of each Ingress has had, in order.
        rules: weights of the rule of Ingress `backend`, in order.
        refuses: error with which AWS answers every change; None permits changes.
        unbuilt: what the controller said of Ingresses that it could make nothing of, in order.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self.answers = True
        self.rules_of: dict[str, list[dict[str, int]]] = defaultdict(list)
        self.rules = self.rules_of["backend"]
        self.refuses: str | None = None
        self.unbuilt: list[str] = []
        self._looked: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._events = 0
        self._kubectl = kubectl
        self._whole = Kubectl(kubectl.kubeconfig, GROUP_NAMESPACE)
        self._elb = boto3.client("elbv2", region_name=REGION)
        self._groups: dict[str, str] = {}
        self._rules: dict[str, str] = {}
        self._ended = threading.Event()
        self._ec2 = ec2 = boto3.client("ec2", region_name=REGION)
        self._vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=self._vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
            for number, zone in enumerate("ab", 1)
        ]
        # Any image will do. To list those that moto knows takes more than a second.
        created = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)
        self._node = created["Instances"][0]["InstanceId"]
        created = self._elb.create_load_balancer(
            Name="test", Subnets=[subnet["Subnet"]["SubnetId"] for subnet in subnets]
        )
        self._balancer = created["LoadBalancers"][0]
        refused = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        created = self._elb.create_listener(
            LoadBalancerArn=self._balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[refused]
        )
        self._listener = created["Listeners"][0]["ListenerArn"]

    def run(self) -> None:
        """Reconciles the Ingresses until it is stopped."""
        while not self._ended.wait(INTERVAL_SECONDS):
            if self.answers:
                self._publish(self._whole, self._whole.get("ingress"))
                for ingress in self._kubectl.get("ingress"):
                    self._reconcile(ingress)

    def end(self) -> None:
        """Stops the controller."""
        self._ended.set()

    def fail(self, message: str) -> None:
        """Writes the event of the controller for a refusal by AWS."""
        self._say(self._kubectl.get("ingress", "backend"), "Warning", "FailedDeployModel", message)

    def _say(self, ingress: dict[str, Any], kind: str, reason: str, message: str) -> None:
        name, uid = ingress["metadata"]["name"], ingress["metadata"]["uid"]
        about = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "uid": uid}
        self._events += 1
        self._kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.{self._events}"},
                "involvedObject": about | {"name": name, "namespace": self._kubectl.namespace},
                "type": kind,
                "reason": reason,
                "message": message,
                "lastTimestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            }
        )

    def lose_targets(self) -> None:
        """Makes all targets unhealthy."""
        self._ec2.stop_instances(InstanceIds=[self._node])

    def find_targets(self) -> None:
        """Makes all targets healthy again."""
        self._ec2.start_instances(InstanceIds=[self._node])

    def _reconcile(self, ingress: dict[str, Any]) -> None:
        name, weights = ingress["metadata"]["name"], _weights(ingress)
        types = {service["metadata"]["name"]: service["spec"]["type"] for service in self._kubectl.get("service")}
        seen = json.dumps([ingress["spec"], ingress["metadata"]["annotations"], types, self.refuses], sort_keys=True)
        if seen == self._looked.get(name):
            return
        without = [service for service in weights if types.get(service) != "NodePort"]
        if without:
            self.unbuilt.append(f"TargetGroup port is empty: {', '.join(without)}")
            self._say(ingress, "Warning", "FailedBuildModel", f"Failed build model due to {self.unbuilt[-1]}")
        elif self.refuses is not None:
            self._say(ingress, "Warning", "FailedDeployModel", f"Failed deploy model due to {self.refuses}")
        else:
            self._deploy(ingress, weights)
            self._publish(self._kubectl, [ingress])
            self._say(ingress, "Normal", "SuccessfullyReconciled", "Successfully reconciled")
        self._looked[name] = seen

    def _deploy(self, ingress: dict[str, Any], weights: dict[str, int]) -> None:
        """Creates the rule in moto, or changes it in place."""
        groups = [{"TargetGroupArn": self._group(service), "Weight": weights[service]} for service in weights]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        path = ingress["spec"]["rules"][0]["http"]["paths"][0]["path"].rstrip("/")
        patterns = [path, f"{path}/*"] if path else ["/*"]
        conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": patterns}}]
        name = ingress["metadata"]["name"]
        changed = self.rules_of[name][-1:] != [weights]
        if changed:
            self.rules_of[name].append(weights)  # before the program can see the rule
        if name not in self._rules:
            priority = len(self._rules) + 1
            created = self._elb.create_rule(
                ListenerArn=self._listener, Priority=priority, Conditions=conditions, Actions=[action]
            )
            self._rules[name] = created["Rules"][0]["RuleArn"]
        elif changed or self._paths[name] != path:
            self._elb.modify_rule(RuleArn=self._rules[name], Conditions=conditions, Actions=[action])
        self._paths[name] = path

    def _publish(self, kubectl: Kubectl, ingresses: list[dict[str, Any]]) -> None:
        for ingress in ingresses:
            if ingress["status"].get("loadBalancer"):
                continue
            status = {"status": {"loadBalancer": {"ingress": [{"hostname": self._balancer["DNSName"]}]}}}
            name = ingress["metadata"]["name"]
            kubectl.run("patch", "ingress", name, "--subresource=status", "--type=merge", f"-p={json.dumps(status)}")

    def _group(self, service: str) -> str:
        """The target group of a Service, which is created and bound if it does not exist."""
        if service not in self._groups:
            created = self._elb.create_target_group(Name=service, Protocol="HTTP", Port=80, VpcId=self._vpc)
            self._groups[service] = arn = created["TargetGroups"][0]["TargetGroupArn"]
            self._elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": self._node, "Port": 30080}])
            self._kubectl.apply(
                {
                    "apiVersion": "elbv2.k8s.aws/v1beta1",
                    "kind": "TargetGroupBinding",
                    "metadata": {"name": f"k8s-{service}"},
                    "spec": {"serviceRef": {"name": service, "port": "http"}, "targetGroupARN": arn},
                }
            )
        return self._groups[service]


def _weights(ingress: dict[str, Any]) -> dict[str, int]:
    service = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    if service["port"]["name"] != BY_ANNOTATION:
        return {service["name"]: 1}
    action = json.loads(ingress["metadata"]["annotations"][f"{ACTIONS}{service['name']}"])
    return {group["serviceName"]: group["weight"] for group in action["forwardConfig"]["targetGroups"]}


@contextmanager
def load_balancer(kubectl: Kubectl) -> Iterator[tuple[Controller, str]]:
    """Runs a controller; yields it and the URL of the fake AWS."""
    kubectl.apply(DEFINITION)
    kubectl.wait("condition=Established", f"crd/{CRD}")
    kubectl.run("get", CRD)  # answered 429 for a moment after that, which kubectl waits for
    with mock_aws():
        server = ThreadingHTTPServer(("127.0.0.1", 0), moto_handler(f"elasticloadbalancing.{REGION}.amazonaws.com"))
        controller = Controller(kubectl)
        threads = [threading.Thread(target=target) for target in (server.serve_forever, controller.run)]
        for thread in threads:
            thread.start()
        try:
            yield controller, f"http://127.0.0.1:{server.server_port}"
        finally:
            controller.end()
            server.shutdown()
            for thread in threads:
                thread.join()
            server.server_close()
            # Not of the test's own namespace, with which everything else goes.
            Kubectl(kubectl.kubeconfig, GROUP_NAMESPACE).run("delete", "ingress", GROUP_INGRESS, "--ignore-not-found")
