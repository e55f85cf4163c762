"""Refusals of a drill, with their remedies. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import below, set_value, typed
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.kube.clock import to_text
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import baked_until
from switchyard.release.record.text import finishing, unfinished
from switchyard.release.refusals import UNTOUCHED, command


def refuse_unsettled(
    observation: Observation, current: ReleaseRecord | None, beneath: ReleaseRecord | None = None
) -> Refusal | None:
    """Refuses a drill during a release, or if the configuration has another colour than the one that serves.

    Args:
        observation: observation of the service.
        current: latest release of the service; None without one. An unfinished drill is not refused here.
        beneath: the release that the latest one was to replace, if its command was killed before that; None otherwise.
    """
    key, serving = key_of(observation.name), observation.serving
    if current is not None and current.running and current.kind != Act.DRILL:
        observed = unfinished(current)
        remedy = _finishing(current, observation, beneath)
    elif observation.settings.active != serving:
        active = observation.settings.active
        observed = f"the configuration has {active} as the active colour, and {serving} serves"
        remedy = f"Update the configuration to the colour that serves: {command(Act.SWITCH, observation.name, serving)}"
    else:
        return None
    return Refusal(
        code=Code.DRILL_NOT_SETTLED,
        step=f"{key}: the drill",
        observed=observed,
        rule="a drill must not interfere with a release",
        remedy=f"{UNTOUCHED} {observation.what_serves} {remedy}",
    )


def refuse_rolled_back(observation: Observation, version: RolledBack | None) -> Refusal | None:
    """Refuses a drill to a version that was rolled back.

    Args:
        observation: observation of the service.
        version: the rollback of the other colour's version; None when it was not rolled back.
    """
    if version is None:
        return None
    return Refusal(
        code=Code.DRILL_OF_ROLLED_BACK,
        step=f"{key_of(observation.name)}: the drill",
        observed=f"{version.colour} {version.tag} {version.described}",
        rule="a drill does not send users to a version that was rolled back",
        remedy=(
            f"{UNTOUCHED} {observation.what_serves} Drill when another version is warm in {version.colour}. When it "
            f"was rolled back: {typed(f'switchyard history {key_of(observation.name)}')}"
        ),
    )


def refuse_not_warm(plan: Plan) -> Refusal | None:
    """Refuses a drill when a rollback would have to warm its version first.

    Args:
        plan: plan of the rollback that the drill would do.
    """
    if plan.warm_tag is None:
        return None
    path = f"{below(SERVICES, key_of(plan.observation.name))}.{plan.target}"
    settings = (
        set_value(f"{path}.tag", plan.warm_tag, text=True),
        set_value(f"{path}.replicas", plan.source.wanted),
        typed("pulumi up"),
    )
    return Refusal(
        code=Code.DRILL_NOTHING_WARM,
        step=f"{key_of(plan.observation.name)}: the drill",
        observed=f"the version that served before, {plan.target} {plan.warm_tag}, is not warm ({plan.to})",
        rule="a drill measures a rollback that only changes the selector",
        remedy=f"{UNTOUCHED} {plan.observation.what_serves} To warm it: {' && '.join(settings)}",
    )


def not_back(name: str, target: str, source: str, why: str) -> str:
    """Reports that a drill has switched and has not switched back.

    Args:
        name: name of the service.
        target: the colour and the version that serve.
        source: the colour and the version that served before the drill.
        why: the reason.
    """
    key = key_of(name)
    return notice(
        Code.DRILL_NOT_BACK,
        key,
        f"the drill has not switched back to {source}, and {target} serves: {why.strip().removesuffix('.')}",
        f"To go back: {typed(f'switchyard drill {key}')}. Or: {typed(f'switchyard rollback {key}')}",
    )


def _finishing(record: ReleaseRecord, observation: Observation, beneath: ReleaseRecord | None) -> str:
    """The remedy that ends a release, so that a drill is possible."""
    key = record.service
    if record.kind != Act.DEPLOY:
        return f"Finish it: {finishing(record, observation.serving, beneath)}"
    back = f"Or abort it: {typed(f'switchyard abort {key}')}"
    until = baked_until(record, observation.settings.release.bake_seconds)
    if record.phase != Phase.BAKE or record.held or until is None:
        return f"Finish it: {typed(f'switchyard resume {key}')}. {back}"
    pods = set_value(
        f"{below(SERVICES, key)}.{record.source}.replicas", observation.colours[observation.serving].wanted
    )
    return (
        f"It bakes until {to_text(until)}, and a drill is possible once it has ended. To end it then, or now: "
        f"{typed(f'switchyard retire {key}')}. That deletes the pods of {record.source}, which a drill goes to; to "
        f"warm them again, and drill: {pods} && {typed('pulumi up')} && {typed(f'switchyard drill {key}')}. {back}"
    )
