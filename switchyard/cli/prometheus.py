"""Queries Prometheus once."""

import asyncio
import socket

import httpx

from switchyard.analysis_errors import PrometheusError, PrometheusUnresolvedError
from switchyard.config.kubernetes import ARGO_ROLLOUTS
from switchyard.kube.prometheus import samples_of

ANSWER_SECONDS = 30
"""Time limit of an answer in seconds, the same as in Argo Rollouts."""

LOCAL_PORT = 9090


async def ask(client: httpx.AsyncClient, address: str, query: str) -> list[float]:
    """Asks for the value of an expression now.

    Args:
        client: HTTP client for the request.
        address: address of Prometheus' API, without `/api/v1`.
        query: the expression, in PromQL.

    Returns:
        The value of each sample of the resulting vector; empty if it has no samples.

    Raises:
        PrometheusError: there is no answer within `ANSWER_SECONDS`, or the answer is not a vector.
        PrometheusUnresolvedError: this machine does not resolve the host name of the address.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await client.get(f"{address.rstrip('/')}/api/v1/query", params={"query": query})
    except (TimeoutError, httpx.TimeoutException):
        raise PrometheusError(f"Prometheus does not answer within {ANSWER_SECONDS} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        if _is_unresolved(error):
            raise PrometheusUnresolvedError(unresolved(address)) from error
        raise PrometheusError(f"Prometheus does not answer: {type(error).__name__}: {error}") from error
    return values(answer.status_code, answer.text)


def values(status: int, body: str) -> list[float]:
    """The values in an answer of Prometheus' API: numbers, NaN or infinities.

    Raises:
        PrometheusError: the answer is an error, or not a vector.
    """
    return [sample.value for sample in samples_of(status, body)]


def unresolved(address: str) -> str:
    """The message for a host that does not resolve here: how to reach a Prometheus inside the cluster."""
    url = httpx.URL(address)
    problem = f"The name {url.host} does not resolve on this machine."
    match url.host.split("."):
        case [service]:
            namespace = ARGO_ROLLOUTS  # where the controller resolves a name without a namespace
        case [service, namespace] | [service, namespace, "svc", *_]:
            pass
        case _:
            return f"{problem} Give an address that does: --prometheus URL"
    port = url.port or (443 if url.scheme == "https" else 80)
    ports = port if port == LOCAL_PORT else f"{LOCAL_PORT}:{port}"
    return (
        f"{problem} If it is the cluster's, which the controller reaches and this machine does not, run in another "
        f"terminal: kubectl -n {namespace} port-forward svc/{service} {ports}\n"
        f"Then add: --prometheus {url.copy_with(host='127.0.0.1', port=LOCAL_PORT)}"
    )


def _is_unresolved(error: BaseException | None) -> bool:
    """Whether a host name that does not resolve is the cause of an error."""
    while error is not None and not isinstance(error, socket.gaierror):
        error = error.__cause__ or error.__context__
    return error is not None
