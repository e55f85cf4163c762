"""The client of a run: one session for all calls, renewed for all of them, and never closed under a call."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from switchyard.errors import KubeconfigError, UnreachableError
from switchyard.kube import api as kube_api
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.api import BoundedApi
from switchyard.kube.blocking import run_blocking
from switchyard.kube.client import ClusterClient
from switchyard.kube.login import Login
from tests.support.stored_objects import KUBECONFIG

Answer = Callable[[httpx.Request], Any]


def client(answer: Answer, login: Login | None = None) -> ClusterClient:
    async def handle(request: httpx.Request) -> httpx.Response:
        answered = answer(request)
        response: httpx.Response = await answered if asyncio.iscoroutine(answered) else answered
        return response

    return ClusterClient(login or StackKubeconfig(KUBECONFIG).login, httpx.MockTransport(handle))


def test_a_denial_is_final_where_the_credentials_are_the_same() -> None:
    asked: list[str] = []

    def deny(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(403, json={"message": "no"})

    async def get() -> None:
        async with client(deny).call_api("GET", url="pods"):
            pass

    with pytest.raises(httpx.HTTPStatusError):
        asyncio.run(get())
    assert asked == ["/api/v1/pods"]


def test_renewed_credentials_do_not_end_calls_that_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    login = StackKubeconfig(KUBECONFIG).login
    tokens = iter(["old", "new", "new"])
    token = next(tokens)

    def renew(*, forced: bool = False) -> None:
        nonlocal token
        token = next(tokens) if forced else token

    monkeypatch.setattr(login, "renew", renew)
    monkeypatch.setattr(login, "headers", lambda: [("Authorization", token.encode())])
    slow_may_end = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("slow"):
            await slow_may_end.wait()
            return httpx.Response(200, json={})
        denied = request.headers["authorization"] == "old"
        return httpx.Response(401 if denied else 200, json={})

    async def both() -> tuple[int, int]:
        it = client(answer, login)

        async def get(url: str) -> int:
            async with it.call_api("GET", url=url) as response:
                return response.status_code

        slow = asyncio.create_task(get("slow"))
        await asyncio.sleep(0.01)
        renewed = await get("pods")
        slow_may_end.set()
        return await slow, renewed

    assert asyncio.run(both()) == (200, 200)


@pytest.mark.parametrize(("method", "calls"), [("GET", 2), ("PATCH", 1)])
def test_a_read_on_a_connection_that_the_server_has_closed_is_sent_again(method: str, calls: int) -> None:
    asked: list[str] = []

    def closed(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if len(asked) == 1:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json={})

    async def send() -> int:
        async with client(closed).call_api(method, url="pods/one") as response:
            return response.status_code

    if method == "GET":
        assert asyncio.run(send()) == 200
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            asyncio.run(send())
    assert len(asked) == calls


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests for the version; the first one gets no answer."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 1:
            raise httpx.ConnectError("connection refused")
        return httpx.Response(200, json={"gitVersion": "v1.34.1"})

    monkeypatch.setattr(kube_api, "ClusterClient", lambda login: client(answer, login))
    return asked


def test_a_client_is_opened_once_for_many_and_again_after_a_failure(versions: list[str]) -> None:
    access = ClusterAccess(stack_kubeconfig=StackKubeconfig(KUBECONFIG))

    async def many() -> list[Any]:
        failed = await asyncio.gather(*(access.api() for _ in range(5)), return_exceptions=True)
        return [*failed, *(await asyncio.gather(*(access.api() for _ in range(5))))]

    results = asyncio.run(many())
    assert [type(result) for result in results[:5]] == [UnreachableError] * 5
    assert all(isinstance(result, BoundedApi) for result in results[5:])
    assert len(set(map(id, results[5:]))) == 1
    assert len(versions) == 2


def test_another_kubeconfig_of_the_stack_opens_another_client(versions: list[str]) -> None:
    versions.append("answered before")
    kubeconfig = StackKubeconfig(KUBECONFIG)
    access = ClusterAccess(stack_kubeconfig=kubeconfig)

    async def changed() -> bool:
        before = await access.api()
        kubeconfig.update(KUBECONFIG)
        same = await access.api() is before
        kubeconfig.update(KUBECONFIG.replace("api.invalid", "other.invalid"))
        return same and await access.api() is not before

    assert asyncio.run(changed())


def test_blocking_calls_share_the_client_of_their_own_loop(versions: list[str]) -> None:
    versions.append("answered before")
    access = ClusterAccess(stack_kubeconfig=StackKubeconfig(KUBECONFIG))
    first, second = run_blocking(access.api()), run_blocking(access.api())
    assert first is second

    async def elsewhere() -> bool:
        return await access.api() is not first

    assert asyncio.run(elsewhere()), "a client belongs to one loop"


def test_a_blocking_call_from_a_blocking_call_is_an_error_and_no_deadlock() -> None:
    async def outer() -> None:
        run_blocking(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="called by a coroutine that it runs"):
        run_blocking(outer())


def test_a_kubeconfig_that_is_no_yaml_is_an_error_of_the_tree() -> None:
    with pytest.raises(KubeconfigError):
        StackKubeconfig("{").parsed()
