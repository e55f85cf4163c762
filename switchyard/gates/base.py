"""What all gates share: the cluster that they look at, and the errors and warnings that they end in."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.errors import (
    AccessDeniedError,
    ApiStatusError,
    ClusterError,
    GateRefusedError,
    KubeconfigError,
    LoginError,
    RejectedError,
)
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.error_texts import remedy_for

Warn = Callable[[str], None]

AGAIN = "Then run `pulumi up` again."

NOT_TAKEN = "This step was not taken; what this update has done before it stands."
"""Said of a gate that could not look: whether it was the first of an update is not known to it."""


class GateBase:
    """The connection of one service's gates to its cluster, and to the engineer.

    Args:
        name: the service's name.
        service: its settings.
        access: the cluster it runs on.
        warn: takes a line that the engineer should see although nothing is refused.

    Attributes:
        sizing: what the cluster had of the service at the program's start, where an autoscaler sizes it.
    """

    sizing = Sizing()

    def __init__(self, name: str, service: ServiceSettings, access: ClusterAccess, warn: Warn) -> None:
        self._name = name
        self._service = service
        self._access = access
        self._warn = warn
        self._warned: set[str] = set()
        self._switching = False
        self._autoscaler_previewed = False

    @property
    def cluster_exists(self) -> bool:
        """Whether the cluster exists yet; before, nothing serves."""
        return self._access.exists

    async def _selected(self, cluster: Cluster) -> Mapping[str, str] | None:
        return await cluster.service_selector(self._service.namespace, self._name)

    @asynccontextmanager
    async def _cluster(self) -> AsyncGenerator[Cluster, None]:
        try:
            yield await Cluster.connect(self._access)
        except ClusterError as error:
            problem, remedy = self._why(error)
            raise GateRefusedError(f"{sentence(problem)} {NOT_TAKEN} {remedy}") from error

    def _warn_once(self, warning: str | None) -> None:
        """Several hooks of one run may find the same."""
        if warning is not None and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)

    def _raise(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise GateRefusedError(str(refusal))

    def _why(self, error: ClusterError) -> tuple[str, str]:
        """What a call ended in, and what to do about it."""
        match error:
            case AccessDeniedError():
                problem = f"the gate {error}"
            case RejectedError() | ApiStatusError() | KubeconfigError() | LoginError():
                problem = str(error)
            case _:
                problem = f"the gate could not see the cluster: {error}"
        coded = f"{key_of(self._name)}: {problem.removesuffix('.')} ({error.code})"
        return coded, f"{remedy_for(error)} {AGAIN}".lstrip()


def sentence(text: str) -> str:
    """The text with a full stop, which the API server's own words have at times, and at times not."""
    return text if text.endswith(".") else f"{text}."
