"""Hooks as they are begun: HTTP calls to a server."""

import base64
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from switchyard.errors import AccessDeniedError
from switchyard.release.hooks import calls
from switchyard.release.hooks.calls import ClusterHookCalls
from switchyard.release.record.hook import HookOutcome
from tests.support.hook_api import CONTEXT, NOW, FakeApi, run
from tests.support.hook_server import UNUSABLE, HookServer, hook_server


@pytest.fixture
def listening() -> Iterator[HookServer]:
    with hook_server() as server:
        yield server


def call(server: HookServer, **own: Any) -> dict[str, Any]:
    return {"http": {"url": server.url, **own}}


def test_a_call_says_what_is_released_and_has_a_key_that_stays_the_same(listening: HookServer) -> None:
    result = run(FakeApi(), call(listening, headers={"X-Team": "payments"}))
    assert (result.outcome, result.quoted) == (HookOutcome.PASSED, None)
    [(method, headers, body)] = listening.calls
    assert (method, headers["idempotency-key"], headers["x-team"]) == ("POST", f"{CONTEXT.release}/it", "payments")
    assert body == {
        "version": 1,
        "service": "backend",
        "release": CONTEXT.release,
        "hook": "it",
        "point": "afterSwitch",
        "fromTag": "v1",
        "tag": "v2",
        "colour": "green",
    }
    run(FakeApi(), call(listening, method="GET"))
    assert listening.calls[-1][::2] == ("GET", None)


@pytest.mark.parametrize(("answer", "outcome"), [(204, "passed"), (302, "failed"), (500, "failed"), (404, "failed")])
def test_a_status_that_is_not_expected_is_a_failure(listening: HookServer, answer: int, outcome: str) -> None:
    listening.status, listening.body = answer, "" if answer == 204 else "no\nsuch thing" + "x" * 5000
    result = run(FakeApi(), call(listening))
    assert result.outcome == outcome
    assert len(listening.calls) == 1  # a redirection is not followed
    if outcome == "failed":
        assert f"answered {answer}, expected 200, 201, 202, 204" in str(result.detail)
        assert "no such thing" in str(result.quoted)
        assert len(str(result.quoted)) < 500
    assert "a-secret-path" not in f"{result.detail}{result.quoted}"


@pytest.mark.parametrize(("variable", "value"), UNUSABLE)
def test_an_unusable_proxy_of_the_machine_is_a_certain_failure(
    listening: HookServer, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run(FakeApi(), call(listening))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert re.fullmatch(r"nothing was sent to 127\.0\.0\.1:\d+: HTTP_PROXY, .* cannot be used: .*", str(result.detail))
    assert "a-password" not in str(result.detail)


def test_an_answer_whose_body_does_not_end_is_the_answer(
    listening: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "QUOTED_SECONDS", 0.2)
    listening.status, listening.body, listening.endless = 500, "out of", True
    result = run(FakeApi(), {**call(listening), "timeoutSeconds": 2})
    assert (result.outcome, result.quoted) == (HookOutcome.FAILED, "It answered: out of")
    assert "answered 500, expected" in str(result.detail)


def test_an_answer_whose_body_takes_longer_than_the_hook_may_is_the_answer(
    listening: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "QUOTED_SECONDS", 60)
    listening.status, listening.body, listening.endless = 500, "out of", True
    result = run(FakeApi(), {**call(listening), "timeoutSeconds": 1})
    assert (result.outcome, result.quoted) == (HookOutcome.FAILED, None)
    assert "answered 500, expected" in str(result.detail)


def test_no_answer_in_time_leaves_unknown_whether_it_ran(listening: HookServer) -> None:
    listening.silent = True
    result = run(FakeApi(), {**call(listening), "timeoutSeconds": 1})
    assert (result.outcome, len(listening.calls)) == (HookOutcome.UNKNOWN, 1)
    assert "has not answered" in str(result.detail)


def test_an_address_where_nobody_listens_is_a_certain_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        result = run(FakeApi(), {"http": {"url": f"http://127.0.0.1:{free.getsockname()[1]}/hooks"}})
    assert result.outcome is HookOutcome.FAILED
    assert "cannot be reached" in str(result.detail)


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that accepts connections, and never answers anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("scheme", "proxy", "outcome"),
    [
        ("https", None, HookOutcome.FAILED),  # no TLS session
        ("https", "HTTPS_PROXY", HookOutcome.FAILED),  # the proxy got a CONNECT, which is not the call
        ("http", "HTTP_PROXY", HookOutcome.UNKNOWN),  # the proxy has the call, and may have passed it on
        ("http", None, HookOutcome.UNKNOWN),
    ],
)
def test_a_call_that_was_never_sent_in_its_time_is_a_certain_failure(
    silent: str, monkeypatch: pytest.MonkeyPatch, scheme: str, proxy: str | None, outcome: HookOutcome
) -> None:
    if proxy is not None:
        monkeypatch.setenv(proxy, f"http://{silent}")
        monkeypatch.setenv("NO_PROXY", "")
    host = silent if proxy is None else "ci.example.org"
    result = run(FakeApi(), {"http": {"url": f"{scheme}://{host}/hooks"}, "timeoutSeconds": 1})
    detail = {
        HookOutcome.FAILED: f"{host} cannot be reached: no connection in 1 s",
        HookOutcome.UNKNOWN: f"{host} has not answered in 1 s",
    }
    assert (result.outcome, result.detail) == (outcome, detail[outcome])


