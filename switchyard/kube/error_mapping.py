"""Maps errors of libraries in a call to the API server to errors of this project, where calls are sent."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from switchyard.errors import AccessDeniedError, ApiStatusError, ClusterError, RejectedError, UnreachableError
from switchyard.kube.error_texts import server_message, why_unreachable

DENIED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
"""Statuses of a call that the API server denies."""

TRANSIENT = frozenset({httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT})
"""Statuses that do not reject the object itself: the same write may be accepted a moment later."""

WRITTEN = frozenset({"create", "update", "patch"})
"""Verbs of a write of a whole object, which an admission webhook, a policy or a quota may reject."""

NO_PERMISSION = re.compile(r' cannot (create|update|patch) resource "| is forbidden: *(?:RBAC: .*)?$', re.DOTALL)
"""Pattern of the answer to a write that the user is not permitted to do, with the verb that is missing.

A patch that creates its object needs the permission to create it as well. If only that one is missing, API servers
name it, or no verb at all. A webhook, a policy or a quota has words of its own.
"""

GONE = frozenset({httpx.codes.NOT_FOUND, httpx.codes.GONE})
"""Statuses of an update whose object, or whose namespace, does not exist."""


@contextmanager
def mapped_errors(verb: str, resource: str, seconds: float) -> Iterator[None]:
    """Converts an error of a library into a `ClusterError` that names the request.

    Args:
        verb: verb of Kubernetes' access rules.
        resource: description of the requested resource.
        seconds: time limit of the call.
    """
    try:
        yield
    except TimeoutError as error:
        raise UnreachableError(f"no answer to {verb} {resource} in {seconds:g} s") from error
    except httpx.HTTPStatusError as error:
        raise _of_status(verb, resource, error.response) from error
    except json.JSONDecodeError as error:
        page = "an HTML page, " if error.doc.lstrip().lower().startswith(("<!doctype html", "<html")) else ""
        raise UnreachableError(
            f"{verb} {resource}: {page}not an answer of a Kubernetes API server: it is not JSON"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, UnicodeError) as error:
        raise UnreachableError(f"{verb} {resource}: {why_unreachable(error)}") from error


def _of_status(verb: str, resource: str, response: httpx.Response) -> ClusterError:
    """Converts an answer with an error status into the matching `ClusterError`."""
    status, answer = response.status_code, server_message(response)
    # 403 is also what an admission webhook or a quota answers a write with.
    missing = NO_PERMISSION.search(answer) if verb in WRITTEN else None
    is_denied = verb not in WRITTEN or status == httpx.codes.UNAUTHORIZED or missing is not None
    if status in DENIED and is_denied:
        asked = verb if missing is None else missing[1] or "create"
        return AccessDeniedError(asked, resource, status, answer)
    others = TRANSIENT if verb == "patch" else TRANSIENT | GONE
    if verb in WRITTEN and httpx.codes.is_client_error(status) and status not in others:
        return RejectedError(f"the API server does not take {resource}: {answer}")
    return ApiStatusError(verb, resource, status, answer)
