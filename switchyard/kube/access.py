"""Access to the API server of a cluster."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from switchyard.errors import KubeconfigError, UnreachableError
from switchyard.kube.api import BoundedApi
from switchyard.kube.connections import Connections
from switchyard.kube.kubeconfig.resolve import ResolvedCluster, resolve, resolve_content
from switchyard.kube.login import Login


class StackKubeconfig:
    """The kubeconfig of a cluster that the stack creates, kept in memory only.

    Args:
        text: the kubeconfig of the last update; None before the first.
    """

    def __init__(self, text: str | None = None) -> None:
        self._text = text
        self._login: Login | None = None

    def update(self, text: str) -> str:
        """Replaces the kubeconfig by that of this update, once its certificates exist, and returns it."""
        if text != self._text:
            self._text, self._login = text, None
        return text

    @property
    def exists(self) -> bool:
        """Whether the cluster has a kubeconfig yet."""
        return self._text is not None

    @property
    def text(self) -> str:
        """The kubeconfig as YAML; empty before it exists."""
        return self._text or ""

    @property
    def login(self) -> Login:
        """The credentials of the kubeconfig, the same object until the kubeconfig changes.

        Raises:
            switchyard.errors.KubeconfigError: the credentials cannot be used.
        """
        if self._login is None:
            self._login = Login(resolve_content(self.text))
        return self._login

    def parsed(self) -> dict[str, Any]:
        """The parsed kubeconfig.

        Raises:
            switchyard.errors.KubeconfigError: the kubeconfig is not YAML.
        """
        try:
            content: dict[str, Any] = yaml.safe_load(self.text)
        except yaml.YAMLError:
            raise KubeconfigError("the stack's own kubeconfig is not YAML") from None
        return content


@dataclass(frozen=True)
class ClusterAccess:
    """The kubeconfig, context and connections with which a cluster is reached.

    Attributes:
        kubeconfig: path of a kubeconfig file; None for kubectl's own default.
        context: context in that file; None for its current one.
        brings_argo_rollouts: whether the stack installs Argo Rollouts, so that it may be missing in a preview.
        stack_kubeconfig: the kubeconfig of a cluster that the stack creates; None for one in a file.
        unreachable: whether the API server did not answer when the program began, which then knows too little to
            change anything.
    """

    kubeconfig: str | None = None
    context: str | None = None
    brings_argo_rollouts: bool = False
    stack_kubeconfig: StackKubeconfig | None = None
    unreachable: bool = False
    _connections: Connections = field(default_factory=Connections, init=False, repr=False, compare=False)

    @property
    def exists(self) -> bool:
        """Whether the cluster exists. A cluster that the stack creates does not exist in its first preview."""
        return self.stack_kubeconfig is None or self.stack_kubeconfig.exists

    @cached_property
    def cluster(self) -> ResolvedCluster:
        """The selected cluster, user and context, read once because the files may change later.

        Raises:
            switchyard.errors.KubeconfigError: no kubeconfig exists, or it cannot be used.
        """
        return resolve(self.kubeconfig, self.context)

    @property
    def login(self) -> Login:
        """The credentials for the cluster, shared by every connection.

        Raises:
            switchyard.errors.KubeconfigError: the credentials cannot be used.
        """
        # An update that creates the cluster has its kubeconfig only in the course of the run.
        return self._login if self.stack_kubeconfig is None else self.stack_kubeconfig.login

    @cached_property
    def _login(self) -> Login:
        return Login(self.cluster)

    @property
    def described(self) -> str:
        """The kubeconfig and its context, as a message names them."""
        if self.stack_kubeconfig is not None:
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

        The provider takes a path that does not exist for the text of a kubeconfig, and previews continue as
        if all were well.

        Raises:
            switchyard.errors.KubeconfigError: the kubeconfig identifies no cluster.
        """
        self.login.check()
