"""The reads of many services are answered by one list for each kind and namespace, and never from before they began."""

import asyncio
from collections import Counter
from dataclasses import fields
from http import HTTPStatus
from typing import Any

import pytest

from switchyard.cli.service_status import inspect_services
from switchyard.config.kubernetes import APPLICATIONS, APPS
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import AccessDeniedError, ApiStatusError, UnreachableError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube import api as kube_api
from switchyard.kube.api import BoundedApi
from switchyard.kube.namespace import read_namespace
from switchyard.kube.serving import NamespaceView
from switchyard.kube.shared_reads import SharedReads, covering
from switchyard.manifests.labels import MANAGED
from tests.support.stored_objects import StoredObjects, matches, serving

SERVICES = 50
BACKEND = "/api/v1/namespaces/shop/services"


def configured(count: int) -> dict[str, BlueGreenSettings]:
    return {
        f"service-{number}": BlueGreenSettings.model_validate(
            {
                "image": "org/backend",
                "active": "blue",
                "blue": {"tag": "v1", "replicas": 2},
                "green": {"tag": "v1", "replicas": 0},
                "gate": {"smoke": {"enabled": False}, "checkNodes": False},
            }
        )
        for number in range(count)
    }


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> StoredObjects:
    """An API server that every client reaches."""
    server = StoredObjects()
    monkeypatch.setattr(kube_api, "ClusterClient", server.client)
    return server


def fill(stored: StoredObjects, services: dict[str, BlueGreenSettings]) -> None:
    stored.objects |= serving(services).objects


async def observe(stored: StoredObjects, services: dict[str, BlueGreenSettings]) -> list[str | None]:
    """What the gates of all services see at the end of a run, each with a moment between it and the one before."""
    access = stored.access

    async def problem_of(number: int, name: str, service: BlueGreenSettings) -> str | None:
        await asyncio.sleep(number * stored.latency / 10)
        seen = await BlueGreenGates(name, service, access, pytest.fail).inspect()
        assert seen.serving == "blue", seen
        return seen.problem

    return await asyncio.gather(*(problem_of(number, *entry) for number, entry in enumerate(services.items())))


def test_the_inspection_of_many_services_makes_a_few_lists(stored: StoredObjects) -> None:
    services = configured(SERVICES)
    fill(stored, services)
    assert asyncio.run(observe(stored, services)) == [None] * SERVICES
    many = Counter(stored.asked)
    stored.asked.clear()
    asyncio.run(observe(stored, configured(1)))
    alone = len(stored.asked)
    assert many["GET /version/"] == 1, "a client for each service"
    assert alone >= 6, "the comparison is with what one service asks"
    assert many.total() < SERVICES * alone / 8, many
    assert many.total() < SERVICES, many


def test_status_of_many_services_makes_a_few_lists(stored: StoredObjects) -> None:
    services = configured(SERVICES)
    fill(stored, services)
    statuses = asyncio.run(inspect_services(stored.access, services))
    assert [status.notes for status in statuses] == [()] * SERVICES
    assert all(status.as_configured for status in statuses)
    assert len(stored.asked) < SERVICES, Counter(stored.asked)


