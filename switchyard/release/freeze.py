"""What a window without releases means for each command of a release.

`deploy`, `switch` and `drill` give traffic to another version, and `retire` takes the old one away: they are refused.
So is `resume`, where it would do one of both. `rollback` and `abort` never are, and never ask.
"""

from collections.abc import Iterable

from switchyard.config.models.releases import Freeze
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.freeze import override_text, refuse_frozen
from switchyard.kube.api import BoundedApi
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release.record import ReleaseRecord

BEFORE_SWITCH = frozenset({Phase.WARM, Phase.PROVE, Phase.SWITCH})
"""Phases from which a release that goes on would give traffic to the new version."""

TO_RETIREMENT = frozenset({Phase.BAKE, Phase.RETIRE})
"""Phases from which a release that goes on would retire the old colour."""


def is_stopped(act: Act, record: ReleaseRecord | None, serving: str) -> bool:
    """Whether a command is one that an open window stops.

    Args:
        act: the command.
        record: record of the release that it is about; None where it begins one.
        serving: the colour that serves.
    """
    if act in {Act.DEPLOY, Act.SWITCH, Act.DRILL, Act.RETIRE}:
        return True
    if act is not Act.RESUME or record is None:
        return False
    goes_to_switch = record.phase in BEFORE_SWITCH and serving != record.target
    return record.phase in TO_RETIREMENT or (goes_to_switch and record.override is None)


async def pass_freeze(
    api: BoundedApi, freezes: Iterable[Freeze], key: str, step: str, override: str | None, command: str = ""
) -> str | None:
    """Lets a command pass when no window is open, or when the operator overrides it.

    Args:
        api: of the cluster, whose clock is asked.
        freezes: the windows of the stack.
        key: key of the service.
        step: what the command does, in words.
        override: why it goes through all the same, in the operator's words; None where it does not.
        command: the same command, which a refusal proposes with an override; empty for one that takes none.

    Returns:
        What the record is to have of the override; None where there was no need for one.

    Raises:
        GateRefusedError: a window is open, and nothing overrides it.
    """
    window = await read_open_window(api, freezes, key)
    if window is None:
        return None
    if override is None:
        raise_refusal(refuse_frozen(key, step, window, f'{command} --override "REASON"' if command else ""))
        return None
    return override_text(override, window)


def combined(earlier: str | None, later: str | None) -> str | None:
    """Both overrides of one release, in their order; None for none."""
    return "; ".join(text for text in (earlier, later) if text) or None
