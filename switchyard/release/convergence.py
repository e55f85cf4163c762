"""Updates the configuration and the state of a stack to the colour that already serves.

An update of the Service alone would be the obvious way, and the engine (3.250) ends it with "Duplicate resource URN":
the dependencies between the Service and the Deployments change with the active colour. So the selector
is read from the cluster into the state, without the program. Then an update writes the rest, the outputs and the order
of the resources, and moves the autoscaler, which sizes the colour that serves, if a preview finds that it would change
nothing else: what else is in the configuration waits for the operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from switchyard.config.commands import below
from switchyard.config.kubernetes import AUTOSCALING
from switchyard.config.models.service import Colour
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError
from switchyard.release.engine import Engine, Step

AUTOSCALER_URN = f"$kubernetes:{AUTOSCALING}:HorizontalPodAutoscaler::{{key}}-autoscaler"
"""End of the URN of a service's autoscaler. A switch changes it too, because its target is the colour that serves."""

SERVICE_URN = "**::switchyard:service:*$kubernetes:core/v1:Service::{key}"
"""URN pattern of the Service that users reach, for any project and stack."""


@dataclass(frozen=True)
class Convergence:
    """Whether the configuration and the state of the stack have the colour that serves.

    Attributes:
        config: whether the configuration has the colour that serves.
        state: whether the state has it.
        problem: the engine's message if one of them could not be updated; None otherwise.
        waiting: other changes of the configuration, which wait for the next `pulumi up`.
    """

    config: bool
    state: bool
    problem: str | None = None
    waiting: tuple[Step, ...] = ()

    @property
    def done(self) -> bool:
        """Whether both have the colour that serves."""
        return self.config and self.state


def converge(engine: Engine, key: str, target: Colour, *, config: bool) -> Convergence:
    """Writes the colour that serves to the configuration and to the state.

    Args:
        engine: engine of the stack.
        key: key of the service in the configuration.
        target: the colour that serves.
        config: whether the configuration has it already.
    """
    return converge_all(engine, {key: target}, config=config)


def converge_all(engine: Engine, targets: Mapping[str, Colour], *, config: bool) -> Convergence:
    """Writes the colours that serve to the configuration and to the state, by one call of the engine each.

    Args:
        engine: engine of the stack.
        targets: the colour that serves, by the key of the service.
        config: whether the configuration has them already.
    """
    try:
        if not config:
            engine.set_config({f"{below(SERVICES, key)}.active": target.value for key, target in targets.items()})
            config = True
        engine.refresh(*(SERVICE_URN.format(key=key) for key in targets))
    except EngineError as error:
        return Convergence(config, state=False, problem=str(error))
    try:
        changes = tuple(engine.preview())
        own = tuple(AUTOSCALER_URN.format(key=key) for key in targets)
        if not all(step.urn.endswith(own) for step in changes):
            return Convergence(config, state=True, waiting=changes)
        engine.up()
    except EngineError as error:
        return Convergence(config, state=False, problem=str(error))
    return Convergence(config, state=True)
