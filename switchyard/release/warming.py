"""Warms a retired version before a rollback to it: by an update of its Deployment alone."""

import shlex

from switchyard.codes import Code
from switchyard.config.commands import below, set_value
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError, GateRefusedError
from switchyard.gates.rules.refusal import Refusal
from switchyard.manifests.labels import colour_name
from switchyard.release.engine import Engine
from switchyard.release.plan import Plan

DEPLOYMENT_URN = "**::switchyard:service:*$kubernetes:apps/v1:Deployment::{key}-{colour}"
"""The Deployment of a colour, whatever the names of project and stack."""


def warm(engine: Engine, plan: Plan) -> None:
    """Gives a colour the version and the pods that it is to serve with, and waits until they are ready.

    Raises:
        GateRefusedError: the engine does not do so.
    """
    key, path = plan.observation.name.key, f"{below(SERVICES, plan.observation.name.key)}.{plan.target}"
    try:
        engine.set_config({f"{path}.tag": str(plan.warm_tag), f"{path}.replicas": plan.source.wanted})
        engine.up(DEPLOYMENT_URN.format(key=key, colour=plan.target))
    except EngineError as error:
        raise GateRefusedError(str(refuse_not_warmed(plan, str(error)))) from None


def refuse_not_warmed(plan: Plan, why: str) -> Refusal:
    """Refuses a rollback to a retired version whose pods the engine does not create."""
    name, namespace = plan.observation.name, plan.observation.settings.namespace
    path = f"{below(SERVICES, key_of(name))}.{plan.target}"
    by_hand = (
        f"kubectl -n {namespace} scale deployment {colour_name(name, plan.target)} --replicas={plan.source.wanted}"
    )
    remedy = (
        f"Its Deployment still has that version. Without the state: {by_hand}"
        if plan.to.tag == plan.warm_tag
        else f"Then: {set_value(f'{path}.tag', shlex.quote(str(plan.warm_tag)), text=True)} && pulumi up"
    )
    return Refusal(
        code=Code.NOT_WARMED,
        step=f"{key_of(name)}: the rollback to {plan.target} {plan.warm_tag}",
        observed=f"its pods are not ready: {why.strip()}",
        rule="a version without ready pods would answer nobody",
        remedy=(
            f"The Service was not changed. {plan.observation.what_serves} {remedy}, and when its pods are ready: "
            f"switchyard rollback {key_of(name)}"
        ),
    )
