"""Warms a retired version before a rollback to it, by an update of its Deployment alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from switchyard.config.commands import below
from switchyard.config.kubernetes import APPS
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError, GateRefusedError
from switchyard.gates.base import Warn, raise_refusal
from switchyard.release.engine.convergence import REMOVED, removed_services
from switchyard.release.engine.engine import Engine
from switchyard.release.engine.lock import unlocked
from switchyard.release.plan import Observation, Plan
from switchyard.release.refusals import not_switched, refuse_changed, refuse_no_pods, refuse_not_warmed

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
        if await asyncio.to_thread(removed_services, engine, [key]):
            raise EngineError(f"{below(SERVICES, key)} {REMOVED}")
        await asyncio.to_thread(engine.change_config, values)
        await unlocked(lambda: engine.up(DEPLOYMENT_URN.format(key=key, colour=plan.target)), warn)
    except EngineError as error:
        raise GateRefusedError(str(refuse_not_warmed(plan, str(error)))) from None


async def warmed(
    plan: Plan,
    create: Callable[[Plan], Awaitable[None]],
    restore: Callable[[Plan], Awaitable[None]],
    observe: Callable[[], Awaitable[Observation]],
) -> Plan:
    """The plan with the service read again, once its target has pods that are ready.

    Args:
        plan: the plan of a command.
        create: creates the pods of a retired version, see `warm`.
        restore: creates the pods that somebody has removed by hand.
        observe: reads the service.

    Raises:
        GateRefusedError: another colour serves by now, or no pod is ready.
    """
    if plan.warm_tag is None:
        return plan
    await create(plan)
    await restore(plan)
    now = replace(plan, observation=await observe())
    if now.source.colour != plan.source.colour:
        raise GateRefusedError(str(refuse_changed(plan.observation.name, not_switched(plan))))
    raise_refusal(refuse_no_pods(now.observation, now.target, now.act, not_switched(plan)))
    return now
