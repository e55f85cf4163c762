"""What is said where configuration or state do not have the colour that serves yet. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.release.engine_lock import is_locked
from switchyard.release.plan import Act
from switchyard.release.refusals import command


def not_converged(name: str, target: Colour, stack: str, why: str, *, config: bool) -> str:
    """Reports that the switch is done, and that configuration or state do not have it yet.

    Args:
        name: name of the service.
        target: the colour that serves.
        stack: name of the stack.
        why: the engine's own words.
        config: whether the configuration has it, so that only the state lacks it.
    """
    later = f"pulumi up --stack {stack}" if config else f"{command(Act.SWITCH, name, target, stack)} --yes"
    lacking = "the state" if config else "the configuration and the state"
    return notice(
        Code.NOT_CONVERGED,
        key_of(name),
        f"{target} serves, but {lacking} of stack {stack} cannot be brought to it now: {why.strip()}",
        f"{when_writable(why)}: {later}",
    )


def when_writable(why: str) -> str:
    """When the state of a stack can be written again, as the beginning of a remedy.

    Args:
        why: the engine's own words.
    """
    if is_locked(why):
        return f"When the other update has ended, or, if none runs, after `{typed('pulumi cancel')}`"
    return "When the state can be reached again"
