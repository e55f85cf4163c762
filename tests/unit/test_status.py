"""What `switchyard status` shows of a service that its load balancer switches."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from gate.access import ClusterAccess
from gate.cluster import Cluster
from render.labels import selector
from settings.service import Track
from switchyard.cli import _table
from switchyard.status import ServiceStatus, look
from tests.unit.test_weighted_gates import PlayedBalancer, service, written


class NoAutoscalers:
    """An API server whose lists are empty."""

    async def find_all(self, *_: object) -> dict[str, list[object]]:
        return {"items": []}


@dataclass
class Played(PlayedBalancer):
    """A cluster on which green serves by the Service."""

    api = NoAutoscalers()

    async def serving_track(self, *_: str) -> Track:
        return Track.GREEN

    async def simulated(self, _: object) -> frozenset[str]:
        return frozenset()


def looked(monkeypatch: pytest.MonkeyPatch, engine: str, there: dict[str, Any]) -> ServiceStatus:
    async def connect(_: ClusterAccess) -> Any:
        return Played(selected=selector("backend", Track.GREEN), of_colour=("a", "b", "c"), there=[there])

    monkeypatch.setattr(Cluster, "connect", connect)
    (status,) = asyncio.run(look(ClusterAccess(), {"backend": service(engine)}))
    return status


def headers(status: ServiceStatus) -> list[object]:
    return [column.header for column in _table("it", [status]).columns]


@pytest.mark.parametrize(
    ("engine", "active", "leads", "right"),
    [
        ("albWeights", "green", {"backend-green"}, True),
        ("albWeights", "blue", {"backend-blue"}, False),
        ("albTargets", "green", {"backend"}, True),
    ],
)
def test_status_shows_the_engine_and_where_the_ingress_leads(
    monkeypatch: pytest.MonkeyPatch, engine: str, active: str, leads: set[str], *, right: bool
) -> None:
    status = looked(monkeypatch, engine, written(engine, active))
    assert (status.engine.value, status.leads, status.as_configured) == (engine, frozenset(leads), right)
    assert {"engine", "Ingress leads to"} <= set(headers(status))


def test_status_of_a_service_by_the_selector_is_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    status = looked(monkeypatch, "selector", written("selector"))
    assert (status.leads, status.as_configured) == (None, True)
    assert headers(status) == ["service", "configured", "serving", "blue", "green", "node port"]
