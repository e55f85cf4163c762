"""Refusals of a release by `switchyard deploy`, with their remedies. Pure functions."""

import shlex
from collections.abc import Iterable

from switchyard.codes import Code
from switchyard.config.commands import below, set_value, typed
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.config.types.rules import broken_rule
from switchyard.config.types.values import Tag
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.engine.engine import Step
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Observation
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.text import again, described, finishing, unfinished
from switchyard.release.refusals import UNTOUCHED


def see_others() -> str:
    """The remedy if the update that deletes pods would change something else.

    It does not propose the update, which nobody has reviewed and which may create the pods of an aborted release.
    """
    return f"See the other changes: {typed('pulumi preview')}"


def _impossible(key: str, tag: str, rule: str) -> Refusal:
    return Refusal(
        code=Code.TAG_IMPOSSIBLE,
        step=f"{key}: the deploy",
        observed=f"{tag!r} is not an image tag or digest",
        rule=rule,
        remedy=f"{UNTOUCHED} For example: {typed(f'switchyard deploy {key} v2.1.0')}",
    )


def refuse_serves(observation: Observation, tag: str) -> Refusal | None:
    """Refuses to release the version that serves."""
    serving = observation.colours[observation.serving]
    if serving.tag != tag:
        return None
    return Refusal(
        code=Code.VERSION_SERVES,
        step=f"{key_of(observation.name)}: the deploy of {tag}",
        observed=f"it serves already ({serving})",
        rule="there is nothing to release",
        remedy=(
            f"{UNTOUCHED} What is configured and what serves: {typed('switchyard status')}. To release it with other "
            f"settings, set them under {_idle_path(observation)}, and then: {_warm_and_switch(observation, tag)}"
        ),
    )


def _idle_path(observation: Observation) -> str:
    return f"{below(SERVICES, key_of(observation.name))}.{observation.serving.other}"


def _warm_and_switch(observation: Observation, tag: str) -> str:
    """The commands that create the pods of a version in the idle colour, and switch to it."""
    path, replicas = _idle_path(observation), observation.colours[observation.serving].wanted
    sets = f"{set_value(f'{path}.tag', tag, text=True)} && {set_value(f'{path}.replicas', replicas)}"
    switch = typed(f"switchyard switch {key_of(observation.name)} {observation.serving.other}")
    return f"{sets} && {typed('pulumi up')} && {switch}"


def refuse_unfinished(record: ReleaseRecord | None, key: str, serving: Colour) -> Refusal | None:
    """Refuses a release while another one has not ended.

    Args:
        record: record of the latest release; None without one.
        key: key of the service.
        serving: the colour that serves.
    """
    if record is None or not record.running:
        return None
    if record.kind == Act.DEPLOY:
        back = f"Or abort it: {typed(f'switchyard abort {key}')}"
        remedy = f"To continue: {typed(f'switchyard resume {key}')}. {back}"
        if record.phase == "bake":
            remedy = f"End it: {typed(f'switchyard retire {key}')}. {back}"
    else:
        remedy = f"Finish it: {finishing(record, serving)}"
    return Refusal(
        code=Code.RELEASE_UNFINISHED,
        step=f"{key}: the deploy",
        observed=unfinished(record),
        rule="a service has one release at a time",
        remedy=f"{UNTOUCHED} {remedy}",
    )


def refuse_no_release(record: ReleaseRecord | None, key: str, act: Act) -> Refusal | None:
    """Refuses to continue, abort or retire a release that does not run."""
    if record is not None and record.running and record.kind == Act.DEPLOY:
        return None
    if record is None:
        observed = "it has no release"
    elif record.running:
        observed = f"its last release is {described(record)}, which `{again(record)}` finishes"
    else:
        observed = f"its last release, {described(record)}, has ended ({record.result})"
    return Refusal(
        code=Code.NO_RELEASE_RUNS,
        step=f"{key}: {act}",
        observed=observed,
        rule="only a release by `switchyard deploy` that has not ended can be continued or aborted",
        remedy=f"{UNTOUCHED} See: {typed(f'switchyard history {key}')}",
    )


