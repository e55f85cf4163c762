"""What outlives a command on several services: their clusters, configuration and state, which may be killed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.deploy.warm_changes import ColourChange
from switchyard.release.engine.convergence import Convergence
from tests.support.fake_release import PODS, KilledError, World


@dataclass
class Moments:
    """What outlives a command: the worlds of all services, in each of whose moments it may be killed.

    Attributes:
        kill: how many more moments there are until the command is killed; None never.
        count: how many have been.
        order: what was written, in order.
    """

    kill: int | None = None
    count: int = 0
    worlds: "dict[str, GroupWorld]" = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def moment(self) -> None:
        for world in self.worlds.values():
            assert world.pods[world.serving] == PODS, "a colour that serves is not full"
        self.count += 1
        if self.kill is not None:
            if self.kill == 0:
                raise KilledError
            self.kill -= 1


@dataclass
class GroupWorld(World):
    """The world of one service."""

    shared: Moments = field(default_factory=Moments)

    def moment(self) -> None:
        self.shared.moment()


@dataclass
class FakeEngine:
    """The engine: what is configured, what the state has of it, and which colours an update changes."""

    moments: Moments
    config: dict[str, Mapping[str, object]] = field(default_factory=dict)
    state: dict[str, Mapping[str, object]] = field(default_factory=dict)
    changes: list[ColourChange] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    previews: int = 0
    updates: int = 0

    def preview(self, changes: Sequence[tuple[ColourChange, object]]) -> None:
        self.previews += 1
        self.changes = [change for change, _ in changes]
        own = {f"{change.key}-{change.colour}": change.values for change in self.changes}
        pending = [name for name in self.config.keys() - own if self.config[name] != self.state.get(name)]
        if self.others or pending:
            raise GateRefusedError(f"an update would change more: {self.others or pending}")
        self.config |= own
        self.moments.moment()  # the configuration alone is written

    def up(self) -> None:
        self.updates += 1
        for pods in (1, PODS):
            for change in self.changes:
                world, wanted = self.moments.worlds[change.key], int(str(change.values["replicas"]))
                assert world.serving != change.colour, "the colour that serves would be changed"
                world.write(partial(world.pods.update, {change.colour: min(pods, wanted)}))
        self.state = dict(self.config)

    async def converge(self, targets: Mapping[str, Colour], *_: object, **__: object) -> Convergence:
        for key, target in targets.items():
            world = self.moments.worlds[key]
            assert world.serving == target, "the configuration would get what does not serve"
            world.write(partial(setattr, world, "configured", target.value))
        self.moments.order.append(f"converge {' '.join(targets)}")
        return Convergence(config=True, state=True)
