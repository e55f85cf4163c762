"""Interfaces of a switch or a rollback: what it needs besides the cluster, and its outcome."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchyard.release.convergence import Convergence
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt import Receipt


@dataclass(frozen=True)
class Outcome:
    """The outcome of a switch or a rollback.

    Attributes:
        receipt: what was seen of the switch.
        convergence: whether configuration and state have the colour that serves.
    """

    receipt: Receipt
    convergence: Convergence


@dataclass(frozen=True)
class Steps:
    """The steps of a switch or a rollback that the engine makes.

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