def refuse_returned(observation: Observation, tag: str, version: RolledBack) -> Refusal:
    """Refuses to release a version that was rolled back."""
    key, idle = key_of(observation.name), observation.colours[observation.serving.other]
    is_warm = idle.tag == tag and idle.wanted
    switch = typed(f"switchyard switch {key} {idle.colour}")
    anyway = switch if is_warm else _warm_and_switch(observation, tag)
    return Refusal(
        code=Code.VERSION_ROLLED_BACK,
        step=f"{key}: the deploy of {tag}",
        observed=f"it {version.described}",
        rule="a version that was rolled back does not return unless an operator asks for it",
        remedy=f"{UNTOUCHED} {observation.what_serves} To have it serve anyway: {anyway}",
    )


def refuse_others(key: str, colour: Colour, tag: str | None, steps: Iterable[Step]) -> Refusal:
    """Refuses a release whose preview would change more than its colour.

    Args:
        key: key of the service.
        colour: the colour that is warmed, or whose pods are deleted.
        tag: tag of the version; None if the pods of the colour are deleted.
        steps: the other changes.
    """
    again = see_others()
    if tag is not None:
        deploy = typed(f"switchyard deploy {key} {shlex.quote(tag)}")
        again = f"First: {typed('pulumi up')}. Then: {deploy}"
    changes = ", ".join(f"{step.name} ({step.op})" for step in steps)
    return Refusal(
        code=Code.OTHER_CHANGES_PENDING,
        step=f"{key}: the release",
        observed=f"an update would change more than {colour}: {changes}",
        rule="a release changes only the idle colour of its own service",
        remedy=f"Nothing was changed, and the configuration is as before. {again}",
    )


def refuse_unread(record: ReleaseRecord, observation: Observation, unread: str) -> Refusal:
    """Refuses to retire a colour for which an error hides whether it still gets requests."""
    observed = f"it was not seen whether {record.source} still gets requests: {unread}"
    return refuse_requests(record, observation, observed, "To read it again")


def refuse_requests(
    record: ReleaseRecord, observation: Observation, used: str, next_try: str = "When its clients have gone"
) -> Refusal:
    """Refuses to retire a colour that still gets requests."""
    key = record.service
    path = f"{below(SERVICES, key)}.{record.source}.replicas"
    return Refusal(
        code=Code.OLD_COLOUR_IN_USE,
        step=f"{key}: the retirement of {record.source}",
        observed=used,
        rule="a colour is retired when it gets no more requests",
        remedy=(
            f"{observation.what_serves} Its pods stay. {next_try}: "
            f"{typed(f'switchyard retire {key}')}. To retire it anyway: {set_value(path, 0)} && " + typed("pulumi up")
        ),
    )


def refuse_retirement(record: ReleaseRecord, observation: Observation, *, configured: bool) -> Refusal | None:
    """Refuses to retire a colour that serves again, or is to do so, because somebody else has changed that.

    Args:
        record: record of the release.
        observation: the service on the cluster.
        configured: whether the configuration has the new colour as the one that serves.
    """
    key, old = record.service, record.source
    if observation.serving == old:
        observed, rule = f"{old} serves again", "a colour that serves is not retired"
        remedy = f"To end the release as rolled back: {typed(f'switchyard resume {key}')}"
    elif record.configured and not configured:
        path = f"{below(SERVICES, key)}.active"
        observed = f"{path} was changed to {old} after the release had set it to {record.target}"
        rule = "a colour that is configured to serve is not retired"
        back = f"To roll back to {old}: {typed(f'switchyard rollback {key}')}, or {typed('pulumi up')}"
        onward = f"{set_value(path, record.target)} && {typed(f'switchyard retire {key}')}"
        remedy = f"{back}. To keep {record.target}, and retire {old}: {onward}"
    else:
        return None
    return Refusal(
        code=Code.OLD_COLOUR_IN_USE,
        step=f"{key}: the retirement of {old}",
        observed=observed,
        rule=rule,
        remedy=f"{observation.what_serves} Its pods stay. {remedy}",
    )


