"""Warms a retired version before a rollback to it, by an update of its Deployment alone."""

import asyncio

from switchyard.config.commands import below
from switchyard.config.kubernetes import APPS
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError, GateRefusedError
from switchyard.gates.base import Warn
from switchyard.release.engine.engine import Engine
from switchyard.release.engine.lock import unlocked
from switchyard.release.plan import Plan
from switchyard.release.refusals import refuse_not_warmed

DEPLOYMENT_URN = f"**::switchyard:service:*$kubernetes:{APPS}:Deployment::{{key}}-{{colour}}"
"""URN pattern of the Deployment of a colour, for any project and stack."""


async def warm(engine: Engine, plan: Plan, warn: Warn) -> None:
    """Creates the pods of the version with which a colour will serve, and waits until they are ready.

    Args:
        engine: engine of the stack.
        plan: the rollback.
        warn: reports a wait for another update of the stack.

    Raises:
        GateRefusedError: the engine failed to create them.
    """
    key, path = plan.observation.name.key, f"{below(SERVICES, plan.observation.name.key)}.{plan.target}"
    try:
        values = {f"{path}.tag": str(plan.warm_tag), f"{path}.replicas": plan.source.wanted}
        await asyncio.to_thread(engine.change_config, values)
        await unlocked(lambda: engine.up(DEPLOYMENT_URN.format(key=key, colour=plan.target)), warn)
    except EngineError as error:
        raise GateRefusedError(str(refuse_not_warmed(plan, str(error)))) from None
