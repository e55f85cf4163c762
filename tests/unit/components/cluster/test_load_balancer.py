"""The creation and deletion of the load balancer's Ingresses."""

from collections.abc import Callable, Collection
from typing import Any

import pulumi
import pytest

from components.cluster import load_balancer_check as controller_check
from components.cluster.addons import platform_addons, pod_network
from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import UnreachableError
from switchyard.gates.load_balancer import GroupProblem
from switchyard.kube.access import ClusterAccess
from tests.support.balanced import CERTIFICATE, GROUP, MANY, cluster, service
from tests.support.engine import Recording, record

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
ALB = "switchyard:ingress:AlbIngress"
RELEASE = "kubernetes:helm.sh/v3:Release"


def program(
    settings: Ec2Cluster, *, production: bool = True, first: Collection[str] = (), **arguments: Any
) -> Callable[[], AlbIngress]:
    def build() -> AlbIngress:
        network = pod_network(settings, ClusterAccess(), pulumi.ResourceOptions())
        after = pulumi.ResourceOptions(depends_on=[network])
        addons = platform_addons(settings, pulumi.Output.from_input("vpc-1"), ClusterAccess(), after)
        services = {"backend": service(), "shop": service(namespace="shop", nodePort=30081)}
        balancer = AlbIngress(
            "ingress",
            cluster=settings,
            services=services,
            production=production,
            security_group_id=pulumi.Output.from_input(GROUP),
            **{"access_log_bucket": pulumi.Output.from_input("logs")} | arguments,
            opts=pulumi.ResourceOptions(depends_on=addons),
        )
        routes = Routes(balancer, settings, services)
        routes.register(first, pulumi.ResourceOptions())
        routes.register_remaining()
        return balancer

    return build


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    return record(monkeypatch, program(cluster(MANY, certificate=CERTIFICATE)))


def test_the_component_registers_a_load_balancer_and_an_ingress_for_each_part_as_children(
    recording: Recording,
) -> None:
    assert recording.names(INGRESS) == {"ingress.group", "ingress-backend", "ingress-shop"}
    for name in recording.names(INGRESS):
        assert recording.requests[INGRESS, name].parent.endswith(f"{ALB}::ingress")
    assert recording.outputs["ingress"] == ["hostname", "urls"]


def test_security_group_and_log_bucket_are_in_the_annotations(recording: Recording) -> None:
    shop = recording.requests[INGRESS, "ingress-shop"].object["metadata"]
    assert (shop["name"], shop["namespace"]) == ("shop", "shop")
    annotations = recording.requests[INGRESS, "ingress.group"].object["metadata"]["annotations"]
    assert annotations[f"{ALB_ANNOTATIONS}/security-groups"] == GROUP
    assert "access_logs.s3.bucket=logs" in annotations[f"{ALB_ANNOTATIONS}/load-balancer-attributes"]


def test_creation_and_deletion_of_a_load_balancer_have_a_timeout(recording: Recording) -> None:
    for name in recording.names(INGRESS):
        request = recording.requests[INGRESS, name]
        timeouts = request.customTimeouts
        assert (timeouts.create, timeouts.update, timeouts.delete) == ("600s", "600s", "600s")

    # The hostname is in the status of the load balancer's own Ingress; the others are waited for by the program.
    annotations = {
        name: dict(recording.requests[INGRESS, name].object["metadata"]["annotations"])
        for name in recording.names(INGRESS)
    }
    assert {name for name, given in annotations.items() if "pulumi.com/skipAwait" not in given} == {"ingress.group"}


def test_the_load_balancer_is_created_before_and_deleted_after_the_ingresses_of_services(recording: Recording) -> None:
    assert not recording.dependencies(INGRESS, "ingress.group") & {"ingress-backend", "ingress-shop"}
    assert "ingress.group" in recording.dependencies(INGRESS, "ingress-shop")
    assert {"ingress.group", "ingress-shop"} <= recording.dependencies(INGRESS, "ingress-backend")


@pytest.mark.parametrize(
    ("setting", "production", "kept"), [(None, True, True), (None, False, False), (False, True, False)]
)
def test_a_destroy_of_a_protected_load_balancer_is_refused_before_a_service_loses_its_routes(
    monkeypatch: pytest.MonkeyPatch, setting: bool | None, production: bool, kept: bool
) -> None:
    recording = record(monkeypatch, program(cluster(deletionProtection=setting), production=production))
    assert recording.requests[INGRESS, "ingress.group"].protect is kept
    assert recording.requests[INGRESS, "ingress-backend"].protect is False


