"""Answers over a new connection: what is believed, and what an API server says in place of one."""

import asyncio

import httpx
import pytest

from switchyard.kube.api import ProxyRequest
from switchyard.kube.new_connection import NewConnectionAnswer, get_over_new_connection
from tests.support.api_server import FakeApiServer, denial, server

__all__ = ["server"]

NODE = "/api/v1/nodes/worker:30080/proxy/none"


def ask(server: FakeApiServer, seconds: float = 5) -> NewConnectionAnswer:
    request = ProxyRequest("/none", seconds)
    return server.run(lambda cluster: get_over_new_connection(cluster.api, "nodes", None, "worker:30080", request))


def test_an_answer_is_handed_on_with_its_headers(server: FakeApiServer) -> None:
    server.answers["GET", NODE] = (404, {"detail": "no such path"})
    answer = ask(server)
    assert (answer.answered, answer.problem) == (True, "")
    assert answer.headers
    assert all(name == name.lower() for name in answer.headers)


@pytest.mark.parametrize(
    ("status", "message", "answered", "says"),
    [
        (
            500,
            "invalid upgrade response: status code 200",
            True,
            "GET /none is answered with 200, not with 400 or more",
        ),
        (503, "error trying to reach service: dial tcp: i/o timeout", False, "the API server does not reach it (503)"),
        (403, 'cannot get resource "nodes/proxy"', False, "may not get nodes/proxy"),
    ],
)
def test_what_the_api_server_says_itself_is_a_problem_and_no_answer(
    server: FakeApiServer, status: int, message: str, answered: bool, says: str
) -> None:
    server.answers["GET", NODE] = (status, denial(message))
    answer = ask(server)
    assert (dict(answer.headers), answer.answered) == ({}, answered)
    assert says in answer.problem


def test_a_node_that_does_not_answer_is_a_problem_after_its_bound(server: FakeApiServer) -> None:
    server.silent.add(NODE)
    answer = ask(server, 0.2)
    assert (dict(answer.headers), answer.answered) == ({}, False)
    assert answer.problem


def test_requests_are_sent_with_a_connection_of_their_own() -> None:
    headers: list[httpx.Headers] = []

    async def run() -> NewConnectionAnswer:
        class FakeApi:
            async def get_through_proxy(self, *asked: object) -> object:
                headers.append(httpx.Headers(asked[3].headers))  # type: ignore[attr-defined]
                raise AssertionError

        return await get_over_new_connection(FakeApi(), "nodes", None, "worker:30080", ProxyRequest("/none", 1))  # type: ignore[arg-type]

    with pytest.raises(AssertionError):
        asyncio.run(run())
    assert headers[0]["connection"] == "Upgrade, close"
    assert "upgrade" not in headers[0]
