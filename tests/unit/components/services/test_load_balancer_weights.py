"""The order of an update where the load balancer switches, and the check before it, on mocks."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from components.services import load_balancer_weights as component
from components.services.blue_green import BlueGreenService
from components.services.load_balancer_weights import inspect_weights
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import UnreachableError
from switchyard.gates.load_balancer_weights import WeightedGates
from switchyard.gates.rules.reports import ServingReport
from switchyard.gates.service import Gates
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.cluster import Cluster
from tests.support.engine import Recording, record
from tests.support.weighted_balancer import FakeBalancer, written

DEPLOYMENT, SERVICE = "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Service"
INGRESS, ALB = "kubernetes:networking.k8s.io/v1:Ingress", "switchyard:ingress:AlbIngress"
CLUSTER = Ec2Cluster.model_validate(
    {
        "kind": "ec2",
        "name": "it",
        "loadBalancer": {
            "accessLogs": False,
            "routes": [
                {"service": "backend", "path": "/api/v1"},
                {"service": "shop", "path": "/api"},
                {"service": "backend"},
            ],
        },
    }
)


def service(engine: str = "selector", active: str = "green") -> BlueGreenSettings:
    pods = {"tag": "v1", "replicas": 3}
    raw = {"image": "org/backend", "active": active, "blue": pods, "green": pods, "nodePort": 30080}
    return BlueGreenSettings.model_validate(raw | {"switchEngine": engine})


def routes(services: Mapping[str, BlueGreenSettings]) -> Routes:
    balancer = AlbIngress("alb", cluster=CLUSTER, services=services, production=False, security_group_id="sg-1")
    return Routes(balancer, CLUSTER, services)


def program(services: Mapping[str, BlueGreenSettings], *, routes_first: bool = False) -> None:
    to_services = routes(services)
    if routes_first:
        to_services.register_remaining()
    released = [
        BlueGreenService(name, service=service, access=ClusterAccess(), routing=to_services.weighted_routing(name))
        for name, service in services.items()
    ]
    if not routes_first:
        to_services.register_remaining(after=released)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    async def as_configured(_: Gates[Any]) -> ServingReport:
        return ServingReport("green")

    monkeypatch.setattr(Gates, "inspect", as_configured)


@pytest.mark.parametrize(("active", "idle"), [("blue", "green"), ("green", "blue")])
@pytest.mark.parametrize("engine", ["albTargets", "albWeights"])
def test_the_service_is_switched_before_the_load_balancer_and_the_idle_colour_changes_last(
    monkeypatch: pytest.MonkeyPatch, engine: str, active: str, idle: str
) -> None:
    services = {"backend": service(engine, active), "shop": service()}
    recording = record(monkeypatch, lambda: program(services))
    own = {"alb-backend", "alb-backend.2"}
    for name in own:
        assert "backend" in recording.dependencies(INGRESS, name)
        assert recording.requests[INGRESS, name].parent.endswith(f"{ALB}::alb")
    assert own | {"backend"} <= recording.dependencies(DEPLOYMENT, f"backend-{idle}")
    assert not own & recording.dependencies(DEPLOYMENT, f"backend-{active}")
    assert not own & recording.dependencies(SERVICE, "backend")


def test_the_ingresses_of_other_services_come_after_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(monkeypatch, lambda: program({"backend": service("albWeights"), "shop": service()}))
    assert {"backend-blue", "shop-blue", "shop", "backend"} <= recording.dependencies(INGRESS, "alb-shop")
    assert recording.outputs["alb"] == ["hostname", "urls"]


def test_another_engine_changes_the_same_ingresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def urns(engine: str) -> set[tuple[str, str]]:
        services = {"backend": service(engine), "shop": service()}
        recording: Recording = record(monkeypatch, lambda: program(services))
        return {(name, recording.requests[INGRESS, name].parent) for name in recording.names(INGRESS)}

    assert urns("selector") == urns("albTargets") == urns("albWeights")


def test_a_service_by_the_selector_writes_no_ingress_and_has_the_gates_of_every_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = {"backend": service(), "shop": service()}
    recording = record(monkeypatch, lambda: program(services, routes_first=True))
    assert recording.names(INGRESS) == {"alb.group", "alb-backend", "alb-shop", "alb-backend.2"}
    waits = recording.dependencies(DEPLOYMENT, "backend-blue")
    assert "backend" in waits
    assert not {name for name in waits if name.startswith("alb")}


def test_the_gates_know_the_ingresses_and_how_long_a_health_check_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def run() -> None:
        services = {"backend": service("albWeights"), "shop": service()}
        to_services = routes(services)
        assert to_services.weighted_routing("shop") is None
        routing = to_services.weighted_routing("backend")
        assert routing is not None
        calls.append(routing.routing)
        gates = routing.gates("backend", services["backend"], ClusterAccess(), calls.append, calls.append)
        assert isinstance(gates, WeightedGates)

    record(monkeypatch, run)
    (routing,) = calls
    assert (routing.region, routing.ingresses, routing.health_seconds) == (
        "ap-northeast-2",
        ("backend.2", "backend"),
        20,
    )


def test_an_ingress_that_its_service_does_not_register_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = {"backend": service("albWeights"), "shop": service()}
    with pytest.raises(ValueError, match="service backend has not registered Ingress backend"):
        record(monkeypatch, lambda: program(services, routes_first=True))
    with pytest.raises(ValueError, match="engine albWeights goes with a load balancer"):
        record(
            monkeypatch,
            lambda: BlueGreenService("backend", service=services["backend"], access=ClusterAccess()),
        )


def test_colours_that_an_ingress_still_routes_to_are_kept_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeBalancer(there=[written()])

    async def connect(_: ClusterAccess) -> Any:
        return cluster

    monkeypatch.setattr(Cluster, "connect", connect)
    with pytest.raises(pulumi.RunError, match=r"^backend: .* Ingress backend on the cluster routes to backend-green"):
        inspect_weights(CLUSTER, {"backend": service(), "shop": service()}, ClusterAccess())
    inspect_weights(CLUSTER, {"backend": service("albTargets"), "shop": service()}, ClusterAccess())
    inspect_weights(
        CLUSTER, {"backend": service(), "shop": service()}, ClusterAccess(stack_kubeconfig=StackKubeconfig())
    )
    cluster.there = [written("selector")]
    assert inspect_weights(CLUSTER, {"backend": service(), "shop": service()}, ClusterAccess()) == frozenset()


def test_a_service_leaves_the_target_groups_of_its_colours_only_where_its_ingress_names_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeBalancer(there=[written("albTargets")])

    async def connect(_: ClusterAccess) -> Any:
        return cluster

    async def nobody(*_: object) -> None:
        return None

    monkeypatch.setattr(Cluster, "connect", connect)
    monkeypatch.setattr(component, "target_groups_in_use", nobody)
    services = {"backend": service(), "shop": service()}
    assert inspect_weights(CLUSTER, services, ClusterAccess()) == {"backend"}
    staying = services | {"backend": service("albWeights")}
    assert inspect_weights(CLUSTER, staying, ClusterAccess()) == frozenset()


def test_an_api_server_that_does_not_answer_ends_no_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(_: ClusterAccess) -> Any:
        raise UnreachableError

    monkeypatch.setattr(Cluster, "connect", connect)
    inspect_weights(CLUSTER, {"backend": service(), "shop": service()}, ClusterAccess())
