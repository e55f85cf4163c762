"""Queries Prometheus: a Service of the cluster through the API server's proxy, any other address directly."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from switchyard.analysis_errors import PrometheusError
from switchyard.config.cluster_address import service_address
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import BoundedApi, ProxyRequest, status_message

ANSWER_SECONDS = 5
"""Time limit of an answer in seconds. A query of one service's last samples takes milliseconds."""

ANSWER_LIMIT = 8 * 2**20
"""Largest number of bytes of an answer that are read."""

SHOWN = 200
"""Number of characters of an answer that a message shows."""


@dataclass(frozen=True)
class Sample:
    """One element of a vector.

    Attributes:
        labels: labels of the series.
        value: value of the sample: a number, NaN or an infinity.
        evaluated: time of the evaluation in seconds since 1970, by Prometheus' own clock.
    """

    labels: Mapping[str, str]
    value: float
    evaluated: float


def samples_of(status: int, body: str, name: str = "Prometheus") -> list[Sample]:
    """The samples in an answer of Prometheus' API.

    Args:
        status: HTTP status of the answer.
        body: body of the answer.
        name: name of this Prometheus in messages.

    Raises:
        PrometheusError: the answer is an error, or not a vector.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    reason = body
    match answer:
        case {"status": "success", "data": {"resultType": "vector", "result": [*samples]}} if status == httpx.codes.OK:
            with suppress(LookupError, TypeError, ValueError):
                return [
                    Sample(dict(sample["metric"]), float(sample["value"][1]), float(sample["value"][0]))
                    for sample in samples
                ]
        case {"status": "success", "data": {"resultType": str(kind)}} if status == httpx.codes.OK:
            # The conditions of an analysis take the length of the result, and a scalar has none.
            reason = f"a {kind} instead of a vector"
        case {"status": "error", "error": str(error)}:
            reason = error
    raise PrometheusError(f"{name} answers {status}: {_shortened(reason)}")


class Prometheus:
    """A client of one Prometheus, which sends one query at a time.

    Args:
        url: address of Prometheus, without `/api/v1`.
        api: the API server, whose proxy reaches a Service of the cluster.
        transport: transport that replaces the network in tests.
    """

    def __init__(self, url: str, api: BoundedApi, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._api, self._transport = url.rstrip("/"), api, transport
        self._service = service_address(url)
        self._client: httpx.AsyncClient | None = None
        self._turn = asyncio.Lock()
        self.name = f"Prometheus ({self._url}{', through the API server' if self._service else ''})"
        """Name of this Prometheus in messages."""

    async def ask(self, query: str) -> list[Sample]:
        """Evaluates an expression at the present time, within a time limit.

        Raises:
            PrometheusError: there is no answer, or it is not a vector. The text has the address and the answer.
        """
        path = f"/api/v1/query?{urlencode({'query': query})}"
        async with self._turn:
            return await (self._ask_directly(path) if self._service is None else self._ask_through_proxy(path))

    async def _ask_directly(self, path: str) -> list[Sample]:
        if self._client is None:
            # Without the environment, whose proxies are meant for other addresses than one that is configured.
            self._client = httpx.AsyncClient(trust_env=False, transport=self._transport, timeout=ANSWER_SECONDS)
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream("GET", f"{self._url}{path}") as answer,
            ):
                body = await self._body(answer)
        except (TimeoutError, httpx.TimeoutException):
            raise PrometheusError(f"{self.name} does not answer within {ANSWER_SECONDS} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            why = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise PrometheusError(f"{self.name} does not answer: {why}") from error
        return samples_of(answer.status_code, body, self.name)

    async def _body(self, answer: httpx.Response) -> str:
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_LIMIT:
                raise PrometheusError(f"{self.name} answers more than {ANSWER_LIMIT // 2**20} MiB")
        return body.decode("utf-8", errors="replace")

    async def _ask_through_proxy(self, path: str) -> list[Sample]:
        service = self._service
        assert service is not None  # noqa: S101 - asked only then
        request = ProxyRequest(f"{service.path}{path}", ANSWER_SECONDS, https=service.https, limit=ANSWER_LIMIT)
        try:
            answer = await self._api.get_through_proxy("services", service.namespace, service.target, request)
        except AccessDeniedError as error:
            raise PrometheusError(
                f"{self.name} cannot be asked: {error.summary}. {_needed_permission(service.resource_name)}"
            ) from error
        except ClusterError as error:
            # The request has the whole query in it, which says nothing to the reader.
            raise PrometheusError(f"{self.name} does not answer: {_shortened(_without_query(str(error)))}") from error
        if (message := status_message(answer)) is not None:
            raise PrometheusError(f"{self.name} is not reached: the API server answers {answer.status}: {message}")
        return samples_of(answer.status, answer.body, self.name)


def _needed_permission(name: str) -> str:
    return f"The user needs `get` on services/proxy of {name}, as `switchyard rbac` prints it"


def _without_query(text: str) -> str:
    """A message without the query string of the URL in it."""
    return " ".join(word.partition("?query=")[0] for word in text.split(" "))


def _shortened(text: str) -> str:
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return words if len(words) <= SHOWN else words[: SHOWN - 1] + "…"
