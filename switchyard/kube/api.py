"""Calls to an API server: each has a time limit, and each error names the request."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import httpx

from switchyard.config.kubernetes import CORE
from switchyard.errors import AccessDeniedError, ApiStatusError, UnreachableError
from switchyard.kube.client import ClusterClient
from switchyard.kube.error_mapping import DENIED, mapped_errors
from switchyard.kube.login import Login

CALL_SECONDS = 30
"""Time limit in seconds for one call, including its login.

Without a bound, an API server that accepts a connection and does not answer would block an update for ever.
This is half of what the API server gives a request itself, and far more than an answer takes while the program is
busy with the resources of 200 services.
"""

WRITE_SECONDS = 25
"""Seconds after which the API server aborts a write, for example one that waits for a slow webhook.

By default it works on a patch for 34 s, and could accept one after its caller has stopped waiting and has read that it
was not accepted. A write that waits for etcd may still be accepted, but a later read waits behind it.
"""

WRITES = frozenset({"create", "update", "patch", "delete"})

MERGE_PATCH = {"content-type": "application/merge-patch+json"}
"""Header of a merge patch: it has the fields to change, and null removes a field."""

METHODS = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
"""The HTTP method of each verb of Kubernetes' access rules."""


@dataclass(frozen=True)
class ProxyAnswer:
    """The response to an HTTP request through the API server's proxy."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ProxyRequest:
    """One GET through the API server's proxy.

    Attributes:
        path: path and query, from the first slash on.
        timeout: seconds for the whole request.
        https: whether the pod speaks TLS; its certificate is not verified.
        headers: headers of the request.
        limit: largest number of bytes of the answer's body to read; None for all.
    """

    path: str
    timeout: float
    https: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None


class BoundedApi:
    """An API server, with a bound on every call.

    Calls raise `switchyard.errors.ClusterError`.
    """

    def __init__(self, api: ClusterClient) -> None:
        self._api = api

    @property
    def client(self) -> ClusterClient:
        """The HTTP client that sends the calls."""
        return self._api

    @classmethod
    async def connect(cls, login: Login) -> Self:
        """Opens a client and asks the API server for its version.

        Args:
            login: the context and its credentials. A login command runs first, in its own bounded time.
        """
        await asyncio.to_thread(login.renew)
        api = cls(ClusterClient(login))
        await api.version()
        return api

    async def version(self) -> str:
        """The version of the API server, for example ``v1.34.1``."""
        with mapped_errors("get", "/version", CALL_SECONDS):
            async with asyncio.timeout(CALL_SECONDS):
                return str((await self._api.version())["gitVersion"])

    async def date(self) -> datetime:
        """The time by the clock of the API server, in whole seconds, as its answers carry it."""
        with mapped_errors("get", "/version", CALL_SECONDS):
            async with asyncio.timeout(CALL_SECONDS):
                return await self._api.date()

    async def ask(
        self,
        verb: str,
        resource: str,
        name: str = "",
        namespace: str | None = None,
        version: str = CORE,
        **request: Any,
    ) -> Any:
        """Sends one request to the API server and returns the parsed answer.

        Args:
            verb: verb of Kubernetes' access rules: get, list, create, update, patch or delete.
            resource: plural name of the kind.
            name: name of the object; empty for a list, and for a create.
            namespace: namespace of the object; None for a cluster-wide object.
            version: group and version of the API.
            request: further arguments of the HTTP request.

        Returns:
            The answer, parsed.
        """
        if verb in WRITES:
            request["params"] = {**request.get("params", {}), "timeout": f"{WRITE_SECONDS}s"}
        with mapped_errors(verb, _described(resource, name, namespace), CALL_SECONDS):
            async with (
                asyncio.timeout(CALL_SECONDS),
                self._api.call_api(
                    METHODS[verb],
                    version=version,
                    namespace=namespace,
                    url=f"{resource}/{name}" if name else resource,
                    **request,
                ) as response,
            ):
                return response.json()

    async def ask_text(self, resource: str, name: str, namespace: str, **request: Any) -> str:
        """Reads an answer that is not JSON, for example the log of a pod. The arguments are those of `ask`."""
        with mapped_errors("get", _described(resource, name, namespace), CALL_SECONDS):
            async with (
                asyncio.timeout(CALL_SECONDS),
                self._api.call_api("GET", namespace=namespace, url=f"{resource}/{name}", **request) as response,
            ):
                return response.text

    async def find(
        self, resource: str, name: str, namespace: str | None = None, version: str = CORE, **request: Any
    ) -> Any | None:
        """Returns one object, or None when it does not exist. The arguments are those of `ask`."""
        try:
            return await self.ask("get", resource, name, namespace, version, **request)
        except ApiStatusError as error:
            if error.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    async def knows(self, resource: str, namespace: str, version: str) -> bool:
        """Whether the API server knows this kind of object, as it does once the CRD is installed."""
        try:
            await self.find_all(resource, namespace, {}, version)
        except ApiStatusError as error:
            if error.status_code == httpx.codes.NOT_FOUND:
                return False
            raise
        return True

    async def find_all(
        self, resource: str, namespace: str | None, labels: Mapping[str, str], version: str = CORE
    ) -> Any:
        """Lists the objects with these labels; returns the list as the API has it."""
        return await self.ask("list", resource, "", namespace, version, params=labelled(labels))

    async def watch(
        self, resource: str, namespace: str | None, labels: Mapping[str, str], version: str, since: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Watches the objects with these labels and yields each event, until the API server ends the watch.

        A watch has no time limit of its own; its caller sets one.
        """
        with mapped_errors("watch", _described(resource, "", namespace), CALL_SECONDS):
            async with self._api.call_api(
                "GET",
                version=version,
                namespace=namespace,
                url=resource,
                params=labelled(labels) | {"watch": "true", "resourceVersion": since},
                stream=True,
            ) as response:
                async for line in _lines(response):
                    yield json.loads(line)

    async def get_through_proxy(
        self, resource: str, namespace: str | None, target: str, request: ProxyRequest
    ) -> ProxyAnswer:
        """Sends one GET to a pod, Service or node through the API server's proxy.

        Args:
            resource: pods, services or nodes.
            namespace: namespace of the pod or Service; None for a node.
            target: name and port, for example ``backend-green:http``; a pod's port is a number.
            request: the request to send.
        """
        scheme = "https:" if request.https else ""
        with mapped_errors("get", f"{resource}/{target}{request.path}", request.timeout):
            async with (
                asyncio.timeout(request.timeout),
                self._api.call_api(
                    "GET",
                    namespace=namespace,
                    url=f"{resource}/{scheme}{target}/proxy{request.path}",
                    headers=dict(request.headers),
                    raise_for_status=False,
                    follow_redirects=False,
                    stream=request.limit is not None,
                ) as response,
            ):
                text = response.text if request.limit is None else await _limited(response, request.limit)
                answer = ProxyAnswer(response.status_code, text, dict(response.headers))
        if (denial := _denial_by_api_server(answer)) is not None:
            raise AccessDeniedError("get", _described(f"{resource}/proxy", "", namespace), answer.status, denial)
        return answer


