"""Whether this stack may write an object, as pure functions: nothing of somebody else is taken over unasked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.decisions import Refusal, labels_text
from gate.object_names import ObjectName
from render.marks import Mark, mark_of

RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True)
class Owner:
    """Who writes.

    Attributes:
        mark: of this stack.
        former: of the stack that this one took over from; None for none.
        adopted: the objects that may be taken over without a mark, as ``Kind/name``.
    """

    mark: Mark
    former: Mark | None = None
    adopted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Conflict:
    """An object that this stack would write, and that is not its own.

    Attributes:
        name: of the object.
        owner: the stack whose mark it has; None without a mark.
        detail: what else an engineer knows it by; empty for nothing.
    """

    name: ObjectName
    owner: Mark | None
    detail: str = ""

    def __str__(self) -> str:
        whose = f"belongs to stack {self.owner}" if self.owner else "was not made by this stack"
        return f"{self.name} {whose}{self.detail}"


def conflict(name: ObjectName, live: Mapping[str, Any] | None, owner: Owner, known_uid: str = "") -> Conflict | None:
    """What speaks against writing an object; None when it may be written.

    Args:
        name: of the object.
        live: the object of that name on the cluster; None when there is none.
        owner: who writes.
        known_uid: UID of the object that the state has; empty when it has none.
    """
    if live is None:
        return None
    other = mark_of(live)
    if other is not None:
        return None if other in {owner.mark, owner.former} else Conflict(name, other)
    if known_uid and known_uid == live["metadata"]["uid"]:
        return None  # the stack made it before objects had marks
    if name.short in owner.adopted:
        return None
    return Conflict(name, None, _detail(name, live))


def takes_over(name: ObjectName, live: Mapping[str, Any] | None, owner: Owner, known_uid: str = "") -> bool:
    """Whether writing an object takes over one that was there before this stack."""
    if live is None or mark_of(live) is not None:
        return False
    return name.short in owner.adopted and known_uid != live["metadata"]["uid"]


def known_to_another_state(service: str, name: ObjectName, mark: Mark) -> str:
    """Warns that an object to be created is there, with the mark of this stack: another state may know it as well."""
    return (
        f"{service}: {name} is on the cluster with the mark of this stack ({mark}), and is created anew in the state. "
        "That is right after a lost state, an update that was cut off or a replacement. Otherwise a stack of the same "
        "name in another backend has this service, and this update takes it over: stop, and see `pulumi whoami -v`."
    )


def refuse_takeover(service: str, conflicts: Sequence[Conflict], adopt_path: str, listed: int) -> Refusal | None:
    """Refuses to write over objects of somebody else: all of one service in one message.

    Args:
        service: who would write them, for example a service's name.
        conflicts: what is not this stack's.
        adopt_path: where the configuration lists what may be taken over.
        listed: how many objects it lists by now.
    """
    if not conflicts:
        return None
    remedies = []
    foreign = sorted({str(found.owner) for found in conflicts if found.owner is not None})
    if foreign:
        remedies.append(
            f"What belongs to another stack is left to it: give the service another name or namespace. If this stack "
            f"is that one under a new name: pulumi config set switchyard:formerStack {foreign[0]} "
            f'({RUNBOOK}, "A stack that was renamed or lost its state").'
        )
    unmarked = [found for found in conflicts if found.owner is None]
    if unmarked:
        commands = " && ".join(
            f"pulumi config set --path '{adopt_path}[{index}]' {found.name.short}"
            for index, found in enumerate(unmarked, start=listed)
        )
        remedies.append(f"To take over what has no mark, object by object: {commands}")
    return Refusal(
        step=f"{service}: writing {len(conflicts)} object{'s' * (len(conflicts) > 1)}",
        found=_described(conflicts),
        rule="what this stack did not make is not taken over unasked",
        remedy=f"None of them was touched. {' '.join(remedies)}",
    )


def _described(conflicts: Sequence[Conflict]) -> str:
    """Whose the objects are: those of another stack together, the others one by one."""
    by_stack: dict[Mark, list[Conflict]] = {}
    for found in conflicts:
        if found.owner is not None:
            by_stack.setdefault(found.owner, []).append(found)
    foreign = [
        str(group[0])
        if len(group) == 1
        else f"{_listed([str(found.name) for found in group])}: each belongs to stack {owner}"
        for owner, group in by_stack.items()
    ]
    return "; ".join([*foreign, *(str(found) for found in conflicts if found.owner is None)])


def _detail(name: ObjectName, live: Mapping[str, Any]) -> str:
    """What a conflict without a mark is known by."""
    if name.kind == "Service":
        return f", and selects {labels_text(live['spec'].get('selector'))}"
    managers = sorted({entry["manager"] for entry in live["metadata"].get("managedFields") or () if "manager" in entry})
    return f", but by {_listed(managers)}" if managers else ""


def _listed(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
