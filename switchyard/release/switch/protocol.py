"""Interfaces of a switch or a rollback: what it needs besides the cluster, and its outcome."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.receipt import Receipt


@dataclass(frozen=True)
class SwitchOutcome:
    """The outcome of a switch or a rollback.

    Attributes:
        receipt: receipt of the switch.
        convergence: whether configuration and state have the colour that serves.
    """

    receipt: Receipt
    convergence: Convergence


@dataclass(frozen=True)
class SwitchSteps:
    """The steps of a switch or a rollback that the engine makes.

    Attributes:
        observe: reads the service again.
        warm: creates the pods of a retired version, and waits until they are ready.
        converge: updates configuration and state to the colour that serves, given the receipt.
        waited: whether the command has waited for another one, or for the operator, since it read the service.
    """

    observe: Callable[[], Awaitable[Observation]]
    warm: Callable[[Plan], Awaitable[None]]
    converge: Callable[[Receipt], Awaitable[Convergence]]
    waited: Callable[[], bool] = lambda: False
