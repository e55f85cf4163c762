"""Ingresses of the program at a real API server, before the fake provider for the load balancer controller and moto."""

import os
from collections.abc import Iterator

import psutil
import pytest
from moto import mock_aws

from devtools.rehearsal.aws.resource_type import ec2
from devtools.rehearsal.load_balancer.desired import PROTECTION
from devtools.rehearsal.load_balancer.observed import ObservedLoadBalancer
from devtools.rehearsal.load_balancer.requests import elb, set_attributes, tag_list
from devtools.sandbox import Sandbox
from devtools.sandbox.processes import end
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import TOOLS
from switchyard.aws.iam import CLUSTER_TAG
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.manifests.ingress import GROUP_INGRESS, NO_ROUTE_RESPONSE, TLS_POLICY
from tests.integration.rehearsal.rig import CERTIFICATE, Rig, Watched, expect_no_problems, wait
from tests.support.kubectl import Kubectl

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(any(installed_from(tool) is None for tool in TOOLS), reason="tools missing; run: make tools"),
]

NO_PORT = "TargetGroup port is empty"
WORKERS = ("k8s-worker-1", "k8s-worker-2")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox(f"balancers-{os.getpid()}")
    running.up()
    yield running
    running.down()


@pytest.fixture(scope="module")
def aws() -> Iterator[Watched]:
    with mock_aws():
        yield Watched("ap-northeast-2")