def item(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": MANAGED | labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


async def reads(stored: StoredObjects) -> SharedReads:
    login = stored.access.login
    return SharedReads(BoundedApi(stored.client(login)), MANAGED)


def test_a_single_read_is_one_ordinary_request(stored: StoredObjects) -> None:
    stored.add(item("a"))

    async def alone() -> None:
        api = await reads(stored)
        service: Any = await api.find("services", "a", "shop")
        assert service["metadata"]["name"] == "a"
        assert await api.find("services", "b", "shop") is None

    asyncio.run(alone())
    assert stored.asked == [f"GET {BACKEND}/a", f"GET {BACKEND}/b"]


def test_an_answer_is_never_older_than_its_question(stored: StoredObjects) -> None:
    stored.add(item("a", state="old"))
    stored.add(item("b", state="old"))

    async def state(api: SharedReads, name: str) -> str:
        service: Any = await api.find("services", name, "shop")
        return str(service["metadata"]["labels"]["state"])

    async def overtaken() -> list[str]:
        api = await reads(stored)
        before = asyncio.gather(state(api, "a"), state(api, "b"))
        while not stored.asked:
            await asyncio.sleep(0)
        stored.latency = 0  # the request is on its way, and a write comes before its answer and the next question
        stored.add(item("a", state="new"))
        after = await state(api, "a")
        return [*(await before), after]

    states = asyncio.run(overtaken())
    assert states[-1] == "new"
    assert len(stored.asked) == 2


def test_an_object_that_lost_its_label_is_still_found(stored: StoredObjects) -> None:
    stored.add(item("a"))
    bare = item("b")
    bare["metadata"] = {"name": "b", "namespace": "shop"}
    stored.add(bare)

    async def both() -> Any:
        api = await reads(stored)
        return await asyncio.gather(*(api.find("services", name, "shop") for name in ("a", "b", "c")))

    a, b, c = asyncio.run(both())
    assert (a["metadata"]["name"], b["metadata"]["name"], c) == ("a", "b", None)


def test_a_user_who_may_not_list_reads_each_object(stored: StoredObjects) -> None:
    for name in ("a", "b"):
        stored.add(item(name))
    stored.unlistable = frozenset({"services"})

    async def both() -> Any:
        api = await reads(stored)
        twice = [api.find("services", name, "shop") for name in ("a", "b")]
        services = await asyncio.gather(*twice)
        return [*services, *(await asyncio.gather(*(api.find("services", name, "shop") for name in ("a", "b"))))]

    assert all(asyncio.run(both()))
    assert Counter(stored.asked)[f"GET {BACKEND}"] == 1, "a denied list is not asked for again"


def test_a_denied_list_is_an_error_for_each_that_asked_for_it(stored: StoredObjects) -> None:
    stored.unlistable = frozenset({"pods"})

    async def both() -> Any:
        api = await reads(stored)
        lists = (api.find_all("pods", "shop", {"app": name}) for name in ("a", "b"))
        return await asyncio.gather(*lists, return_exceptions=True)

    assert [type(error) for error in asyncio.run(both())] == [AccessDeniedError] * 2


def test_many_that_list_all_namespaces_share_a_list(stored: StoredObjects) -> None:
    """Each object that is adopted asks for the applications of Argo CD, which may be large."""

    async def all_of_them() -> Any:
        api = await reads(stored)
        return await asyncio.gather(*(api.find_all("applications", None, {}, APPLICATIONS) for _ in range(SERVICES)))

    assert len(asyncio.run(all_of_them())) == SERVICES
    assert stored.asked == [f"GET /apis/{APPLICATIONS}/applications"]


def test_the_objects_of_a_namespace_are_read_by_one_list_of_each_kind(stored: StoredObjects) -> None:
    async def read() -> NamespaceView:
        return await read_namespace(await reads(stored), "shop")

    assert asyncio.run(read()) == NamespaceView()
    assert len(stored.asked) == len(fields(NamespaceView)) + 1, "two kinds of routes of the Gateway API"
    assert max(Counter(stored.asked).values()) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_routers_that_the_cluster_does_not_show_route_nothing(stored: StoredObjects, status: int) -> None:
    async def answer(verb: str, resource: str, *_: object, **__: object) -> Any:
        if resource in {"virtualservices", "httproutes", "grpcroutes"}:
            error = AccessDeniedError if status == HTTPStatus.FORBIDDEN else ApiStatusError
            raise error(verb, resource, status, "no")
        return {"items": []}

    async def read() -> NamespaceView:
        api = await reads(stored)
        api.ask = answer  # type: ignore[method-assign]
        return await read_namespace(api, "shop")

    assert asyncio.run(read()) == NamespaceView()


def test_a_kind_that_does_not_exist_has_no_objects(stored: StoredObjects) -> None:
    async def both() -> Any:
        api = await reads(stored)
        return await asyncio.gather(*(api.find("rollouts", name, "shop", APPS) for name in ("a", "b")))

    assert asyncio.run(both()) == [None, None]


def test_a_lost_connection_is_an_error_for_each_that_asked(stored: StoredObjects) -> None:
    async def lost(*_: object, **__: object) -> Any:
        raise UnreachableError("connection refused")

    async def all_of_them() -> Any:
        api = await reads(stored)
        api.ask = lost  # type: ignore[method-assign]
        names = [api.find("services", name, "shop") for name in ("a", "b")]
        return await asyncio.gather(*names, api.find_all("pods", "shop", {}), return_exceptions=True)

    errors = asyncio.run(all_of_them())
    assert [type(error) for error in errors] == [UnreachableError] * 3


def test_a_covering_selector_is_read_as_the_api_server_reads_it() -> None:
    selectors = [{"app": "a", "version": "blue"}, {"app": "b", "version": "blue"}]
    terms = covering(selectors)
    assert terms == "app in (a,b),version=blue"
    for labels in selectors:
        assert matches({"metadata": {"labels": labels}}, terms)
    assert not matches({"metadata": {"labels": {"app": "c", "version": "blue"}}}, terms)
