"""The message that configuration or state could not be updated. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.release.engine.lock import is_locked
from switchyard.release.plan import Act
from switchyard.release.refusals import command


def not_converged(name: str, target: Colour, stack: str, why: str, *, config: bool) -> str:
    """Reports that the switch is done, but configuration or state could not be updated.

    Args:
        name: name of the service.
        target: the colour that serves.
        stack: name of the stack.
        why: the engine's own words.
        config: whether the configuration was updated, so that only the state is outdated.
    """
    later = f"pulumi up --stack {stack}" if config else f"{command(Act.SWITCH, name, target, stack)} --yes"
    lacking = "the state" if config else "the configuration and the state"
    return notice(
        Code.NOT_CONVERGED,
        key_of(name),
        f"{target} serves, but {lacking} of stack {stack} cannot be updated now: {why.strip()}",
        f"{when_writable(why)}: {later}",
    )


def when_writable(why: str) -> str:
    """The beginning of a remedy: the condition under which the state can be written again.

    Args:
        why: the engine's own words.
    """
    if is_locked(why):
        return f"When the other update has ended, or, if none runs, after `{typed('pulumi cancel')}`"
    return "When the state can be reached again"
