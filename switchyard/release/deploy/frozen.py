"""Checks for a freeze immediately before the switch of a release."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchyard.config.models.releases import Freeze
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.freeze import refuse_frozen_release
from switchyard.kube.api import BoundedApi
from switchyard.release.deploy.hooks import ReleaseHooks, Settled, Step
from switchyard.release.deploy.protocol import Ended, Steps
from switchyard.release.phases import Event, Phase, Side, State
from switchyard.release.record.release_record import ReleaseRecord

Permit = Callable[[ReleaseRecord], Awaitable[None]]
"""Raises `GateRefusedError` if the switch of a release is not permitted now."""


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
        self, steps: Steps, state: State, record: ReleaseRecord, step: Step, settled: Settled
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it."""

        async def permitted(current: ReleaseRecord) -> Ended:
            ended = await settled(self._permitted(current))
            return await step(current) if ended.event is Event.PASSED else ended

        is_switch = state.phase is Phase.SWITCH and state.serving is Side.OLD
        return await self.hooks.around(steps, state, record, permitted if is_switch else step, settled)

    async def _permitted(self, record: ReleaseRecord) -> Ended:
        await self.permit(record)
        return Ended(Event.PASSED)

    async def after_rollback(self, record: ReleaseRecord) -> tuple[ReleaseRecord, str | None]:
        """Runs the hooks after a rollback, for which no freeze matters."""
        return await self.hooks.after_rollback(record)


async def check_freeze(api: BoundedApi, freezes: tuple[Freeze, ...], record: ReleaseRecord, again: str) -> None:
    """Refuses the switch of a release while a window is open, unless the operator has overridden a freeze.

    Args:
        api: client of the API server, whose clock is used.
        freezes: the windows of the stack.
        record: record of the release.
        again: the command that releases the version again.

    Raises:
        GateRefusedError: a window is open.
    """
    if record.override is not None:
        return
    if (window := await read_open_window(api, freezes, record.service)) is not None:
        step = f"the switch to {record.target} {record.tag}"
        raise_refusal(refuse_frozen_release(record.service, step, window, again))