@pytest.fixture(scope="module")
def security_group(aws: Watched) -> str:
    """The load balancer's group, in a VPC with a subnet in two zones for it, and one that is not for it."""
    vpc = aws.call(ec2("CreateVpc", {"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"]
    for number, tags in enumerate([{"kubernetes.io/role/elb": "1"}, {"kubernetes.io/role/elb": "1"}, {"a": "b"}]):
        parameters = {
            "VpcId": vpc,
            "CidrBlock": f"10.0.{number}.0/24",
            "AvailabilityZone": f"ap-northeast-2{'abc'[number]}",
            "TagSpecifications": [{"ResourceType": "subnet", "Tags": tag_list(tags)}],
        }
        aws.call(ec2("CreateSubnet", parameters))
    parameters = {"GroupName": "load-balancer", "Description": "for tests", "VpcId": vpc}
    return str(aws.call(ec2("CreateSecurityGroup", parameters))["GroupId"])


@pytest.fixture(scope="module")
def workers(sandbox: Sandbox, aws: Watched, security_group: str) -> list[str]:
    """Ids of the instances of the application workers."""
    kubectl = Kubectl(sandbox.kubeconfig, "default")
    subnets = aws.call(ec2("DescribeSubnets", {"Filters": [{"Name": "tag:kubernetes.io/role/elb", "Values": ["1"]}]}))
    number = len(WORKERS)
    machines = {"ImageId": aws.image, "MinCount": number, "MaxCount": number, "InstanceType": "t3.medium"}
    run = ec2("RunInstances", machines | {"SubnetId": subnets["Subnets"][0]["SubnetId"]})
    ids = [instance["InstanceId"] for instance in aws.call(run)["Instances"]]
    for name, id_ in zip(WORKERS, ids, strict=True):
        kubectl.run("label", "node", name, "workload=application", "--overwrite")
        kubectl.run("patch", "node", name, "-p", f'{{"spec":{{"providerID":"aws:///ap-northeast-2b/{id_}"}}}}')
    return sorted(ids)


@pytest.fixture
def rig(kubectl: Kubectl, aws: Watched, security_group: str, workers: list[str]) -> Iterator[Rig]:
    created = Rig(kubectl, aws, security_group)
    with created.running:
        yield created
        kubectl.run("delete", "ingress", "--all", "--timeout=60s")


@pytest.fixture
def published(rig: Rig) -> Rig:
    """A rig with a load balancer whose name all Ingresses have."""
    rig.apply()
    wait(lambda: len(rig.hostnames()) == 3)
    return rig


def delays(balancer: ObservedLoadBalancer) -> set[str]:
    """Deregistration delays of its target groups."""
    return {group["deregistration_delay.timeout_seconds"] for group in balancer.target_groups.values()}


def test_three_ingresses_become_one_load_balancer_with_their_rules_and_targets(
    published: Rig, workers: list[str], security_group: str
) -> None:
    there = published.there()
    expect_no_problems(published)
    assert set(published.hostnames()) == {there.hostname}
    assert there.hostname.endswith(".fake.elb.amazonaws.com")
    assert (there.scheme, there.security_groups, len(there.subnets)) == ("internet-facing", (security_group,), 2)
    assert there.attributes["idle_timeout.timeout_seconds"] == "60"
    assert there.attributes[PROTECTION] == "false"
    assert there.tags.items() >= {"team": "shop", CLUSTER_TAG: published.cluster}.items()
    plain, secure = there.listeners
    assert (plain.port, plain.protocol, plain.default, plain.rules) == (80, "HTTP", "redirect", ())
    assert (secure.port, secure.certificate, secure.policy) == (443, CERTIFICATE, TLS_POLICY)
    assert (secure.default, secure.response) == ("fixed-response", ("404", NO_ROUTE_RESPONSE["messageBody"]))
    assert [(rule.host, rule.paths, rule.port, list(rule.targets)) for rule in secure.rules] == [
        ("shop.example.org", ("/cart", "/cart/*"), published.port("shop"), workers),
        (None, ("/*",), published.port("backend"), workers),
    ]
    assert delays(there) == {"30"}
    for ingress in published.ingresses().values():
        assert ingress["metadata"]["finalizers"] == [f"group.ingress.k8s.aws/{published.cluster}"]
    shown = published.kubectl.get("ingress", "shop", "--show-managed-fields")["metadata"]["managedFields"]
    assert "f:status" in next(entry for entry in shown if entry.get("subresource") == "status")["fieldsV1"]
    assert {entry["manager"] for entry in shown} == {"controller", "kubectl-client-side-apply"}


def test_a_load_balancer_follows_its_annotations_and_the_labels_of_the_nodes(
    published: Rig, workers: list[str]
) -> None:
    published.apply(idleTimeoutSeconds=90, deregistrationDelaySeconds=5)
    wait(lambda: published.there().attributes["idle_timeout.timeout_seconds"] == "90")
    wait(lambda: delays(published.there()) == {"5"})  # by other Ingresses than the idle time-out
    published.kubectl.run("label", "node", WORKERS[0], "workload-")
    try:
        wait(lambda: {len(rule.targets) for rule in published.there().listeners[1].rules} == {1})
    finally:
        published.kubectl.run("label", "node", WORKERS[0], "workload=application")
    wait(lambda: {rule.targets for rule in published.there().listeners[1].rules} == {tuple(workers)})
    expect_no_problems(published)


def test_the_controller_says_in_events_what_it_does_and_what_it_refuses(published: Rig) -> None:
    def said(reason: str) -> set[str]:
        events = [event for event in published.kubectl.get("events") if event["reason"] == reason]
        return {event["involvedObject"]["name"] for event in events if event["involvedObject"]["kind"] == "Ingress"}

    everyone = {"backend", "shop", GROUP_INGRESS}
    wait(lambda: said("SuccessfullyReconciled") == everyone)
    assert said("FailedBuildModel") == set()
    published.kubectl.run("patch", "service", "shop", "-p", '{"spec":{"type":"ClusterIP"}}')
    wait(lambda: said("FailedBuildModel") == everyone)
    # The controller writes the events first.
    wait(lambda: any("Service " in problem and NO_PORT in problem for problem in published.running.problems))
    published.apply()
    expect_no_problems(published)


def test_the_load_balancer_outlives_services_and_is_deleted_with_its_own_ingress(
    published: Rig,
) -> None:
    published.kubectl.run("delete", "ingress", "shop", "--timeout=60s")
    assert [rule.paths for rule in published.there().listeners[1].rules] == [("/*",)]
    assert len(published.there().target_groups) == 1
    published.kubectl.run("delete", "ingress", "backend", "--timeout=60s")
    there = published.there()
    assert [(listener.port, listener.default, listener.rules) for listener in there.listeners] == [
        (80, "redirect", ()),
        (443, "fixed-response", ()),
    ]
    assert published.target_groups() == []
    beside: list[str] = []
    published.aws.look = lambda: beside.extend(published.ingresses())
    published.aws.deletions.clear()
    published.kubectl.run("delete", "ingress", GROUP_INGRESS, "--timeout=60s")
    assert beside == [GROUP_INGRESS]
    assert published.aws.deletions == ["DeleteLoadBalancer"]
    assert published.balancer() is None
    expect_no_problems(published)


def test_the_controller_reconnects_to_an_api_server(published: Rig, sandbox: Sandbox) -> None:
    end([psutil.Process(sandbox.processes()["kube-apiserver"])])
    sandbox.up()
    published.kubectl.run("delete", "ingress", "shop", "--timeout=60s")
    assert [rule.paths for rule in published.there().listeners[1].rules] == [("/*",)]
    expect_no_problems(published)


def test_a_protected_load_balancer_stays_until_protection_is_removed(rig: Rig) -> None:
    rig.apply(protected=True)
    wait(lambda: len(rig.hostnames()) == 3)
    rig.kubectl.run("delete", "ingress", "shop", "--timeout=60s")
    assert len(rig.there().listeners[1].rules) == 1
    assert rig.there().attributes[PROTECTION] == "true"
    expect_no_problems(rig)
    # The controller goes by the Ingress that is deleted, and does nothing for the whole group then ...
    rig.kubectl.run("delete", "ingress", GROUP_INGRESS, "--wait=false")
    refusal = f"deletion_protection is enabled, cannot delete the ingress: {rig.kubectl.namespace}/"
    wait(lambda: any(refusal in problem for problem in rig.running.problems))
    rig.kubectl.run("delete", "ingress", "backend", "--wait=false")
    key = f"{ALB_ANNOTATIONS}/load-balancer-attributes"
    rig.kubectl.run("annotate", "ingress", GROUP_INGRESS, f"{key}={PROTECTION}=false", "--overwrite")
    # ... and AWS by what was set when there was still one that was not.
    wait(lambda: any("OperationNotPermitted" in problem for problem in rig.running.problems))
    [balancer] = rig.aws.call(elb("DescribeLoadBalancers", {"Names": [rig.there().name]}))["LoadBalancers"]
    rig.aws.call(set_attributes("LoadBalancer", balancer["LoadBalancerArn"], {PROTECTION: "false"}))
    rig.kubectl.run("wait", "--for=delete", f"ingress/{GROUP_INGRESS}", "ingress/backend", "--timeout=60s")
    assert rig.balancer() is None
    assert rig.target_groups() == []
