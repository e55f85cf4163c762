"""What a switch or a rollback needs besides the cluster, and what it returns."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchyard.release.convergence import Convergence
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt import Receipt


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        receipt: what was seen of the switch.
        convergence: how far configuration and state are.
    """

    receipt: Receipt
    convergence: Convergence


@dataclass(frozen=True)
class Steps:
    """What a command does besides, by the engine.

    Attributes:
        observe: reads the service anew.
        warm: creates the pods of a retired version, and waits until they are ready.
        converge: brings configuration and state to what serves, with the receipt known.
        waited: whether another command was waited for since the service was read.
    """

    observe: Callable[[], Awaitable[Observation]]
    warm: Callable[[Plan], Awaitable[None]]
    converge: Callable[[Receipt], Awaitable[Convergence]]
    waited: Callable[[], bool] = lambda: False
