"""The rounds of a random walk: what happens to the services of one stack at the same time.

In a round every service takes an act of its own, all in one update: it is warmed, retired, switched or released. What
makes a round special happens besides: attempts that must fail before that update, or a fault, or changes by hand.

A step is one act or attempt of one service whose own outcome was checked: its colour and its pods after an update, or
its name in a refusal. What concerns the stack as a whole, such as its identifier, is one step, however many services
it has. An attempt that the engine never came to, because another one had failed before, is no step, and neither is a
release that the engine had not begun or had ended when it was killed.
"""

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from devtools.sandbox.faults import CRASH_LOOP, NEVER_READY
from tests.integration.sandbox.walk.model import WANTED, ServiceModel
from tests.integration.sandbox.walk.stack import EXTRA, PARALLEL, WalkStack
from tests.support.killed_engine import HeldWrite, kill_at_write

Item = TypeVar("Item")

ACTS: dict[str, Callable[[ServiceModel, int], None]] = {
    "warm": lambda model, replicas: model.warm(replicas),
    "retire": lambda model, _: model.warm(0),
    "switch": lambda model, _: model.switch(),
    "release": lambda model, _: model.release(),
}

BY_HAND = [
    "scale",
    "selector",
    "delete deployment",
    "delete poddisruptionbudget",
    "delete service",
    "delete users' service",
]

MOVES = ["namespace", "rename", "drop"]

WRITES = {"Deployment service-.*": 2, "Service service-.*": 1}
"""How often a release writes which object of its service: it warms up and retires pods, and switches."""


