"""Calls to an API server that end in bounded time, and whose errors say what was asked."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.kube.client import ClusterClient
from switchyard.kube.error_mapping import DENIED, mapped_errors
from switchyard.kube.login import Login

CALL_SECONDS = 30
"""How long one call may take, its login included.

Without a bound, an API server that takes a connection and says nothing would hold an update for ever.
This is half of what the API server gives a request itself, and far more than an answer takes while the program is
busy with the resources of 200 services.
"""

CORE, APPS, DISCOVERY, NETWORKING = "v1", "apps/v1", "discovery.k8s.io/v1", "networking.k8s.io/v1"
ROLLOUTS, ISTIO = "argoproj.io/v1alpha1", "networking.istio.io/v1"
AUTOSCALING, METRICS = "autoscaling/v2", "metrics.k8s.io/v1beta1"
TARGETS = "elbv2.k8s.aws/v1beta1"
"""What the AWS Load Balancer Controller has beside Ingresses: its target groups."""

METHODS = {"get": "GET", "list": "GET", "patch": "PATCH", "delete": "DELETE"}
"""Of HTTP, by verb."""


@dataclass(frozen=True)
class ProxyAnswer:
    """What an HTTP request through the API server's proxy brought back."""

    status: int
    body: str


@dataclass(frozen=True)
class ProxyRequest:
    """One GET through the API server's proxy.

    Attributes:
        path: path and query, from the first slash on.
        timeout: seconds for the whole request.
        https: whether the pod speaks TLS; its certificate is not verified.
        headers: of the request.
    """

    path: str
    timeout: float
    https: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class BoundedApi:
    """An API server, with a bound on every call.

    Calls raise `switchyard.errors.ClusterError`.
    """

    def __init__(self, api: ClusterClient) -> None:
        self._api = api

    @property
    def client(self) -> ClusterClient:
        """What sends the calls."""
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
        """Of the API server, for example ``v1.34.1``."""
        with mapped_errors("get", "/version", CALL_SECONDS):
            async with asyncio.timeout(CALL_SECONDS):
                return str((await self._api.version())["gitVersion"])

    async def ask(
        self,
        verb: str,
        resource: str,
        name: str = "",
        namespace: str | None = None,
        version: str = CORE,
        **request: Any,
    ) -> Any:
        """One call.

        Args:
            verb: of Kubernetes' access rules: get, list, patch or delete.
            resource: plural name of the kind.
            name: of the object; empty for all of them.
            namespace: None for what belongs to no namespace.
            version: group and version of the API.
            request: more for the HTTP request.

        Returns:
            The answer, parsed.
        """
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

    async def find(
        self, resource: str, name: str, namespace: str | None = None, version: str = CORE, **request: Any
    ) -> Any | None:
        """One object; None when it is not there. Arguments as of `ask`."""
        try:
            return await self.ask("get", resource, name, namespace, version, **request)
        except ApiStatusError as error:
            if error.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    async def knows(self, resource: str, namespace: str, version: str) -> bool:
        """Whether there is such a kind of object."""
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
        """The objects with these labels, as a list of the API."""
        return await self.ask("list", resource, "", namespace, version, params=labelled(labels))

    async def watch(
        self, resource: str, namespace: str | None, labels: Mapping[str, str], version: str, since: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yields the events of objects with these labels, until the API server ends the watch.

        There is no bound here: a watch is as long as its caller's patience.
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
                async for line in response.aiter_lines():
                    yield json.loads(line)

    async def get_through_proxy(
        self, resource: str, namespace: str | None, target: str, request: ProxyRequest
    ) -> ProxyAnswer:
        """Sends one GET to a pod, Service or node, by way of the API server.

        Args:
            resource: pods, services or nodes.
            namespace: of the pod or Service; None for a node.
            target: name and port, for example ``backend-green:http``; a pod's port is a number.
            request: what is asked.
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
                ) as response,
            ):
                answer = ProxyAnswer(response.status_code, response.text)
        if (denial := _denial_by_api_server(answer)) is not None:
            raise AccessDeniedError("get", _described(f"{resource}/proxy", "", namespace), answer.status, denial)
        return answer


def labelled(labels: Mapping[str, str]) -> dict[str, str]:
    """The parameter that picks objects by their labels."""
    return {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}


def is_status(answer: ProxyAnswer) -> bool:
    """Whether an answer is the API server's own, and not from what it was to ask."""
    return _status_message(answer) is not None


def _denial_by_api_server(answer: ProxyAnswer) -> str | None:
    """What the API server says when it is itself that denies a request; None for an answer from behind it."""
    return _status_message(answer) if answer.status in DENIED else None


def _status_message(answer: ProxyAnswer) -> str | None:
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
