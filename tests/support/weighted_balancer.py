"""A cluster and a load balancer in memory for the gates of weights, in any state that a test asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchyard.aws.elbv2 import Balancers
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.gates.load_balancer_weights import WeightedGates
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Endpoint, PodsChange
from switchyard.manifests.ingress import ingress
from switchyard.manifests.ingress_routes import parts
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster

BLUE, GREEN = Colour.BLUE, Colour.GREEN
GROUPS = {"arn:b": "backend-blue", "arn:g": "backend-green", "arn:s": "backend"}
TO_BLUE = {"arn:b": 100, "arn:g": 0, "arn:s": 0}
TO_GREEN = {"arn:b": 0, "arn:g": 100, "arn:s": 0}
TO_SERVICE = {"arn:b": 0, "arn:g": 0, "arn:s": 100}
GREEN_PODS = frozenset(Endpoint(f"green-{number}", "worker", ready=True) for number in range(3))
GONE = PodsChange(template=False, before=3, after=0)
OTHERS = PodsChange(template=True, before=3, after=3)


def service(engine: str = "albWeights", active: str = "green", **more: object) -> BlueGreenSettings:
    pods = {"tag": "v1", "replicas": 3}
    raw = {"image": "org/backend", "active": active, "blue": pods, "green": pods, "nodePort": 30080, **more}
    settings = BlueGreenSettings.model_validate(raw | {"switchEngine": engine})
    gate = {"timeout_seconds": 0, "smoke": settings.gate.smoke.model_copy(update={"enabled": False})}
    return settings.model_copy(update={"gate": settings.gate.model_copy(update=gate)})


def written(engine: str = "albWeights", active: str = "green", hostname: str = "it.amazonaws.com") -> dict[str, Any]:
    """The Ingress that an update with these settings writes."""
    cluster = Ec2Cluster.model_validate(
        {"kind": "ec2", "name": "it", "loadBalancer": {"routes": [{"service": "backend"}]}}
    )
    assert cluster.load_balancer is not None
    (part,) = parts(cluster.load_balancer.routes)
    status = {"loadBalancer": {"ingress": [{"hostname": hostname}]}}
    return ingress(cluster, part, service(engine, active)) | {"status": status}


@dataclass
class FakeBalancer(FakeCluster):
    """A fake cluster with Ingresses, and with the rules and targets that AWS has for them.

    Attributes:
        there: the Ingresses of the namespace.
        rules: the next answers of AWS; the last one is repeated.
        targets: healthy ones of every target group.
        aws: error that every request to AWS raises.
        complaint: the last warning of the controller.
    """

    there: list[dict[str, Any]] = field(default_factory=list)
    rules: list[list[Mapping[str, int]]] = field(default_factory=lambda: [[TO_GREEN]])
    targets: int = 2
    aws: Exception | None = None
    complaint: str | Exception | None = None

    async def ingresses(self, _: str) -> list[dict[str, Any]]:
        return self.there

    async def target_groups(self, _: str) -> dict[str, str]:
        return GROUPS

    async def warning(self, *_: str) -> str | None:
        if isinstance(self.complaint, Exception):
            raise self.complaint
        return self.complaint

    async def routing(self, *_: object) -> list[Any]:
        return []


@dataclass
class GatesUnderTest:
    gates: WeightedGates
    cluster: FakeBalancer
    said: list[str]


@pytest.fixture
def gates_on(monkeypatch: pytest.MonkeyPatch) -> Any:
    def build(
        cluster: FakeBalancer, settings: BlueGreenSettings | None = None, *, preview: bool = False
    ) -> GatesUnderTest:
        async def connect(_: ClusterAccess) -> Any:
            return cluster

        async def rules(_: Balancers, hostname: str) -> list[Mapping[str, int]]:
            assert hostname == "it.amazonaws.com"
            cluster.asked.append("rules")
            if cluster.aws is not None:
                raise cluster.aws
            return cluster.rules.pop(0) if len(cluster.rules) > 1 else cluster.rules[0]

        async def healthy(_: Balancers, target_group: str) -> tuple[int, int]:
            cluster.asked.append(f"health of {target_group}")
            if cluster.aws is not None:
                raise cluster.aws
            return cluster.targets, 2

        monkeypatch.setattr(Cluster, "connect", connect)
        monkeypatch.setattr(Balancers, "rules", rules)
        monkeypatch.setattr(Balancers, "healthy", healthy)
        monkeypatch.setattr("switchyard.gates.load_balancer_weights.POLL_SECONDS", 0.0)
        said: list[str] = []
        routing = LoadBalancerRouting("ap-northeast-2", ("backend",), health_seconds=0)
        gates = WeightedGates(
            "backend",
            settings or service(),
            ClusterAccess(),
            warn=said.append,
            routing=routing,
            say=said.append,
            preview=preview,
        )
        return GatesUnderTest(gates, cluster, said)

    return build


def ready(**more: Any) -> FakeBalancer:
    """Blue serves, and green has all its pods."""
    seen: dict[str, Any] = {
        "selected": selector("backend", BLUE),
        "behind": ("blue-0", "blue-1", "blue-2"),
        "of_colour": ("green-0", "green-1", "green-2"),
        "watched": GREEN_PODS,
        "there": [written(active="blue")],
    }
    return FakeBalancer(**seen | more)


def switched(**more: Any) -> FakeBalancer:
    """Green serves by the Service, and blue has pods that are to go."""
    seen: dict[str, Any] = {
        "selected": selector("backend", GREEN),
        "behind": ("green-0", "green-1", "green-2"),
        "of_colour": ("blue-0", "blue-1", "blue-2"),
        "watched": GREEN_PODS,
        "there": [written()],
        "change": GONE,
    }
    return FakeBalancer(**seen | more)
