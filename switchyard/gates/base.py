"""What all gates share: access to the cluster, and how errors and warnings reach the engineer."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.access import UNREACHABLE, ClusterAccess
from switchyard.kube.answers import advice, advice_denied, advice_unreachable
from switchyard.kube.cluster import Cluster
from switchyard.kube.errors import AccessDeniedError, AnsweredError, RejectedError

Warn = Callable[[str], None]

AGAIN = "Then run `pulumi up` again."

NOT_TAKEN = "This step was not taken; earlier steps of this update stay as they are."
"""For a gate that could not read the cluster: it does not know which steps came before."""


class GateRefusedError(Exception):
    """A gate refused a step. The text is for the engineer who started the update; the step was not taken."""


class GateBase:
    """The connection of one service's gates to its cluster, and to the engineer.

    Args:
        name: the service's name.
        service: its settings.
        access: the cluster that it runs on.
        warn: reports a warning to the engineer.

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
    def there(self) -> bool:
        """Whether the cluster exists; without a cluster nothing serves."""
        return self._access.there

    async def _selected(self, cluster: Cluster) -> Mapping[str, str] | None:
        return await cluster.service_selector(self._service.namespace, self._name)

    @asynccontextmanager
    async def _cluster(self) -> AsyncGenerator[Cluster, None]:
        try:
            yield await Cluster.connect(self._access)
        except UNREACHABLE as error:
            problem, remedy = self._why(error)
            raise GateRefusedError(f"{sentence(problem)} {NOT_TAKEN} {remedy}") from error

    def _warn_once(self, warning: str | None) -> None:
        """Reports a warning unless another hook of this run has reported the same."""
        if warning is not None and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)

    def _raise(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise GateRefusedError(str(refusal))

    def _why(self, error: Exception) -> tuple[str, str]:
        """Why a call failed, and what to do about it."""
        if isinstance(error, AccessDeniedError):
            return f"{key_of(self._name)}: the gate {error}", f"{advice_denied(error.status)} {AGAIN}"
        if isinstance(error, RejectedError):
            return f"{key_of(self._name)}: {error}", f"Correct what it says. {AGAIN}"
        if isinstance(error, AnsweredError):
            return f"{key_of(self._name)}: {error}", f"{advice(error.status_code, str(error))} {AGAIN}"
        found = f"{key_of(self._name)}: the gate could not see the cluster ({type(error).__name__}: {error})"
        return found, f"{advice_unreachable(str(error))} {AGAIN}"


def sentence(text: str) -> str:
    """The text with a full stop, which messages of the API server do not always have."""
    return text if text.endswith(".") else f"{text}."