def test_the_load_balancer_waits_for_its_controller_and_that_for_the_pod_network(recording: Recording) -> None:
    controller = ("switchyard:addons:LoadBalancerController", "aws-load-balancer-controller")
    assert "calico-release" in recording.dependencies(*controller)
    assert "aws-load-balancer-controller-release" in recording.dependencies(ALB, "ingress")
    metrics = recording.dependencies("switchyard:addons:MetricsServer", "metrics-server")
    assert {"calico-release", "aws-load-balancer-controller-release"} <= metrics
    release = recording.requests[RELEASE, "aws-load-balancer-controller-release"]
    assert release.object["values"]["vpcId"] == "vpc-1"


def test_the_hostname_and_the_addresses_are_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, object] = {}

    def run() -> None:
        ingress = program(cluster())()
        pulumi.Output.all(ingress.hostname, ingress.urls).apply(
            lambda both: shown.update(hostname=both[0], urls=both[1])
        )

    record(monkeypatch, run)
    # On mocks nobody writes an Ingress's status.
    assert shown == {"hostname": "", "urls": {"backend": ["http:///"]}}


class Group:
    """What the wait for the controller comes to."""

    def __init__(self, problem: GroupProblem | None) -> None:
        self.problem = problem
        self.waited: list[bool] = []

    def __call__(self, *_: object) -> "Group":
        return self

    async def carried_out(self, *, written: bool) -> GroupProblem | None:
        self.waited.append(written)
        return self.problem


def test_an_update_waits_for_the_controller_once_everything_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(None)
    monkeypatch.setattr(controller_check, "BalancerGroup", group)
    recording = record(monkeypatch, program(cluster(MANY), access=ClusterAccess()))
    assert recording.outputs["ingress"] == ["hostname", "urls"]
    assert group.waited == [False]  # on mocks no hook notes a write


def test_an_update_ends_in_the_controllers_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_check, "BalancerGroup", Group(GroupProblem("FailedDeployModel: 400")))
    with pytest.raises(pulumi.RunError, match="FailedDeployModel: 400"):
        record(monkeypatch, program(cluster(MANY), access=ClusterAccess()))


def test_an_update_that_removes_an_ingress_does_not_fail_for_what_that_may_have_caused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda line, _=None: said.append(line))
    monkeypatch.setattr(
        controller_check, "BalancerGroup", Group(GroupProblem("FailedDeployModel: 400.", ("shop/cart",)))
    )
    record(monkeypatch, program(cluster(MANY), access=ClusterAccess()))
    assert "FailedDeployModel: 400. The end of this update deletes Ingress shop/cart, which may be the cause" in said[0]


def test_an_unreachable_api_server_is_not_taken_for_success(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(Group):
        async def carried_out(self, *, written: bool) -> GroupProblem | None:
            raise UnreachableError(f"refused {written}")

    monkeypatch.setattr(controller_check, "BalancerGroup", Away(None))
    with pytest.raises(pulumi.RunError, match="whether it follows its Ingresses is not known"):
        record(monkeypatch, program(cluster(MANY), access=ClusterAccess()))


def test_a_change_of_labels_does_not_wait_for_the_controller() -> None:
    before = {"spec": {"rules": []}, "metadata": {"labels": {"a": "1"}, "annotations": {"b": "1"}}}
    labelled = {"spec": {"rules": []}, "metadata": {"labels": {"a": "2"}, "annotations": {"b": "1"}}}
    annotated = {"spec": {"rules": []}, "metadata": {"labels": {"a": "1"}, "annotations": {"b": "2"}}}
    assert controller_check.reconciled(before) == controller_check.reconciled(labelled)
    assert controller_check.reconciled(before) != controller_check.reconciled(annotated)
    assert controller_check.reconciled(None) is None


def test_an_ingress_that_leaves_the_target_groups_of_its_colours_is_written_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = record(monkeypatch, program(cluster(MANY), first={"backend"}))
    assert recording.names(INGRESS) == {"ingress.group", "ingress-backend", "ingress-shop"}
    assert "ingress.group" in recording.dependencies(INGRESS, "ingress-backend")


@pytest.mark.parametrize(
    ("settings", "arguments", "problem"),
    [
        (Ec2Cluster(kind="ec2", name="production"), {}, "no load balancer"),
        (cluster(), {"access_log_bucket": None}, "need a bucket"),
    ],
)
def test_an_incomplete_load_balancer_is_not_registered(
    monkeypatch: pytest.MonkeyPatch, settings: Ec2Cluster, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        record(monkeypatch, program(settings, **arguments))
