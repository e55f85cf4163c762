"""Reads whether a window without releases is open: by the API server's clock, whatever the operator's says."""

from collections.abc import Iterable

from switchyard.config.models.releases import Freeze
from switchyard.gates.rules.windows import OpenWindow, freezes_of, open_window
from switchyard.kube.api import BoundedApi


async def read_open_window(api: BoundedApi, freezes: Iterable[Freeze], key: str) -> OpenWindow | None:
    """The window that is open for a service now; None without one, and without a window the clock is not asked.

    Args:
        api: of the cluster.
        freezes: the windows of the stack.
        key: key of the service.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    own = freezes_of(freezes, key)
    return open_window(own, await api.date()) if own else None