async def _lines(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The lines of a response, as they arrive.

    The HTTP library's own lines end at other characters as well, which a text in JSON may have, such as U+0085.
    """
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _limited(response: httpx.Response, limit: int) -> str:
    """The body of a response that is read piece by piece, up to a limit."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise UnreachableError(f"{response.url.path}: the answer is larger than {limit // 2**20} MiB")
    return body.decode("utf-8", errors="replace")


def labelled(labels: Mapping[str, str]) -> dict[str, str]:
    """The query parameter that selects objects by their labels."""
    return {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}


def is_status(answer: ProxyAnswer) -> bool:
    """Whether an answer is from the API server itself, and not from behind its proxy."""
    return status_message(answer) is not None


def _denial_by_api_server(answer: ProxyAnswer) -> str | None:
    """The message of the API server if it denies a request itself; None for an answer from behind its proxy."""
    return status_message(answer) if answer.status in DENIED else None


def status_message(answer: ProxyAnswer) -> str | None:
    """The message of the API server in an answer; None for an answer from behind its proxy."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or (body.get("kind"), body.get("apiVersion")) != ("Status", "v1"):
        return None
    return str(body.get("message"))


def _described(resource: str, name: str, namespace: str | None) -> str:
    named = f"{resource}/{name}" if name else resource
    return f"{named} in namespace {namespace}" if namespace else named
