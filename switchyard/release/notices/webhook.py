"""Sends one message to a webhook. The URL is a secret: no text that this module returns has any part of it."""

import asyncio
import base64
import binascii
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import httpx

from switchyard.kube.outgoing import outgoing_client
from switchyard.kube.proxies import has_host
from switchyard.release_errors import WebhookUrlError

SEND_SECONDS = 5.0
"""Time limit in seconds for a message, from the connection to the status of the answer."""

ID_HEADER = "Idempotency-Key"
"""Header with the ID of the message, by which a receiver recognizes a repeated message."""

_LOG = logging.getLogger("httpx")
_secret: ContextVar[bool] = ContextVar("_secret", default=False)


def url_of(secret: Mapping[str, Any] | None, name: str, key: str) -> str:
    """The URL of a webhook.

    Args:
        secret: the Secret on the cluster; None if it does not exist.
        name: name of the Secret.
        key: key in the Secret.

    Raises:
        WebhookUrlError: the key does not have a URL.
    """
    named = f"key {key} of Secret {name}"
    if secret is None:
        raise WebhookUrlError(f"there is no Secret {name}")
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        raise WebhookUrlError(f"there is no {named}")
    text = ""
    with suppress(binascii.Error, UnicodeDecodeError, ValueError):
        text = base64.b64decode(encoded).decode().strip()
    with suppress(httpx.InvalidURL, UnicodeError, ValueError):
        url = httpx.URL(text)
        if url.scheme in {"http", "https"} and has_host(text) and text.isprintable():
            return text
    raise WebhookUrlError(f"{named} is not an http or https URL")


async def send(url: str, message_id: str, body: Mapping[str, Any]) -> str | None:
    """Sends a message, and follows no redirect.

    Args:
        url: URL of the webhook.
        message_id: ID of the message, the same for every attempt.
        body: the JSON of the message.

    Returns:
        The reason why the message may not have been received; None if it was received.
    """
    logging_without_urls()
    _secret.set(True)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            # Reading the system's certificates takes a while, in which the event loop would stand still.
            try:
                client = await asyncio.to_thread(outgoing_client, SEND_SECONDS)
            except ValueError as error:
                return str(error)
            async with client, client.stream("POST", url, json=body, headers={ID_HEADER: message_id}) as response:
                return None if response.is_success else f"it answered {response.status_code}"
    except TimeoutError:
        return f"it has not answered in {SEND_SECONDS:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return _reason(error)
    finally:
        _secret.set(False)


def _reason(error: Exception) -> str:
    """A description of an error without the text of the error, which may contain the URL."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "its certificate is not trusted, or it does not speak TLS"
    if isinstance(error, httpx.TimeoutException):
        return f"it has not answered in {SEND_SECONDS:.0f} s"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return "it cannot be connected to"
    return f"the request has failed ({type(error).__name__})"


def logging_without_urls() -> None:
    """Keeps the HTTP library from logging the URLs of webhooks, which it does at level INFO."""
    if _without_urls not in _LOG.filters:
        _LOG.addFilter(_without_urls)


def _without_urls(_: logging.LogRecord) -> bool:
    return not _secret.get()
