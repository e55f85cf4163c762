"""Requests through the API server's proxy that each reach the application over a new connection.

The API server keeps its connections to nodes and pods: a second request to a NodePort goes to the pod of the first one,
whatever the node does with new connections by then. A request with `Connection: Upgrade` is sent over a connection of
its own, and ended with it. Without a header `Upgrade` it asks the application for nothing. The API server hands its
answer on only when the status is 400 or more; otherwise it answers 500 itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import BoundedApi, ProxyRequest, is_status

OVER_A_NEW_CONNECTION = {"Connection": "Upgrade, close"}
"""`close` makes the client close its connection, which the API server ends as well."""

OF_API_SERVER = "audit-id"
"""Header that the API server adds to every answer except one that it forwards over such a connection."""

_STATUS = re.compile(r"invalid upgrade response: status code (\d+)")


@dataclass(frozen=True)
class NewConnectionAnswer:
    """An answer over a new connection.

    Attributes:
        headers: headers of the answer, in lower case; empty without a readable answer.
        problem: why the answer cannot be read; empty if it can.
        answered: whether there was any answer, readable or not.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    answered: bool = False


async def get_over_new_connection(
    api: BoundedApi, resource: str, namespace: str | None, target: str, asked: ProxyRequest
) -> NewConnectionAnswer:
    """Sends one GET over a new connection. Raises no `ClusterError`.

    Args:
        api: the API server.
        resource: pods or nodes.
        namespace: namespace of the pod; None for a node.
        target: name and port of the pod or node.
        asked: the request, for a path that the application answers with a status of 400 or more.
    """
    headers = {**asked.headers, **OVER_A_NEW_CONNECTION}
    request = ProxyRequest(asked.path, asked.timeout, asked.https, headers)
    try:
        answer = await api.get_through_proxy(resource, namespace, target, request)
    except AccessDeniedError as error:
        return NewConnectionAnswer(problem=f"the kubeconfig's user {error.summary}")
    except ClusterError as error:
        return NewConnectionAnswer(problem=str(error))
    if is_status(answer):
        refused = _STATUS.search(answer.body)
        if refused is None:
            return NewConnectionAnswer(problem=f"the API server does not reach it ({answer.status})")
        return NewConnectionAnswer(
            problem=f"GET {asked.path} is answered with {refused[1]}, not with 400 or more", answered=True
        )
    if OF_API_SERVER in answer.headers:
        problem = "a proxy before the API server takes the header Connection away, so that connections are kept"
        return NewConnectionAnswer(problem=problem, answered=True)
    return NewConnectionAnswer(answer.headers, answered=True)