@pytest.mark.parametrize("host", ["ci:abc", "[ci", "xn--\u00e4", "xn--"])
def test_an_address_that_no_host_has_is_a_certain_failure(host: str) -> None:
    result = run(FakeApi(), {"http": {"url": f"http://{host}/hooks/a-secret-path"}})
    assert result.outcome is HookOutcome.FAILED
    assert host in str(result.detail)
    assert "a-secret-path" not in str(result.detail)


def test_what_an_address_answers_cannot_change_the_terminal(listening: HookServer) -> None:
    listening.status, listening.body = 500, "no\x1b[2J such\x07 thing"
    assert run(FakeApi(), call(listening)).quoted == "It answered: no [2J such thing"


def test_a_call_that_an_earlier_command_has_begun_is_not_sent_again(listening: HookServer) -> None:
    result = run(FakeApi(), call(listening), NOW - timedelta(seconds=20))
    assert (result.outcome, listening.calls) == (HookOutcome.UNKNOWN, [])
    assert "the command ended before it had an answer" in str(result.detail)


AUTHORIZED = {"secretHeaders": {"Authorization": {"secret": "ci", "key": "token"}}}


def test_a_header_comes_from_a_secret(listening: HookServer) -> None:
    api = FakeApi(secrets={"ci": {"token": base64.b64encode(b"Bearer hidden\n").decode()}})
    result = run(api, call(listening, **AUTHORIZED))
    assert listening.calls[0][1]["authorization"] == "Bearer hidden"
    assert "hidden" not in f"{result.detail}{result.quoted}"


@pytest.mark.parametrize("value", [" Bearer hidden", "Bearer hidden ", "\tBearer hidden \r\n"])
def test_blanks_around_the_value_of_a_secret_are_not_sent(listening: HookServer, value: str) -> None:
    api = FakeApi(secrets={"ci": {"token": base64.b64encode(value.encode()).decode()}})
    result = run(api, call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls[0][1]["authorization"]) == (HookOutcome.PASSED, "Bearer hidden")


def test_a_header_that_http_does_not_permit_is_in_no_message(
    listening: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spoilt(*_: Any) -> str:
        return "Bearer hidden "

    monkeypatch.setattr(ClusterHookCalls, "_secret", spoilt)
    result = run(FakeApi(), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "nothing was sent" in str(result.detail)
    assert "hidden" not in f"{result.detail}{result.quoted}"


@pytest.mark.parametrize(
    "secrets",
    [{}, {"ci": {}}, {"ci": {"token": ""}}, {"ci": {"token": base64.b64encode(b"hidden\r\nX: 1").decode()}}],
)
def test_without_its_secret_nothing_is_sent(listening: HookServer, secrets: dict[str, dict[str, str]]) -> None:
    result = run(FakeApi(secrets=secrets), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "key token of Secret ci in namespace default" in str(result.detail)
    assert "hidden" not in str(result.detail)


def test_a_missing_permission_on_the_secret_is_named(listening: HookServer) -> None:
    denied = AccessDeniedError("get", "secrets/ci in namespace default", 403, "forbidden")
    result = run(FakeApi(errors={("get", "secrets"): [denied]}), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "secrets/ci" in str(result.detail)
