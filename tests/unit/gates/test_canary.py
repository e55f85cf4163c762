"""The gates of a canary with a traffic router."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.service import CanarySettings, Track
from switchyard.errors import GateRefusedError
from switchyard.gates.canary import CanaryGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.canary import rollout, virtual_service
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster

SETTINGS = {"image": "org/backend", "strategy": "canary", "tag": "v1"}


def settings(traffic: str, **more: Any) -> CanarySettings:
    return CanarySettings.model_validate({**SETTINGS, "canary": {"traffic": traffic}, **more})


class Routed(FakeCluster):
    """A cluster on which a mesh routes to a canary on port 8000."""

    async def rollout(self, *_: object) -> Any:
        return rollout("backend", settings("istio"))

    async def virtual_service(self, *_: object) -> Any:
        return virtual_service("backend", settings("istio"))


@pytest.mark.parametrize("traffic", ["istio", "replicas"])
def test_services_to_which_a_mesh_routes_keep_their_port(monkeypatch: pytest.MonkeyPatch, traffic: str) -> None:
    """Also where the update would delete the route: that comes after the Services."""

    async def connect(_: ClusterAccess) -> Any:
        return Routed(selected=selector("backend", Track.ROLLOUT))

    monkeypatch.setattr(Cluster, "connect", connect)

    def gates(**more: Any) -> CanaryGates:
        return CanaryGates("backend", settings(traffic, **more), ClusterAccess(), print)

    asyncio.run(gates().before_ports())
    with pytest.raises(GateRefusedError, match=r"VirtualService backend routes to port 8000 .*"):
        asyncio.run(gates(servicePort=80).before_ports())


@pytest.mark.parametrize(("hosts", "named"), [(["api.example.org"], True), (["backend"], False), ([], False)])
def test_hosts_that_lose_their_route_with_the_mesh_are_named(
    monkeypatch: pytest.MonkeyPatch, hosts: list[str], *, named: bool
) -> None:
    class Meshed(Routed):
        async def virtual_service(self, *_: object) -> Any:
            canary = {"traffic": "istio", "istio": {"hosts": hosts}}
            return virtual_service("backend", CanarySettings.model_validate({**SETTINGS, "canary": canary}))

    async def connect(_: ClusterAccess) -> Any:
        return Meshed(selected=selector("backend", Track.ROLLOUT))

    monkeypatch.setattr(Cluster, "connect", connect)
    lines: list[str] = []
    gates = CanaryGates("backend", settings("replicas"), ClusterAccess(), lines.append)
    asyncio.run(gates.before_routing())
    text = "backend: VirtualService backend will no longer route requests of host api.example.org (SY-S016)"
    assert [line.partition(". ")[0] for line in lines] == ([text] if named else [])
