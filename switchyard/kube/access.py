"""How a cluster's API server is reached."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from switchyard.errors import KubeconfigError, UnreachableError
from switchyard.kube.api import BoundedApi
from switchyard.kube.connections import Connections
from switchyard.kube.kubeconfig.resolve import ResolvedCluster, resolve, resolve_content
from switchyard.kube.login import Login


class MadeKubeconfig:
    """The kubeconfig of a cluster that the stack makes itself, kept in memory alone.

    Args:
        text: as the update before left it; None before the first.
    """

    def __init__(self, text: str | None = None) -> None:
        self._text = text
        self._login: Login | None = None

    def become(self, text: str) -> str:
        """Takes the one of this update, once its certificates are made, and returns it."""
        if text != self._text:
            self._text, self._login = text, None
        return text

    @property
    def known(self) -> bool:
        """Whether there is one by now."""
        return self._text is not None

    @property
    def text(self) -> str:
        """What is in it; empty before there is one."""
        return self._text or ""

    @property
    def login(self) -> Login:
        """The credentials in it, the same for as long as it stays the same.

        Raises:
            switchyard.errors.KubeconfigError: they cannot be used.
        """
        if self._login is None:
            self._login = Login(resolve_content(self.text))
        return self._login

    def parsed(self) -> dict[str, Any]:
        """What is in it, as an object.

        Raises:
            switchyard.errors.KubeconfigError: it is no YAML.
        """
        try:
            content: dict[str, Any] = yaml.safe_load(self.text)
        except yaml.YAMLError:
            raise KubeconfigError("the stack's own kubeconfig is no YAML") from None
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
    _connections: Connections = field(default_factory=Connections, init=False, repr=False, compare=False)

    @property
    def there(self) -> bool:
        """Whether there is a cluster to look at: one that the stack makes is not there in its first preview."""
        return self.made is None or self.made.known

    @cached_property
    def cluster(self) -> ResolvedCluster:
        """The cluster, user and context that this identifies, read once: the files may change later.

        Raises:
            switchyard.errors.KubeconfigError: there is none, or it cannot be used.
        """
        return resolve(self.kubeconfig, self.context)

    @property
    def login(self) -> Login:
        """The credentials for it, shared by every connection.

        Raises:
            switchyard.errors.KubeconfigError: they cannot be used.
        """
        # The update that creates the cluster learns of its kubeconfig on the way.
        return self._login if self.made is None else self.made.login

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
        """The client of this run for the running event loop. The first call opens it and asks for the version.

        Raises:
            switchyard.errors.ClusterError: the kubeconfig cannot be used, the login fails, or the API server does not
                answer, now or when this run began.
        """
        if self.unreachable:
            raise UnreachableError("the API server did not answer when this run began")
        return await self._connections.api(self.login)

    def check(self) -> None:
        """Reads the kubeconfig and its certificates, without a call to the cluster.

        The provider takes a path that does not exist for the text of a kubeconfig, and previews go on as if
        all was well.

        Raises:
            switchyard.errors.KubeconfigError: it identifies no cluster.
        """
        self.login.check()
