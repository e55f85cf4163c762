"""Updates the configuration and the state of a stack to the colour that already serves.

An update of the Service alone would be the obvious way, and the engine (3.250) ends it with "Duplicate resource URN":
the dependencies between the Service and the Deployments change with the active colour. So the selector
is read from the cluster into the state, without the program, and so are the weights where a load balancer switches.
Then an update writes the rest, the outputs and the order of the resources, and moves the autoscaler, which sizes the
colour that serves, if a preview finds that it would change nothing else: what else is in the configuration waits for
the operator.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from switchyard.config.commands import below
from switchyard.config.kubernetes import AUTOSCALING, NETWORKING
from switchyard.config.models.service import Colour
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError
from switchyard.gates.base import Warn
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.engine.lock import unlocked

AUTOSCALER_URN = f"$kubernetes:{AUTOSCALING}:HorizontalPodAutoscaler::{{key}}-autoscaler"
"""End of the URN of a service's autoscaler. A switch changes it too, because its target is the colour that serves."""

SERVICE_URN = "**::switchyard:service:*$kubernetes:core/v1:Service::{key}"
"""URN pattern of the Service that users reach, for any project and stack."""


INGRESS_URNS = tuple(
    f"**::switchyard:ingress:AlbIngress$kubernetes:{NETWORKING}:Ingress::*-{{key}}{end}" for end in ("", ".*")
)
"""URN patterns of the Ingresses of a service, whose weights a switch changes where the load balancer chooses."""


REMOVED = "is no longer in the configuration: it was removed, or has another key"
"""End of the problem of a service that the configuration lacks once its colour is to be written there."""


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


async def converge(
    engine: Engine,
    key: str,
    target: Colour,
    warn: Warn,
    *,
    config: bool,
    replicas: int | None = None,
    by_weights: bool = False,
) -> Convergence:
    """Writes the colour that serves to the configuration and to the state.

    Args:
        engine: engine of the stack.
        key: key of the service in the configuration.
        target: the colour that serves.
        warn: reports a wait for another update of the stack.
        config: whether the configuration has it already.
        replicas: number of its pods, if the configuration has none; None otherwise.
        by_weights: whether the load balancer chooses the colour of the service.
    """
    weighted = [key] if by_weights else ()
    return await converge_all(engine, {key: target}, warn, config=config, replicas={key: replicas}, weighted=weighted)


async def converge_all(
    engine: Engine,
    targets: Mapping[str, Colour],
    warn: Warn,
    *,
    config: bool,
    replicas: Mapping[str, int | None] = MappingProxyType({}),
    weighted: Collection[str] = (),
) -> Convergence:
    """Writes the colours that serve to the configuration and to the state, by one call of the engine each.

    Another update of the stack is waited for, see `switchyard.release.engine.lock`.

    Args:
        engine: engine of the stack.
        targets: the colour that serves, by the key of the service.
        warn: reports a wait for another update of the stack.
        config: whether the configuration has them already.
        replicas: number of the pods of a colour that serves, by the key of the service, where the configuration has
            none. Without it, the configuration would be invalid.
        weighted: services whose colour the load balancer chooses, so that the state needs their Ingresses too.
    """
    removed = [] if config else await asyncio.to_thread(removed_services, engine, targets)
    written = [SERVICE_URN.format(key=key) for key in targets]
    written += [urn.format(key=key) for key in targets if key in weighted for urn in INGRESS_URNS]
    try:
        if not config:
            values: dict[str, object] = {}
            for key, target in targets.items():
                if key in removed:
                    continue  # a service with nothing but its colour would be an error in the settings of the stack
                values[f"{below(SERVICES, key)}.active"] = target.value
                if (pods := replicas.get(key)) is not None:
                    values[f"{below(SERVICES, key)}.{target}.replicas"] = pods
            if values:
                await asyncio.to_thread(engine.change_config, values)
            config = not removed
        await unlocked(lambda: engine.refresh(*written), warn)
    except EngineError as error:
        return Convergence(config, state=False, problem=str(error))
    if removed:  # an update would delete what serves
        paths = ", ".join(below(SERVICES, key) for key in removed)
        return Convergence(config, state=True, problem=f"{paths} {REMOVED}")
    try:
        changes = tuple(await asyncio.to_thread(engine.preview))
        own = tuple(AUTOSCALER_URN.format(key=key) for key in targets)
        if not all(step.urn.endswith(own) for step in changes):
            return Convergence(config, state=True, waiting=changes)
        await unlocked(engine.up, warn)
    except EngineError as error:
        return Convergence(config, state=False, problem=str(error))
    return Convergence(config, state=True)


def removed_services(engine: Engine, keys: Iterable[str]) -> list[str]:
    """The services that somebody has removed from the configuration while a command runs, or given another key.

    Args:
        engine: engine of the stack.
        keys: keys of the services that the command works on.
    """
    present = engine.entries(SERVICES)
    return [] if present is None else [key for key in keys if key not in present]
