"""The message that configuration or state could not be updated. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.release.engine.convergence import REMOVED, Convergence
from switchyard.release.engine.lock import is_locked
from switchyard.release.plan import Act
from switchyard.release.refusals import command


def still_to_do(
    convergence: Convergence, name: str, target: Colour, stack: str, *, deploying: bool = False
) -> str | None:
    """What is still to be done after configuration and state were updated; None if that is nothing.

    Args:
        convergence: the outcome of the update.
        name: name of the service.
        target: the colour that serves.
        stack: name of the stack.
        deploying: see `not_converged`.
    """
    if (why := convergence.problem) is not None:
        return not_converged(name, target, stack, why, config=convergence.config, deploying=deploying)
    names = ", ".join(step.name for step in convergence.waiting)
    return f"Other changes of the configuration wait for `{typed('pulumi up')}`: {names}" if names else None


def not_converged(name: str, target: Colour, stack: str, why: str, *, config: bool, deploying: bool = False) -> str:
    """Reports that the switch is done, but configuration or state could not be updated.

    Args:
        name: name of the service.
        target: the colour that serves.
        stack: name of the stack.
        why: the engine's own words.
        config: whether the configuration was updated, so that only the state is outdated.
        deploying: whether a release by `deploy` runs, which updates both when it continues.
    """
    later = f"{command(Act.RESUME if deploying else Act.SWITCH, name, None if deploying else target, stack)} --yes"
    if config:
        later = f"pulumi up --stack {stack}"
    lacking = what_lacks(why, config=config)
    return notice(
        Code.NOT_CONVERGED,
        key_of(name),
        f"{target} serves, but {lacking} of stack {stack} cannot be updated now: {why.strip()}",
        remedy(why, later),
    )


def updated(key: str, target: str, stack: str) -> str:
    """Reports that configuration and state were updated later than the switch."""
    return f"{key}: configuration and state of stack {stack} are updated to {target}, which serves."


def what_lacks(why: str, *, config: bool) -> str:
    """What does not have the colour that serves.

    Args:
        why: the problem of the convergence.
        config: whether the configuration has it.
    """
    if config:
        return "the state"
    return "the configuration" if why.endswith(REMOVED) else "the configuration and the state"


def remedy(why: str, command: str) -> str:
    """How configuration and state get the colour that serves.

    Args:
        why: the problem of the convergence.
        command: the command that updates them once the state can be written again.
    """
    if why.endswith(REMOVED):
        return (
            "If that was not intended, put it back into the stack file, with the colour that serves as `active`. "
            f"Otherwise see what an update would delete: {typed('pulumi preview')}"
        )
    if is_locked(why):
        return f"When the other update has ended, or, if none runs, after `{typed('pulumi cancel')}`: {command}"
    return f"When the state can be reached again: {command}"
