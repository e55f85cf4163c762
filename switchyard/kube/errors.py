"""Errors that the answers of an API server become."""

import httpx


class AccessDeniedError(Exception):
    """The API server knows no such user, or does not let this one do what the gate needs.

    Args:
        verb: of Kubernetes' access rules, for example ``get``.
        resource: what it was asked of, for example ``services/backend in namespace default``.
        status: 401 or 403.
        answer: the API server's own words, which name the user and the permission.
    """

    def __init__(self, verb: str, resource: str, status: int, answer: str) -> None:
        super().__init__(f"may not {verb} {resource} ({status}: {answer})")
        self.status = status
        self.asked = f"{verb} {resource}"
        """Verb and resource, as `kubectl auth can-i` takes them but for the namespace."""


class RejectedError(Exception):
    """The API server may be asked, and does not take what it is sent: an invalid object, or a policy against it."""


class AnsweredError(Exception):
    """The API server answered with an error that is neither a missing permission nor a rejected object.

    Args:
        verb: of Kubernetes' access rules.
        resource: what it was asked of.
        response: the answer.
        answer: the API server's own words.
    """

    def __init__(self, verb: str, resource: str, response: httpx.Response, answer: str) -> None:
        super().__init__(f"the API server answered {response.status_code} to {verb} {resource}: {answer}")
        self.status_code = response.status_code
