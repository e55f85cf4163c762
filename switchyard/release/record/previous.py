"""Determines the version to which a rollback returns, from the record of earlier releases. Pure functions."""

from dataclasses import dataclass, replace
from typing import Protocol

from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.incompatible_version import RecordedRelease
from switchyard.release.plan import Act, Observation
from switchyard.release.refusals import UNTOUCHED, refuse_nothing_before

RUNNING = "running"
SUCCEEDED = "succeeded"


class Recorded(RecordedRelease, Protocol):
    """The part of a release's record that is needed to find the previous version."""

    @property
    def started(self) -> str:
        """Start of the release."""

    @property
    def has_switched(self) -> bool:
        """Whether the new version of a deploy has served."""


@dataclass(frozen=True)
class Previous:
    """The target of a rollback.

    Attributes:
        colour: the colour that served before.
        tag: the version that it served; None if no record has it.
        patch: whether the selector has to be changed; otherwise an earlier, unfinished rollback has done so. Weights
            that it has not written are no part of this.
    """

    colour: Colour
    tag: str | None = None
    patch: bool = True


def previous(observation: Observation, last: Recorded | None, *, converged: bool) -> Previous | Refusal:
    """The colour and version that served before those that serve now.

    Args:
        observation: observation of the service.
        last: the record of the latest release; None without one.
        converged: whether the configuration has the colour that serves.
    """
    serving = observation.serving
    if last is None:
        return _unrecorded(observation)
    if last.result == "refused":
        if observation.colours[observation.serving.other].tag == last.tag:
            reason = f"{last.tag} in {last.target} was refused ({last.started}, {last.actor}), and has never served"
            return refuse_nothing_before(observation, reason)
        return _after_update(observation, Colour(last.source), last.from_tag)
    if last.kind == Act.DRILL:
        return _of_drill(last, serving)
    if last.kind == Act.ROLLBACK and last.target == serving:
        # Otherwise a second `rollback` would return to the version that the first one has rolled back.
        if last.result == RUNNING or not converged or not observation.is_at(serving):
            return Previous(serving, patch=False)
        reason = f"it was rolled back from {last.source} to {last.target} already ({last.started}, {last.actor})"
        return refuse_nothing_before(observation, reason)
    if last.target == serving:
        return Previous(Colour(last.source), last.from_tag)
    if last.result == SUCCEEDED:
        return _after_update(observation, Colour(last.target), last.tag)
    return _not_replaced(observation, last)


def _not_replaced(observation: Observation, last: Recorded) -> Previous | Refusal:
    """The refusal after a release whose new version does not serve, or serves no longer.

    Where the rollback by a deploy has changed the selector, and not the weights of the load balancer, it is completed.
    """
    serving, release = observation.serving, f"the last release, to {last.target} ({last.started}, {last.actor})"
    is_deploying = (last.kind, last.result) == (Act.DEPLOY, RUNNING)
    if is_deploying and last.source == serving and not observation.is_at(serving):
        return Previous(serving, patch=False)
    if is_deploying and last.has_switched:
        reason = f"{release}, was rolled back to {serving} already, and has not ended: its hooks may still run"
        return _with_status(refuse_nothing_before(observation, reason), observation)
    reason = f"{release}, {_outcome(last.result)}, and {serving} has served since before it"
    refusal = refuse_nothing_before(observation, reason)
    return _with_abort(refusal, observation) if is_deploying else refusal


def _with_status(refusal: Refusal, observation: Observation) -> Refusal:
    """The refusal after the rollback of a deploy that has not ended, with the commands that show and end it."""
    status, resume = typed("switchyard status"), typed(f"switchyard resume {key_of(observation.name)}")
    ends = f"What it does: {status}. If no command runs it, this ends it as rolled back: {resume}"
    return replace(refusal, remedy=f"{UNTOUCHED} {observation.what_serves} {ends}")


def _with_abort(refusal: Refusal, observation: Observation) -> Refusal:
    """The refusal during a deploy that has not switched, with the command that aborts it."""
    abort = typed(f"switchyard abort {key_of(observation.name)}")
    purpose = "To abort the deploy, after which a rollback goes to the version that served before"
    return replace(refusal, remedy=f"{UNTOUCHED} {observation.what_serves} {purpose}: {abort}")


def _of_drill(last: Recorded, serving: Colour) -> Previous:
    """The target of a rollback during a drill: the colour that served before the drill, or the other one."""
    if last.target == serving:
        return Previous(Colour(last.source), last.from_tag)
    return Previous(Colour(last.target), last.tag)


def _after_update(observation: Observation, colour: Colour, tag: str | None) -> Previous | Refusal:
    """The target after a switch by `pulumi up` since the last release, which no record has.

    Args:
        observation: observation of the service.
        colour: the colour that served by the last release.
        tag: the version that it served; None if no record has it.
    """
    other = observation.colours[observation.serving.other]
    if tag is None or (other.colour, other.tag) != (colour, tag):
        return _unrecorded(observation)
    return Previous(colour, tag)


def _unrecorded(observation: Observation) -> Previous | Refusal:
    """The target without a record of what served before: the other colour, if the Service was switched away from it.

    Where the cluster does not show that, the other colour may only have been warmed, and no gate has tested it.
    """
    serving, other = (observation.colours[colour] for colour in (observation.serving, observation.serving.other))
    if not other.wanted:
        reason = f"{other.colour} has no pods, and no record says which version served before"
        return refuse_nothing_before(observation, reason)
    if observation.has_replaced:
        return Previous(other.colour, other.tag)
    reason = (
        f"no record says which version served before {serving.colour} {serving.tag}, and {other.colour} {other.tag} "
        "may never have served"
    )
    return refuse_nothing_before(observation, reason)


def _outcome(result: str) -> str:
    return {RUNNING: "has not switched", "rolledBack": "was rolled back"}.get(result, f"ended as {result}")
