"""Texts about errors of an API server: its own message, and a remedy. Pure functions."""

import json
import socket
import ssl
from collections.abc import Iterator

import httpx

from switchyard.errors import (
    AccessDeniedError,
    ApiStatusError,
    ClusterError,
    KubeconfigError,
    LoginError,
    RejectedError,
)

LONGEST = 300
"""Number of characters that a message shows of an answer that is not the API server's own."""

WEBHOOK = "failed calling webhook"
"""Part of the API server's message when an admission webhook gave no usable answer."""


def server_message(response: httpx.Response) -> str:
    """The message of the API server's Status; of any other answer its type and its beginning."""
    try:
        body = json.loads(response.text)
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("message"):
        return str(body["message"])
    kind = response.headers.get("content-type", "").partition(";")[0]
    beginning = " ".join(response.text.split())[:LONGEST]
    if "html" in kind:
        return "an HTML page, which is not an answer of a Kubernetes API server"
    return beginning or response.reason_phrase or "an empty answer"


def why_unreachable(error: BaseException) -> str:
    """The reason why there was no connection, from the chain of a client library's errors."""
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {getattr(cause, 'verify_message', cause)}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection: {getattr(cause, 'reason', None) or cause}"
        if isinstance(cause, socket.gaierror):
            return f"the name of its host is not resolved: {cause.strerror}"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused: nothing listens at its address"
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"its certificate is not accepted: {text}"
    return text


def remedy_for(error: ClusterError) -> str:
    """The remedy for an error, as sentences; empty if the text of the error has one."""
    match error:
        case AccessDeniedError():
            return advice_denied(error.status)
        case RejectedError():
            return "Correct what it says."
        case ApiStatusError():
            return advice(error.status_code, str(error))
        case KubeconfigError() | LoginError():
            return ""
        case _:
            return advice_unreachable(str(error))


def advice(status: int, text: str) -> str:
    """The remedy for an answer with an error status, as a sentence."""
    if WEBHOOK in text:
        return (
            "An admission webhook of the cluster gives no usable answer, so that the API server refuses every such "
            "write. See: kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations; bring the "
            "webhook back, or have its owner remove its configuration."
        )
    if status == httpx.codes.CONFLICT:
        return "Somebody else has changed the object at the same moment."
    if status == httpx.codes.NOT_FOUND:
        return "The cluster does not have this kind of object, or not in this version. See: kubectl api-resources"
    if status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}:
        return (
            "The API server is overloaded, is starting, or does not reach a part of itself. "
            "See: kubectl get --raw '/readyz?verbose'; kubectl get apiservices"
        )
    if httpx.codes.is_redirect(status) or httpx.codes.is_success(status):
        return "Check the address of `server` in the kubeconfig: something else than an API server answers there."
    return "Its own log has more on it."


def advice_denied(status: int) -> str:
    """The remedy for a user whom the API server does not know, or denies a permission, as a sentence."""
    if status == httpx.codes.UNAUTHORIZED:
        return (
            "The API server does not know the user of the kubeconfig: log in again, or renew its token or its client "
            "certificate."
        )
    return "Grant it to the user of the kubeconfig."


def advice_unreachable(text: str) -> str:
    """The remedy for a missing answer, as a sentence."""
    if "certificate" in text:
        return (
            "Check the address of `server` and `certificate-authority-data` in the kubeconfig, the clock of this "
            "machine, and whether the API server's certificate has expired (on the control plane: kubeadm certs "
            "check-expiration)."
        )
    if "not resolved" in text:
        return "Check the host in `server` of the kubeconfig, and whether this machine is in the network that knows it."
    if "not an answer of a Kubernetes API server" in text:
        return "Check the address of `server` in the kubeconfig: something else than an API server answers there."
    return "Check the API server and the kubeconfig."


def _chain(error: BaseException) -> Iterator[BaseException]:
    visited: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in visited:
        visited.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            for inner in cause.exceptions:
                yield from _chain(inner)
        cause = cause.__cause__ or cause.__context__
