"""One server for all resource hooks of a run.

The engine calls a resource hook through a gRPC server in this program. The SDK (3.250.0) intends to start one for all
hooks. It stores the server in a context variable, but each hook registers in a task with a context of its own, whose
changes are lost. So every hook starts another server, to which the engine opens another connection. That was 616
servers at 100 services, and with a limit of 180 open files a preview of 25 services failed (ADR 27).
"""

from pulumi.runtime.settings import SETTINGS, _get_callbacks
from pulumi.runtime.sync_await import _sync_await


def share_callback_server() -> None:
    """Starts the server before the first hook, in the context that the tasks of all hooks inherit."""
    # The SDK has no public call for this: its transforms start the server in a task as well.
    SETTINGS.callbacks = _sync_await(_get_callbacks())
