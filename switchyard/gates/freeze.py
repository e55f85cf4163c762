"""Reads whether a freeze window is open, by the API server's clock and not by the operator's."""

from collections.abc import Iterable

from switchyard.config.models.releases import Freeze
from switchyard.gates.rules.windows import OpenWindow, freezes_of, open_window
from switchyard.kube.api import BoundedApi


async def read_open_window(api: BoundedApi, freezes: Iterable[Freeze], key: str) -> OpenWindow | None:
    """The open freeze window of a service, or None. Without any window, the clock is not read.

    Args:
        api: API client of the cluster.
        freezes: the windows of the stack.
        key: key of the service.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    own = freezes_of(freezes, key)
    return open_window(own, await api.date()) if own else None
