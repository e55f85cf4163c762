"""Checks for a freeze immediately before the switch of a release."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from switchyard.config.models.releases import Freeze
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.freeze import override_text, refuse_frozen_release
from switchyard.kube.api import BoundedApi
from switchyard.release.deploy.hooks import ReleaseHooks, Settled, Step
from switchyard.release.deploy.protocol import Ended, ReleaseSteps
from switchyard.release.freeze import combined
from switchyard.release.phases import Event, Phase, Side, State
from switchyard.release.record.release_record import ReleaseRecord

Permit = Callable[[ReleaseRecord], Awaitable[str | None]]
"""Raises `GateRefusedError` if the switch of a release is not permitted now. Returns the text about an override."""


@dataclass
class FreezeCheck(ReleaseHooks):
    """The hooks of a release that is refused if a window has opened since the command began.

    The new version may have been warmed for minutes by then, and a hook may have waited for an approval for hours.

    Attributes:
        hooks: the hooks of the release.
        permit: refuses the switch.
    """

    hooks: ReleaseHooks
    permit: Permit

    async def around(
        self, steps: ReleaseSteps, state: State, record: ReleaseRecord, step: Step, settled: Settled
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it."""
        override: str | None = None

        async def check(current: ReleaseRecord) -> Ended:
            nonlocal override
            override = await self.permit(current)
            return Ended(Event.PASSED)

        async def permitted(current: ReleaseRecord) -> Ended:
            ended = await settled(check(current))
            return await step(current) if ended.event is Event.PASSED else ended

        is_switch = state.phase is Phase.SWITCH and state.serving is Side.OLD
        record, ended = await self.hooks.around(steps, state, record, permitted if is_switch else step, settled)
        return replace(record, override=combined(record.override, override)), ended

    async def after_rollback(self, record: ReleaseRecord) -> tuple[ReleaseRecord, str | None]:
        """Runs the hooks after a rollback, for which no freeze matters."""
        return await self.hooks.after_rollback(record)


async def check_freeze(
    api: BoundedApi, freezes: tuple[Freeze, ...], record: ReleaseRecord, again: str, override: str | None = None
) -> str | None:
    """Refuses the switch of a release while a window is open, unless the operator overrides a freeze.

    Args:
        api: client of the API server, whose clock is used.
        freezes: the windows of the stack.
        record: record of the release.
        again: the command that releases the version again.
        override: the operator's reason to override a freeze, also one that begins during the release; None without one.

    Returns:
        The text for the record about the override; None if it was not needed, or if the record has one.

    Raises:
        GateRefusedError: a window is open.
    """
    if record.override is not None:
        return None
    if (window := await read_open_window(api, freezes, record.service)) is None:
        return None
    if override is not None:
        return override_text(override, window)
    step = f"the switch to {record.target} {record.tag}"
    raise_refusal(refuse_frozen_release(record.service, step, window, again))
    return None
