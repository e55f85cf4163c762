"""A webhook is sent one message in a bounded time, and nobody sees its URL."""

import asyncio
import base64
import logging
import socket

import pytest

from switchyard.release.notices import webhook
from switchyard.release.notices.webhook import send, url_of
from switchyard.release_errors import WebhookUrlError
from tests.support.hook_server import UNUSABLE, hook_server


def test_a_message_carries_its_id_and_its_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with hook_server() as server:
        assert asyncio.run(send(server.url, "id-1/start", {"text": "hello"})) is None
        [(method, headers, body)] = server.calls
    assert (method, body, headers["idempotency-key"]) == ("POST", {"text": "hello"}, "id-1/start")
    assert "a-secret-path" not in caplog.text


def test_an_answer_that_is_no_success_is_a_reason_and_no_redirect_is_followed() -> None:
    for status in (302, 307, 404, 500):
        with hook_server() as server:
            server.status, server.body = status, "a secret"
            assert asyncio.run(send(server.url, "id-1/start", {})) == f"it answered {status}"
            assert len(server.calls) == 1


def test_a_webhook_that_does_not_answer_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SEND_SECONDS", 0.2)
    with hook_server() as server:
        server.silent = True
        assert asyncio.run(send(server.url, "id-1/start", {})) == "it has not answered in 0 s"
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{port}/secret", "it cannot be connected to"),
        ("http://secret.invalid/secret", "it cannot be connected to"),
        ("http://[secret/", "it cannot be connected to"),
    ],
)
def test_no_reason_has_any_part_of_the_url(url: str, reason: str) -> None:
    with socket.socket() as bound:  # which does not listen
        bound.bind(("127.0.0.1", 0))
        assert asyncio.run(send(url.format(port=bound.getsockname()[1]), "id-1/start", {})) == reason


def test_a_server_without_tls_is_named_as_such() -> None:
    with hook_server() as server:
        reason = asyncio.run(send(server.url.replace("http:", "https:"), "id-1/start", {}))
    assert reason == "its certificate is not trusted, or it does not speak TLS"


def test_the_url_is_a_key_of_a_secret() -> None:
    def secret(value: bytes) -> dict[str, object]:
        return {"data": {"chat": base64.b64encode(value).decode()}}

    assert url_of(secret(b"https://hooks.example.org/T0\n"), "webhooks", "chat") == "https://hooks.example.org/T0"
    for value in (
        b"",
        b"hidden",
        b"ftp://hidden",
        b"https://hidden:99999",
        b"https://",
        b"https://hidden\nhttps://hidden",
        b"\xff",
    ):
        with pytest.raises(WebhookUrlError) as error:
            url_of(secret(value), "webhooks", "chat")
        assert str(error.value) == "key chat of Secret webhooks is not an http or https URL"
    with pytest.raises(WebhookUrlError, match="there is no Secret webhooks"):
        url_of(None, "webhooks", "chat")
    with pytest.raises(WebhookUrlError, match="there is no key ci of Secret webhooks"):
        url_of(secret(b"https://hidden"), "webhooks", "ci")


@pytest.mark.parametrize(("variable", "value"), UNUSABLE)
def test_an_unusable_proxy_of_the_machine_is_a_reason_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with hook_server() as server:
        reason = str(asyncio.run(send(server.url, "id-1/start", {})))
        assert server.calls == []
    assert reason.startswith("HTTP_PROXY, ")
    assert "a-password" not in reason
