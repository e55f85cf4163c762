"""The changes of a release of several services, made once for all of them through the engine and to the selectors."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import MappingProxyType

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.kube.clock import to_text
from switchyard.release.deploy.acts import Patch, Warming
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.group_refusals import refuse_others_together
from switchyard.release.deploy.protocol import DeployJournal, Ended
from switchyard.release.deploy.warm_changes import preview_changes
from switchyard.release.engine.convergence import Convergence, converge_all
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.engine.lock import unlocked
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.switch.together import Member, Together, all_or_reasons
from switchyard.release_errors import ReleaseError, TogetherSplitError, TogetherUndoneError

BACK, WITHDRAW = "back", "withdraw"

NOT_FORWARD = "a version failed its watch, and all are rolled back"
"""Reason why configuration and state are not updated to new versions."""


class GroupActs:
    """The changes that one service of a group makes together with the others, once for all of them.

    Args:
        key: key of the service.
        group: the services.
        engine: engine of the stack.
        journals: journals of all services, by the key of the service.
        targets: the colours of the new versions.
        engine_lock: lock that is held while the engine writes.
        warn: reports a warning.
        weighted: keys of the services whose colour the load balancer chooses.
    """

    def __init__(
        self,
        key: str,
        group: ReleaseGroup,
        engine: Engine,
        journals: Mapping[str, DeployJournal],
        targets: Mapping[str, Colour],
        engine_lock: asyncio.Lock,
        warn: Warn,
        weighted: Collection[str] = (),
    ) -> None:
        self._key = key
        self._weighted = weighted
        self._targets = targets
        self._group = group
        self._engine = engine
        self._journals = journals
        self._lock = engine_lock
        self._warn = warn

    async def warm(self, warming: Warming) -> None:
        """Previews the pods of all new versions at once, and creates them."""
        await self._group.meet(self._key, Phase.WARM, warming, self._warm_all)

    async def patch(self, patch: Patch) -> float | None:
        """Changes the selectors of all services, or of none."""
        patched: float | None = await self._group.meet(self._key, Phase.SWITCH, patch, self._patch_all)
        return patched

    async def converge(self, _key: str, target: Colour) -> Convergence:
        """Updates configuration and state to the new versions of the services that continue."""
        convergence: Convergence | None = await self._group.meet_on_the_way(
            self._key, Phase.DRAIN, target, self._converge_forward
        )
        return convergence or Convergence(config=False, state=False, problem=NOT_FORWARD)

    async def converge_back(self, _key: str, source: Colour, replicas: int | None) -> Convergence:
        """Updates configuration and state to the old versions, once each of them serves."""
        convergence: Convergence = await self._group.meet_those_that_come(
            self._key, BACK, (source, replicas), self._converge_all_back
        )
        return convergence

    async def remove(self, removal: Warming) -> None:
        """Deletes the pods of a colour that does not serve.

        New versions that have not served are removed at once: as long as the state does not have all of them, an
        update of one would change the others too, which is refused. Old versions are retired one after the other.
        """
        if removal.change.colour == self._targets[self._key]:
            await self._group.meet_those_that_come(self._key, WITHDRAW, removal, self._warm_all)
            return
        await self._journals[self._key].confirm()
        await self._warm_all({self._key: removal})

    def condemn(self, detail: str) -> None:
        """Reports that this version failed its watch, so that the whole group is rolled back at once."""
        self._group.condemn(self._key, detail)

    def condemned(self) -> Ended | None:
        """The outcome of this release if another version failed its watch; None otherwise."""
        return self._group.condemned(self._key)

    def because(self) -> str | None:
        """Key of another service whose version failed its watch; None without one."""
        return self._group.because(self._key)

    async def until_condemned(self) -> Ended:
        """Waits until another version has failed its watch."""
        return await self._group.until_condemned(self._key)

    async def _warm_all(self, warmings: Mapping[str, Warming]) -> None:
        async with self._lock:
            await self._update(warmings)

    async def _update(self, warmings: Mapping[str, Warming]) -> None:
        """Previews changes of colours, and applies them."""
        colours = {key: warming.change.colour.value for key, warming in warmings.items()}
        [first, *others] = warmings.values()

        def refusal(steps: list[Step]) -> str:
            if not others:
                return first.refusal_of_others(steps)
            return str(refuse_others_together(colours, steps, removes=first.removes))

        changes = [(warming.change, warming.live) for warming in warmings.values()]
        await asyncio.to_thread(preview_changes, self._engine, changes, refusal)
        for key in warmings:
            await self._journals[key].confirm()
        await unlocked(self._engine.up, self._warn)

    async def _patch_all(self, patches: Mapping[str, Patch]) -> Mapping[str, float | None]:
        await all_or_reasons({key: _pass_gates(patch) for key, patch in patches.items()})
        plans = {key: replace(patch.plan, act=Act.DEPLOY) for key, patch in patches.items()}
        members = {
            key: Member(patch.lane, GroupJournal(self._journals[key]), patch.observe, _never_warmed)
            for key, patch in patches.items()
        }
        try:
            _, patched = await Together(members, _never_converged).change(plans, None)
        except (TogetherUndoneError, TogetherSplitError) as error:
            raise ClusterError(str(error)) from None  # what each of them serves is read again
        return patched

    async def _converge_forward(self, targets: Mapping[str, Colour]) -> Mapping[str, Convergence]:
        """Updates configuration and state, except for a service whose Lease is lost: it may have been rolled back."""
        problems = {key: await self._lease_problem(key) for key in targets}
        own = {key: target for key, target in targets.items() if problems[key] is None}
        others = {key: Convergence(config=False, state=False, problem=problem) for key, problem in problems.items()}
        return {**others, **(await self._converge_all(own) if own else {})}

    async def _lease_problem(self, key: str) -> str | None:
        try:
            await self._journals[key].confirm()
        except (ClusterError, ReleaseError) as error:
            return str(error)
        return None

    async def _converge_all_back(self, sources: Mapping[str, tuple[Colour, int | None]]) -> Mapping[str, Convergence]:
        replicas = {key: pods for key, (_, pods) in sources.items()}
        return await self._converge_all({key: source for key, (source, _) in sources.items()}, replicas)

    async def _converge_all(
        self, targets: Mapping[str, Colour], replicas: Mapping[str, int | None] = MappingProxyType({})
    ) -> Mapping[str, Convergence]:
        async with self._lock:
            convergence = await converge_all(
                self._engine, targets, self._warn, config=False, replicas=replicas, weighted=self._weighted
            )
        return dict.fromkeys(targets, convergence)


@dataclass(frozen=True)
class GroupJournal:
    """The journal for a service whose selector is changed with others. The release itself is the record.

    Attributes:
        journal: journal of the release.
    """

    journal: DeployJournal

    async def last(self, _serving: Colour) -> None:
        """Returns None, because the release itself is in the record."""
        return

    async def left_open(self, _serving: Colour) -> None:
        """Returns None, because the release itself is in the record."""
        return

    def held(self, _plan: Plan) -> AbstractAsyncContextManager[object]:
        """Is never called, because the release holds the Lease."""
        raise NotImplementedError

    async def begin(self, _plan: Plan, _reason: str | None) -> str:
        """Writes nothing, because the record already says that the switch will happen."""
        return to_text(self.journal.now())

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease of the release."""
        await self.journal.confirm()

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes nothing, because the release has its own record."""


async def _pass_gates(patch: Patch) -> None:
    """Checks the gates again, because the first check was made before the other services were ready."""
    if patch.plan.patch:
        await patch.lane.pass_gates(replace(patch.plan, observation=await patch.observe()))


async def _never_warmed(_: Plan) -> None:
    raise NotImplementedError  # a release has warmed its version


async def _never_converged(*_: object) -> Convergence:
    raise NotImplementedError  # a release does so when it drains
