"""The ways to a cluster's API server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import kr8s
import yaml

from gate.api import AccessDeniedError, BoundedApi, RejectedError

UNREACHABLE = (httpx.HTTPError, kr8s.APITimeoutError, kr8s.ServerError, OSError, AccessDeniedError, RejectedError)
"""What a call to the API server may raise when there is no answer, or none that helps."""


class MadeKubeconfig:
    """The kubeconfig of a cluster that the stack makes itself, kept in memory alone.

    Args:
        text: as the update before left it; None before the first.
    """

    def __init__(self, text: str | None = None) -> None:
        self._text = text

    def become(self, text: str) -> str:
        """Takes the one of this update, once its certificates are made, and returns it."""
        self._text = text
        return text

    @property
    def known(self) -> bool:
        """Whether there is one by now."""
        return self._text is not None

    def parsed(self) -> dict[str, Any]:
        """What is in it."""
        found: dict[str, Any] = yaml.safe_load(self._text or "")
        return found


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach a cluster.

    Attributes:
        kubeconfig: path of a kubeconfig file; None takes kubectl's own default.
        context: context in that file; None takes its current one.
        brings_argo_rollouts: whether the stack installs Argo Rollouts there, so that a preview may not find it yet.
        made: the kubeconfig of a cluster that the stack makes, instead of a file.
        blind: the API server did not answer when the program began, which then knows too little to change anything.
    """

    kubeconfig: str | None = None
    context: str | None = None
    brings_argo_rollouts: bool = False
    made: MadeKubeconfig | None = None
    blind: bool = False

    @property
    def there(self) -> bool:
        """Whether there is a cluster to look at: one that the stack makes is not there in its first preview."""
        return self.made is None or self.made.known

    @property
    def source(self) -> str | dict[str, Any] | None:
        """The kubeconfig, by its path or as it is."""
        return self.kubeconfig if self.made is None else self.made.parsed()

    @property
    def described(self) -> str:
        """The kubeconfig and its context, in words."""
        if self.made is not None:
            return "the kubeconfig of this stack"
        context = f", context {self.context}" if self.context else ""
        return f"kubeconfig {self.kubeconfig or '(the default one)'}{context}"

    async def api(self) -> BoundedApi:
        """Opens a client and asks the API server for its version.

        Raises:
            ConnectionError: it did not answer when this run began.
            ValueError: the kubeconfig is useless; or one of `UNREACHABLE`.
        """
        if self.blind:
            raise ConnectionError("the API server did not answer when this run began")
        return await BoundedApi.connect(self.source, self.context)

    def problem(self) -> str | None:
        """Why this leads to no cluster, as far as this machine can tell; None if nothing speaks against it.

        The provider takes a path that does not exist for the text of a kubeconfig, and previews go on as if
        all was well.
        """
        if self.kubeconfig is None or Path(self.kubeconfig).is_file():
            return None
        return (
            f"switchyard:cluster.kubeconfig: {self.kubeconfig!r}: there is no such file, nothing was changed. "
            "Name the kubeconfig of a cluster that runs; for the sandbox: make up"
        )