class Rounds:
    """Takes rounds on one stack, as a seed says.

    Attributes:
        taken: steps by what they were.
    """

    def __init__(self, stack: WalkStack, draw: random.Random) -> None:
        self.stack = stack
        self.taken: Counter[str] = Counter()
        self._draw = draw

    def deck(self) -> Iterator[Callable[[], None]]:
        """Rounds for ever: each kind once, in an order of the seed's, then again."""
        kinds = [
            self.other_surroundings,
            self.other_identifier,
            self.moves,
            self.in_place,
            self.bad_versions,
            self.killed,
            self.by_hand,
            self.old_state,
            self.second_stack,
        ]
        while True:
            yield from self._draw.sample(kinds, len(kinds))

    def other_surroundings(self) -> None:
        """A service is added to the stack or removed, and the context of the kubeconfig is named or not any more."""
        adding, namespace = self.stack.extra is None, self.stack.namespace.name
        self.stack.extra = EXTRA.entry(namespace) if adding else {"remove": True, "namespace": namespace}
        if self.stack.cluster.pop("context", None) is None:
            self.stack.cluster["context"] = self.stack.kubectl.run("config", "current-context").strip()
        self._act(self._names())
        self.stack.converge()
        self._count("context")
        self._count("service added" if adding else "service removed")
        if not adding:
            self.stack.extra = None
            assert self.stack.namespace.objects(EXTRA.name) == []

    def other_identifier(self) -> None:
        """The cluster gets another identifier, which is refused and reverted."""
        self._act(self._names())
        self.stack.cluster["identifier"] = "another"
        said = self.stack.refused()
        assert "Nothing was changed. Set it back" in said, said
        self._count("identifier")
        self.stack.cluster["identifier"] = "walk"
        self.stack.converge()

    def moves(self) -> None:
        """Most services are moved to another namespace, renamed or dropped: each is refused by name."""
        names = self._names()
        moved = dict(zip(names[: len(names) * 2 // 3], itertools.cycle(MOVES)))
        self._act(names[len(moved) :])
        entries = self.stack.config()
        for name, move in moved.items():
            entry = entries.pop(name)
            if move == "namespace":
                entries[name] = {**entry, "namespace": "default"}
            elif move == "rename":
                entries[f"renamed-{name}"] = entry
        said = self.stack.refused(entries)
        for name, move in moved.items():
            refusal = f"{name}: namespace default is refused"
            if move != "namespace":
                refusal = f"service {name} is no longer in the configuration of namespace"
            assert refusal in said, (refusal, said)
            assert self.stack.namespace.objects(f"renamed-{name}") == []
            self._count(f"refused: {move}")
        self._act(list(moved))
        self.stack.converge()

    def in_place(self) -> None:
        """Most services have the pods changed that serve: each of those is refused by name, if the engine goes on."""
        names = self._names()
        changed, goes_on = names[: len(names) * 2 // 3], self._draw.random() < 0.5
        self._act(names[len(changed) :])
        for name in changed:
            self.stack.services[name].environment = {"STEP": str(self.taken.total())}
        said = self.stack.refused(None, *(["--continue-on-error"] if goes_on else []))
        refusals = {
            name: f"{name}: a change of the pods of {self.stack.services[name].active} is refused" for name in changed
        }
        refused = [name for name in changed if refusals[name] in said]
        assert refused, said
        assert refused == changed or not goes_on, said
        self._count("refused: in place", len(refused))
        for name in changed:
            self.stack.services[name].environment = {}
        self._act(changed)
        self.stack.converge()

    def bad_versions(self) -> None:
        """Some services get a version that is never ready: the update fails, the old version continues to serve."""
        names = self._names()
        bad = dict(zip(names[: len(names) // 3], itertools.cycle([NEVER_READY, CRASH_LOOP])))
        serving = {name: self.stack.services[name].active.value for name in bad}
        self._act(names[len(bad) :])
        for name, fault in bad.items():
            self.stack.services[name].release_bad_version(fault)
        self.stack.refused(None, *(["--continue-on-error"] if self._draw.random() < 0.5 else []))
        selected, tags = self.stack.namespace.serving(), self.stack.namespace.tags()
        assert {name: selected[name] for name in bad} == serving
        ran = [name for name in bad if self.stack.services[name].tags[self.stack.services[name].active] in tags[name]]
        assert ran, "no bad version ever ran"
        for name in ran:
            self._count(f"bad version: {bad[name].lstrip('-')}")
        for name in bad:
            self.stack.services[name].give_up_bad_version()
        self._act(list(bad))
        self.stack.converge()

    def killed(self) -> None:
        """The engine is killed at a write while it releases all services; half are rolled back, the rest continue."""
        target, writes = self._draw.choice(list(WRITES.items()))
        number = self._draw.randint(1, writes * len(self.stack.services))
        held = HeldWrite(self.stack.kubectl, self.stack.directory, target, number)
        names = self._names()
        before = self.stack.saved()
        for model in self.stack.services.values():
            model.release()
        printed = kill_at_write(self.stack.engine, held, self.stack.start, written=self._draw.random() < 0.5)
        assert self.stack.engine.run("cancel", "--yes").ok
        in_between = [name for name in names if f"{name}-{self.stack.services[name].active} updating" in printed]
        in_between = [name for name in in_between if f"{name}-{before[name].active} updated" not in printed]
        assert in_between, printed
        for name in [*in_between[::2], *(name for name in names[::2] if name not in in_between)]:
            self.stack.services[name] = before[name]
        self.stack.refresh = True
        self.stack.converge()
        self._count("killed", len(in_between))

    def by_hand(self) -> None:
        """After the acts somebody changes or deletes an object of every service, and a refreshing update repairs it."""
        self._act(self._names())
        self.stack.converge()
        names = self._names()
        # A selector is pointed only at a colour that can serve: what else would break is the user's doing.
        warm = [name for name in names if self._idle_replicas(name) == WANTED]
        others = [name for name in names if name not in warm[:2]]
        changes = dict.fromkeys(warm[:2], "selector")
        changes |= dict(zip(others, itertools.cycle([change for change in BY_HAND if change != "selector"])))
        deleted = []
        for name, change in changes.items():
            deleted += self._change_by_hand(name, change)
        self.stack.kubectl.run("delete", *deleted)
        self.stack.refresh = True
        self.stack.converge()
        for change in changes.values():
            self._count(f"by hand: {change}")

    def _change_by_hand(self, name: str, change: str) -> list[str]:
        """Changes an object of a service; returns what is to be deleted instead."""
        idle = f"{name}-{self.stack.services[name].active.other}"
        if change == "scale":
            self.stack.kubectl.run("scale", "deployment", idle, "--replicas=1")
        elif change == "selector":
            patch = f'{{"spec": {{"selector": {{"version": "{self.stack.services[name].active.other}"}}}}}}'
            self.stack.kubectl.run("patch", "service", name, "-p", patch)
        elif change == "delete users' service":
            return [f"service/{name}"]
        else:
            return [f"{change.removeprefix('delete ')}/{idle}"]
        return []

    def old_state(self) -> None:
        """Somebody imports an earlier state, which lacks the later changes."""
        state = self.stack.engine.run("stack", "export", check=True).output
        self._act(self._names())
        self.stack.converge()
        file = self.stack.directory / "old-state.json"
        file.write_text(state)
        self.stack.engine.run("stack", "import", "--file", str(file), check=True)
        said = self.stack.converge().output
        assert " updated" in said, f"the old state knew of the acts: {said}"
        self._count("old state", len(self.stack.services))

    def second_stack(self) -> None:
        """Another stack, or one of the same name in another backend, is refused for each of the same services."""
        self._act(self._names())
        other = self.stack.other_stack(self._draw.choice(["other", self.stack.engine.name]))
        result = other.up(*PARALLEL, "--continue-on-error")
        assert not result.ok
        for name in self.stack.services:
            refusal = rf"{name}: writing \d+ objects? is refused \(SY-O001\): .* belongs to stack switchyard/test"
            assert re.search(refusal, result.output), (refusal, result.output)
            self._count("second stack")
        assert other.destroy().ok
        self.stack.converge()

    def _names(self) -> list[str]:
        """The services in an order of the seed's."""
        return self._draw.sample(sorted(self.stack.services), len(self.stack.services))

    def _act(self, names: Sequence[str]) -> None:
        """Gives each of these services an act. The acts are dealt, so that every kind of them is in every round."""
        kinds = list(itertools.islice(itertools.cycle(self._draw.sample(sorted(ACTS), len(ACTS))), len(names)))
        for name, kind in zip(names, kinds, strict=True):
            ACTS[kind](self.stack.services[name], self._draw.randint(1, WANTED))
            self._count(kind)

    def _idle_replicas(self, name: str) -> int:
        model = self.stack.services[name]
        return model.replicas[model.active.other]

    def _count(self, name: str, steps: int = 1) -> None:
        self.taken[name] += steps
