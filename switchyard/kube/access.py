"""The ways to a cluster's API server."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import yaml

from switchyard.kube.api import BoundedApi
from switchyard.kube.errors import AccessDeniedError, AnsweredError, RejectedError
from switchyard.kube.kubeconfig.resolve import ResolvedCluster, resolve, resolve_content
from switchyard.kube.login import Login

UNREACHABLE = (httpx.HTTPError, AnsweredError, OSError, AccessDeniedError, RejectedError)
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

    @property
    def text(self) -> str:
        """What is in it; empty before there is one."""
        return self._text or ""

    def parsed(self) -> dict[str, Any]:
        """What is in it, as an object."""
        content: dict[str, Any] = yaml.safe_load(self.text)
        return content


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach a cluster.

    Attributes:
        kubeconfig: path of a kubeconfig file; None takes kubectl's own default.
        context: context in that file; None takes its current one.
        brings_argo_rollouts: whether the stack installs Argo Rollouts there, so that a preview may not find it yet.
        made: the kubeconfig of a cluster that the stack makes, instead of a file.
        unreachable: whether the API server did not answer when the program began, which then knows too little to
            change anything.
    """

    kubeconfig: str | None = None
    context: str | None = None
    brings_argo_rollouts: bool = False
    made: MadeKubeconfig | None = None
    unreachable: bool = False

    @property
    def there(self) -> bool:
        """Whether there is a cluster to look at: one that the stack makes is not there in its first preview."""
        return self.made is None or self.made.known

    @cached_property
    def cluster(self) -> ResolvedCluster:
        """The one cluster, user and context that this identifies, read once: the files may change later.

        Raises:
            switchyard.kube.kubeconfig.file.KubeconfigError: there is none, or it cannot be used.
        """
        return resolve(self.kubeconfig, self.context)

    @property
    def login(self) -> Login:
        """The credentials for it, shared by every connection.

        Raises:
            switchyard.kube.kubeconfig.file.KubeconfigError: they cannot be used.
        """
        if self.made is None:
            return self._login
        # The update that creates the cluster learns of its kubeconfig on the way.
        return Login(resolve_content(self.made.text))

    @cached_property
    def _login(self) -> Login:
        return Login(self.cluster)

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
            ConnectionError: it did not answer when this run began, or its login command fails.
            ValueError: the kubeconfig is useless; or one of `UNREACHABLE`.
        """
        if self.unreachable:
            raise ConnectionError("the API server did not answer when this run began")
        return await BoundedApi.connect(self.login)

    def check(self) -> None:
        """Reads the kubeconfig and its certificates, without a call to the cluster.

        The provider takes a path that does not exist for the text of a kubeconfig, and previews go on as if
        all was well.

        Raises:
            switchyard.kube.kubeconfig.file.KubeconfigError: it identifies no cluster.
        """
        self.login.check()
