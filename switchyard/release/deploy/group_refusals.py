"""Refusals of releasing several services together, and messages about their outcomes: pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.gates.rules.refusal import Refusal
from switchyard.release.deploy.protocol import Ended
from switchyard.release.deploy.refusals import see_others
from switchyard.release.engine.engine import Step
from switchyard.release.phases import Event, Phase
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.refusals import UNTOUCHED

EVENTS = {
    Event.BREACHED: "is rolled back",
    Event.REFUSED: "was refused",
    Event.FAILED: "has failed",
    Event.NO_VERDICT: "is undecided",
}
"""The outcome of another service as text, by the event that ended it."""

PAIR = re.compile(r"[^=]+=[^=]+")
"""Pattern of an argument with a service and its version."""


def report_other(key: str, ended: Ended) -> str:
    """The reason why a release does not continue: the outcome of another service of its group.

    Args:
        key: key of the other service.
        ended: outcome of the other service.
    """
    became = EVENTS.get(ended.event, "this command no longer releases")
    reason, *_ = (ended.detail or "").strip().splitlines() or ["see its history"]
    return f"released together with {key}, which {became}: {reason.removesuffix('.')} ({Code.NOT_RELEASED_ALONE})"


def refuse_pairs(words: Sequence[str], *, together: bool) -> Refusal | None:
    """Refuses arguments of `deploy` that are neither one service and its tag nor several, each with its tag.

    Args:
        words: the arguments.
        together: whether --together is given.
    """
    tags = {name: tag for name, _, tag in (word.partition("=") for word in words)}
    pairs = " ".join(f"{name or 'SERVICE'}={'TAG' if '=' in tag or not tag else tag}" for name, tag in tags.items())
    several = "For all of them: " + typed(f"switchyard deploy {pairs} --together")
    if not any(PAIR.fullmatch(word) for word in words):
        service, tag, *more = (words[0].partition("=")[0], "TAG") if len(words) == 1 else words
        observed = (
            f"more is named: {' '.join(more)}" if more else "--together is given" if together else "no tag is named"
        )
        remedy = "For this service alone: " + typed(f"switchyard deploy {service} {tag}")
    elif not together:
        observed, remedy = "several services are named, or one with its tag in one word", several
    elif untagged := [word for word in words if not PAIR.fullmatch(word)]:
        observed, remedy = f"no tag is named for {', '.join(untagged)}", several
    elif len(tags) < len(words):
        names = [word.partition("=")[0] for word in words]
        observed = f"{', '.join(name for name in tags if names.count(name) > 1)} is named twice"
        remedy = several
    elif len(words) == 1:
        observed = "one service is named"
        [(service, tag)] = tags.items()
        remedy = "For this service alone: " + typed(f"switchyard deploy {service} {tag}")
    else:
        return None
    return Refusal(
        code=Code.DEPLOY_TOGETHER,
        step=f"{', '.join(words)}: the deploy",
        observed=observed,
        rule="a deploy releases one service, as SERVICE TAG, or with --together several, each once, as SERVICE=TAG",
        remedy=f"{UNTOUCHED} {remedy}",
    )


def refuse_others_together(changes: Mapping[str, str], steps: Iterable[Step], *, removes: bool) -> Refusal:
    """Refuses a group whose preview would change more than the idle colours of a group.

    Args:
        changes: the colour that is warmed, by the key of the service.
        steps: the other changes.
        removes: whether the colours lose their pods.
    """
    again = see_others() if removes else f"First: {typed('pulumi up')}. Then run the command again"
    others = ", ".join(f"{step.name} ({step.op})" for step in steps)
    colours = ", ".join(f"{key} {colour}" for key, colour in changes.items())
    return Refusal(
        code=Code.OTHER_CHANGES_PENDING,
        step=f"{', '.join(changes)}: the release",
        observed=f"an update would change more than {colours}: {others}",
        rule="a release changes only the idle colours of its services",
        remedy=f"Nothing was changed, and the configuration is as before. {again}",
    )


def refuse_incomplete(record: ReleaseRecord, missing: Mapping[str, str]) -> Refusal | None:
    """Refuses to continue with a part of a group.

    Args:
        record: record of the named service.
        missing: the services that have left the group, with the reason.
    """
    if not missing:
        return None
    key = record.service
    alone = f". Or release {key} without the others: {typed(f'switchyard switch {key} {record.target}')}"
    return Refusal(
        code=Code.GROUP_INCOMPLETE,
        step=f"{key}: {Act.RESUME}",
        observed="; ".join(f"{other} {why}" for other, why in missing.items()),
        rule=f"{', '.join(record.together)} are released together, or none of them",
        remedy=(
            f"{UNTOUCHED} To abort: {typed(f'switchyard abort {key}')}"
            + ("" if record.phase is Phase.WARM else alone)  # which may have no pods yet
        ),
    )


def refuse_undecided(record: ReleaseRecord, undecided: Mapping[str, str]) -> Refusal | None:
    """Refuses to retire an old version while the watch of another service of the group has not passed.

    Args:
        record: record of the named service.
        undecided: phases of the services whose watch has not passed, by key.
    """
    if not undecided:
        return None
    key = record.service
    return Refusal(
        code=Code.GROUP_INCOMPLETE,
        step=f"{key}: {Act.RETIRE}",
        observed="; ".join(f"{other} is in phase {phase}" for other, phase in undecided.items()),
        rule=f"no old version of {', '.join(record.together)} is retired before all of their watches have passed",
        remedy=(
            f"{UNTOUCHED} To continue: {typed(f'switchyard resume {key}')}. To abort: "
            f"{typed(f'switchyard abort {key}')}"
        ),
    )
