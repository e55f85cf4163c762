"""What is reported of an object that is adopted."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError, ApiStatusError, UnreachableError
from switchyard.gates.adoption import application_by_label
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.api import BoundedApi
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.labels import selector
from tests.support.guarded_objects import Table, serving
from tests.support.guards import Make, make
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal

__all__ = ["make"]

SERVICE = ObjectName("", "Service", "default", "backend")
RESOURCE = {"version": "v1", "kind": "Service", "namespace": "default", "name": "backend", "status": "Synced"}


def application(name: str = "web", namespace: str = "argocd", **resource: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "status": {"resources": [RESOURCE | resource]}}


def other() -> dict[str, Any]:
    """An application that lists another Service."""
    listed = application()
    listed["status"]["resources"][0]["name"] = "other"
    return listed


def labelled(value: str, key: str = "app.kubernetes.io/instance") -> dict[str, Any]:
    return {"metadata": {"name": "backend", "labels": {"app": "backend", key: value}}}


def application_of(live: Mapping[str, Any], *applications: dict[str, Any]) -> str | None:
    table = Table({("applications", item["metadata"]["name"]): item for item in applications})
    return asyncio.run(application_by_label(cast("BoundedApi", table), SERVICE, live))


@pytest.mark.parametrize(
    ("live", "listed", "named"),
    [
        (labelled("web"), application(), "web"),
        (labelled("web", "example.org/app"), application(), "web"),  # application.instanceLabelKey may name any
        (labelled("team_web"), application(namespace="team"), "web"),
        (labelled("w" * 63), application("w" * 70), "w" * 70),
        # Charts of Helm set the label too.
        (labelled("shop"), application(), None),
        (labelled("web"), application(name="web2"), None),
        (labelled("web"), other(), None),
        (labelled("web"), {"metadata": {"name": "web", "namespace": "argocd"}}, None),
        ({"metadata": {"name": "backend"}}, application(), None),
    ],
)
def test_an_application_has_the_name_of_the_label_and_lists_the_object(
    live: dict[str, Any], listed: dict[str, Any], named: str | None
) -> None:
    assert application_of(live, listed) == named


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("list", "applications", 403, "no"),
        ApiStatusError("list", "applications", 404, "not found"),
        ApiStatusError("list", "applications", 503, "the server is currently unable to handle the request"),
        UnreachableError("no answer to list applications in 30 s"),
    ],
)
def test_no_application_is_known_of_a_cluster_that_shows_none(error: Exception) -> None:
    class Silent(Table):
        async def find_all(self, *_: object) -> Any:
            raise error

    assert asyncio.run(application_by_label(cast("BoundedApi", Silent({})), SERVICE, labelled("web"))) is None


def test_the_application_of_an_adopted_service_is_named(make: Make) -> None:
    objects = serving(None)
    objects["services", "backend"]["metadata"]["labels"]["app.kubernetes.io/instance"] = "web"
    objects["applications", "web"] = application()
    entry = ServiceEntry("backend", "default", frozenset({"Service/backend"}))
    guard, _, said = make(objects, services={("default", "backend"): entry})
    asyncio.run(guard.before_write(objects["services", "backend"], None))
    [line] = said
    assert "is adopted, and it also belongs to Argo CD application web (SY-O013)" in line
    del objects["applications", "web"]
    guard, _, said = make(objects, services={("default", "backend"): entry})
    asyncio.run(guard.before_write(objects["services", "backend"], None))
    assert said == []


def test_addresses_that_an_adopted_service_loses_are_named(make: Make) -> None:
    """Nothing of it is recorded: what its clients use now is on the cluster."""
    objects = serving(None)
    own = objects["services", "backend"]
    ports = [{"name": "web", "port": 80, "nodePort": 31000}]
    objects["services", "backend"] = {**own, "spec": {**own["spec"], "type": "LoadBalancer", "ports": ports}}
    entry = ServiceEntry("backend", "default", frozenset({"Service/backend"}))
    guard, _, said = make(objects, services={("default", "backend"): entry})
    new = {**own, "spec": {"type": "NodePort", "ports": [{"name": "http", "port": 80.0, "nodePort": 30080.0}]}}
    asyncio.run(guard.before_write(new, None))
    [line] = said
    assert "its load balancer, port web by its name, which an Ingress may have (it becomes http)" in line
    assert "node port 31000 (it becomes 30080) (SY-S016)" in line


def test_fields_that_an_adopted_service_keeps_are_named(make: Make) -> None:
    objects = serving(None)
    own = objects["services", "backend"]
    objects["services", "backend"] = {**own, "spec": {**own["spec"], "sessionAffinity": "ClientIP"}}
    entry = ServiceEntry("backend", "default", frozenset({"Service/backend"}))
    guard, _, said = make(objects, services={("default", "backend"): entry})
    asyncio.run(guard.before_write(own, None))
    [line] = said
    assert "keeps what the settings do not name: sessionAffinity ClientIP" in line


@pytest.mark.parametrize("selected", [{"run": "legacy"}, selector("backend", Colour.BLUE)])
def test_a_service_for_pods_that_are_not_ready_stops_an_adoption_first(
    monkeypatch: pytest.MonkeyPatch, selected: dict[str, str]
) -> None:
    """Also one that already selects a colour, of which the stack has no record."""

    class Unready(FakeCluster):
        async def service_spec(self, *_: str) -> dict[str, Any]:
            return {"ports": [{"port": 8000}], "publishNotReadyAddresses": True}

    it = gates_on(monkeypatch, Unready(selected=selected), adoptExistingService=True)
    assert "adopting Service backend is refused (SY-O014)" in refusal(it.gates.before_first())
