"""What an open freeze window means for each command of a release.

`deploy`, `switch` and `drill` give traffic to another version, and `retire` deletes the old one, so they are refused.
`resume` is refused if it would do either. `resume` and `retire` may end a release whose old
colour serves again. `rollback` and `abort` are never refused, and do not check for a freeze.
"""

from collections.abc import Iterable

from switchyard.config.models.releases import Freeze
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.freeze import override_text, refuse_frozen
from switchyard.kube.api import BoundedApi
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord

BEFORE_SWITCH = frozenset({Phase.WARM, Phase.PROVE, Phase.SWITCH})
"""Phases from which a continued release would give traffic to the new version."""

TO_RETIREMENT = frozenset({Phase.BAKE, Phase.RETIRE})
"""Phases from which a continued release would retire the old colour."""


def is_stopped(act: Act, record: ReleaseRecord | None, serving: str) -> bool:
    """Whether an open window refuses a command.

    Args:
        act: the command.
        record: record of the release; None for a command that starts one.
        serving: the colour that serves.
    """
    if act in {Act.DEPLOY, Act.SWITCH, Act.DRILL}:
        return True
    if act not in {Act.RESUME, Act.RETIRE} or record is None:
        return act is Act.RETIRE
    if act is Act.RETIRE or record.phase in TO_RETIREMENT:
        return serving == record.target  # otherwise the old colour serves again, and the release ends as rolled back
    return record.phase in BEFORE_SWITCH and serving != record.target and record.override is None


async def pass_freeze(
    api: BoundedApi, freezes: Iterable[Freeze], key: str, step: str, override: str | None, command: str = ""
) -> str | None:
    """Refuses a command while a window is open, unless the operator overrides the freeze.

    Args:
        api: client of the API server, whose clock is used.
        freezes: the windows of the stack.
        key: key of the service.
        step: description of what the command does, for the refusal.
        override: the operator's reason to override the freeze; None without an override.
        command: the command that a refusal proposes with an override; empty for a command without that option.

    Returns:
        The text for the record about the override; None if it was not needed.

    Raises:
        GateRefusedError: a window is open, and the operator does not override it.
    """
    window = await read_open_window(api, freezes, key)
    if window is None:
        return None
    if override is None:
        raise_refusal(refuse_frozen(key, step, window, f'{command} --override "REASON"' if command else ""))
        return None
    return override_text(override, window)


def combined(earlier: str | None, later: str | None) -> str | None:
    """Combines two overrides of one release, in their order; None if there is none."""
    return "; ".join(text for text in (earlier, later) if text) or None