def refuse_impossible_tag(key: str, tag: str) -> Refusal | None:
    """Refuses a tag or digest that is not valid in any registry."""
    rule = broken_rule(Tag, tag)
    return None if rule is None else _impossible(key, tag, rule)


def abort_incomplete(record: ReleaseRecord, why: str) -> str:
    """Reports that an abort could not remove the pods or the configuration of the new version.

    Args:
        record: record of the release.
        why: message of the engine or of a gate.
    """
    replicas = f"{below(SERVICES, record.service)}.{record.target}.replicas"
    return notice(
        Code.ABORT_INCOMPLETE,
        "",
        f"Configuration or pods of {record.target} are left as they are: {why.strip().removesuffix('.')}",
        f"They get no traffic. Once that is repaired: {set_value(replicas, 0)} && {typed('pulumi up')}",
    )


def report_unrecorded(record: ReleaseRecord, serving: str | None, why: str, by_hand: str) -> str:
    """Reports that the result of a rollback could not be recorded.

    Args:
        record: record of the release.
        serving: the colour that serves; None where it cannot be read.
        why: why the rollback or the record failed.
        by_hand: the commands that have the old version serve without a record.
    """
    version, key = f"{record.tag} in {record.target}", record.service
    later = ""
    if serving == record.source:
        outcome, serves = "is rolled back, and the record cannot be written", f"{serving} serves again."
    else:
        later = f". If that takes too long, switch by hand, and abort it later: {by_hand}"
        outcome = "is to be rolled back, and that is not done"
        serves = f"{serving} serves." if serving else f"What serves cannot be read; {record.target} may still serve."
    return notice(
        Code.ROLLBACK_UNRECORDED,
        key,
        f"{version} {outcome}: {why.strip().removesuffix('.')}",
        f"{serves} As soon as the API server takes writes again: {typed(f'switchyard abort {key}')}{later}",
    )


def report_progress_unrecorded(record: ReleaseRecord, serving: str, why: str) -> str:
    """Reports that the present phase, the hold or the end of a release could not be recorded.

    Args:
        record: the record that could not be written.
        serving: the colour that serves.
        why: the error of the API server.
    """
    key, tag = record.service, record.tag if serving == record.target else record.from_tag
    back = "" if record.phase is Phase.RETIRE else f", or {typed(f'switchyard abort {key}')} (reverts it)"
    return notice(
        Code.RELEASE_UNRECORDED,
        key,
        f"phase {record.phase} of the release of {record.tag} cannot be recorded: {why.strip().removesuffix('.')}",
        f"{serving} {tag or ''}".rstrip()
        + f" serves. Once it can be recorded: {typed(f'switchyard resume {key}')} (continues){back}",
    )


def no_abort(record: ReleaseRecord, why: str) -> str:
    """The message that a release can no longer be aborted, because its old version is being retired.

    Args:
        record: record of the release.
        why: the reason.
    """
    key = record.service
    return (
        f"{key}: {why}. {UNTOUCHED} To continue: {typed(f'switchyard resume {key}')}. To have "
        f"{record.from_tag or record.source} serve again, which warms its pods first: "
        + typed(f"switchyard rollback {key}")
    )


def no_retirement(record: ReleaseRecord, phase: Phase) -> str:
    """The message that the old colour of a release is not retired before the bake.

    Args:
        record: record of the release.
        phase: its phase, by what serves.
    """
    key, version = record.service, f"{record.tag} in {record.target}"
    onward = "" if record.has_failed_watch else f"To continue: {typed(f'switchyard resume {key}')}. "
    return (
        f"{key}: the release of {version} is in phase {phase}, and only one whose watch has passed is retired. "
        f"{UNTOUCHED} {onward}To abort it: {typed(f'switchyard abort {key}')}"
    )
