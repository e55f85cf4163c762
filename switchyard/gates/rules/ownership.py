"""Refuses to write an object of another owner, unless the settings permit its adoption."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import set_value, typed
from switchyard.config.kubernetes import ARGO_CD_INSTANCE, ARGO_CD_TRACKING
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.runbook import section
from switchyard.kube.mark_owner import described, is_own, marked_by, restore_command
from switchyard.kube.object_names import ObjectName
from switchyard.kube.selectors import labels_text
from switchyard.manifests.labels import FIELD_MANAGER
from switchyard.manifests.ownership_marks import Mark, mark_of

SECTION = section("A stack that was renamed or lost its state")
ADOPTION = section("Objects that existed before")
HELM_RELEASE = "meta.helm.sh/release-name"
"""Annotation with the release of Helm that an object belongs to."""


@dataclass(frozen=True)
class Owner:
    """The stack that writes an object.

    Attributes:
        mark: mark of this stack.
        former: mark of the stack that this one took over from; None for none.
        adopted: the objects that may be taken over without a mark, as ``Kind/name``.
    """

    mark: Mark
    former: Mark | None = None
    adopted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Conflict:
    """An object that this stack would write and does not own.

    Attributes:
        name: name of the object.
        owner: the stack whose mark it has; None without a mark.
        detail: further details that identify the object to an engineer; empty for none.
        restore: the command that restores this stack's mark, if the state has the object; else empty.
        by_hand: whether the mark was not written by this program.
        same_name: whether the owner has the project and name of this stack, but another state.
    """

    name: ObjectName
    owner: Mark | None
    detail: str = ""
    restore: str = ""
    by_hand: bool = False
    same_name: bool = False

    @property
    def identified(self) -> bool:
        """Whether the mark distinguishes its stack from others of the same name."""
        return self.owner is not None and bool(self.owner.identity)

    def __str__(self) -> str:
        whose = f"belongs to stack {self.owner}" if self.owner else "was not created by this stack"
        return f"{self.name} {whose}{self.detail}"


def conflict(name: ObjectName, live: Mapping[str, Any] | None, owner: Owner, known_uid: str = "") -> Conflict | None:
    """The conflict that prevents the write of an object; None when it may be written.

    Args:
        name: name of the object.
        live: the object of that name on the cluster; None when there is none.
        owner: the stack that writes.
        known_uid: UID of the object that the state has; empty when it has none.
    """
    if live is None:
        return None
    other, known = mark_of(live), bool(known_uid) and known_uid == live["metadata"]["uid"]
    if other is not None:
        if is_own(other, owner.mark, owner.former, known=known):
            return None
        writers = marked_by(live, owner.mark)
        restore = restore_command(name, owner.mark) if known else ""
        by_hand = known and bool(writers) and FIELD_MANAGER not in writers
        setter = f" (its mark was set by {_listed(sorted(writers))})" if by_hand else ""
        detail = described(other, owner.mark).removeprefix(f"stack {other}") + setter
        return Conflict(name, other, detail, restore, by_hand, other.has_name_of(owner.mark))
    if known:
        return None  # the stack created it before objects had marks
    if name.short in owner.adopted:
        return None
    return Conflict(name, None, _detail(name, live))


def takes_over(name: ObjectName, live: Mapping[str, Any] | None, owner: Owner, known_uid: str = "") -> bool:
    """Whether writing an object takes over one that was there before this stack."""
    if live is None or mark_of(live) is not None:
        return False
    return name.short in owner.adopted and known_uid != live["metadata"]["uid"]


def warn_other_deployer(
    service: str, name: ObjectName, live: Mapping[str, Any], listed_by: str | None = None
) -> str | None:
    """Warns of an object that is taken over from Helm, Argo CD or a controller, which may still delete or change it.

    Args:
        service: key of the service that adopts the object.
        name: name of the object.
        live: the object of that name on the cluster.
        listed_by: the application of Argo CD that lists the object; None for none.
    """
    metadata = live["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    application = annotations.get(ARGO_CD_TRACKING, "").partition(":")[0] or labels.get(ARGO_CD_INSTANCE) or listed_by
    controller = next((item for item in metadata.get("ownerReferences") or () if item.get("controller")), None)
    if release := annotations.get(HELM_RELEASE):
        deployer = f"Helm release {release}"
        remedy = (
            "`helm upgrade` and `helm uninstall` of it change and delete the object. Before this update, give the "
            "object the annotation helm.sh/resource-policy: keep in the chart and upgrade the release"
        )
    elif application:
        deployer = f"Argo CD application {application}"
        remedy = (
            "Its syncs undo what this stack writes, including switches. Before this update, remove the object from the "
            "application without pruning it"
        )
    elif controller is not None:
        deployer = f"{controller['kind']} {controller['name']}"
        remedy = "Its controller may change the object, and deletes it together with that owner"
    else:
        return None
    return notice(
        Code.ADOPTED_FROM_ANOTHER_TOOL,
        service,
        f"{name} is adopted, and it also belongs to {deployer}",
        f"{remedy}: {ADOPTION}.",
    )


def refuse_takeover(service: str, conflicts: Sequence[Conflict], adopt_path: str, listed: int) -> Refusal | None:
    """Refuses to write over objects of somebody else: all of one service in one message.

    Args:
        service: the part of the configuration that would write them, for example a service's name.
        conflicts: the objects that this stack does not own.
        adopt_path: path of the configuration with the objects that may be adopted; empty if none may.
        listed: number of objects that the path lists already.
    """
    if not conflicts:
        return None
    unmarked = [item for item in conflicts if item.owner is None]
    remedies = [_restored(conflicts), *_left_to_others(conflicts)]
    if unmarked and not adopt_path:
        remedies.append(
            "Objects of no service cannot be adopted on a cluster that the stack creates. If nothing uses those "
            f"without a mark, delete them, then run `{typed('pulumi up')}` again."
        )
    elif unmarked:
        commands = " && ".join(
            set_value(f"{adopt_path}[{index}]", item.name.short) for index, item in enumerate(unmarked, start=listed)
        )
        remedies.append(f"To adopt the objects that have no mark, one by one: {commands}")
    return Refusal(
        code=Code.OBJECT_OF_ANOTHER_OWNER,
        step=f"{service}: writing {len(conflicts)} object{'s' * (len(conflicts) > 1)}",
        observed=_described(conflicts),
        rule="an object that this stack did not create is taken over only when the settings list it",
        remedy=" ".join(["None of these objects was changed.", *filter(None, remedies)]),
    )


def refuse_missing(service: str, name: ObjectName) -> Refusal:
    """Refuses to change an object that somebody has deleted: the provider only changes what exists.

    Args:
        service: key of the service that the object belongs to.
        name: name of the object.
    """
    return Refusal(
        code=Code.OBJECT_MISSING,
        step=f"{service}: changing {name}",
        observed="it is not on the cluster, though the stack has it",
        rule="an update without a refresh does not create it again",
        remedy=f"It was not changed. Create it: {typed('pulumi up --refresh')}",
    )


def refuse_unknown_owner(service: str, name: ObjectName, problem: str) -> Refusal:
    """Refuses to write an object that could not be read, so that its owner is not known.

    Args:
        service: key of the service that the object belongs to.
        name: name of the object.
        problem: why the object could not be read.
    """
    return Refusal(
        code=Code.OWNER_UNKNOWN,
        step=f"{service}: writing {name}",
        observed=f"the object could not be read ({problem})",
        rule="an object is written only when its owner is known",
        remedy=(
            "The object was not written. Check the API server, the kubeconfig and its permissions, then run "
            f"`{typed('pulumi up')}` again."
        ),
    )


def _restored(conflicts: Sequence[Conflict]) -> str:
    """The remedy that restores marks changed by hand; empty if the state has none of these objects."""
    known = [item for item in conflicts if item.restore]
    if not known:
        return ""
    named = "it" if len(known) == len(conflicts) == 1 else _listed([item.name.short for item in known])
    by_hand = all(item.by_hand for item in known)
    condition = "Restore the mark" if by_hand else "If the mark was changed by hand, restore it"
    return (
        f"The state of this stack has {named}, by UID. {condition}: "
        f"{' && '.join(item.restore for item in known)}, then run `{typed('pulumi up')}` again."
    )


def _left_to_others(conflicts: Sequence[Conflict]) -> list[str]:
    """The remedies for objects that other stacks wrote."""
    foreign = [item for item in conflicts if item.owner is not None and not item.by_hand]
    named = sorted({str(item.owner) for item in foreign if not item.same_name})
    same = sorted({item.owner.full for item in foreign if item.same_name and item.owner is not None})
    remedies = []
    if named:
        remedies.append(
            f"Objects of another stack are never taken over: give the service another name or namespace. If this stack "
            "is that stack under a new name: "
            f"{typed(f'pulumi config set switchyard:formerStack {named[0]}')} ({SECTION})."
        )
    if same:
        former = same[0] if len(same) == 1 else same[0].partition("@")[0]
        key = "switchyard:formerStack"
        commands = (
            typed(f"pulumi config set {key} {former}"),
            typed("pulumi up"),
            typed(f"pulumi config rm {key}"),
        )
        remedies.append(
            "Another state of the same project and stack name has written these objects, for example in another "
            "backend (`pulumi whoami -v` names the present one): work there, or give this stack or the service "
            f"another name. Only if that state is permanently lost: {' && '.join(commands)} ({SECTION})."
        )
    return remedies


def _described(conflicts: Sequence[Conflict]) -> str:
    """A description of the owners: objects of another stack together, the others one by one."""
    by_stack: dict[tuple[Mark, str], list[Conflict]] = {}
    for item in conflicts:
        if item.owner is not None:
            by_stack.setdefault((item.owner, item.detail), []).append(item)
    foreign = [
        str(group[0])
        if len(group) == 1
        else f"{_listed([str(item.name) for item in group])}: each belongs to stack {owner}{detail}"
        for (owner, detail), group in by_stack.items()
    ]
    return "; ".join([*foreign, *(str(item) for item in conflicts if item.owner is None)])


def _detail(name: ObjectName, live: Mapping[str, Any]) -> str:
    """Details that identify an object without a mark to an engineer."""
    if name.kind == "Service":
        return f", and selects {labels_text(live['spec'].get('selector'))}"
    managers = sorted({entry["manager"] for entry in live["metadata"].get("managedFields") or () if "manager" in entry})
    return f", but by {_listed(managers)}" if managers else ""


def _listed(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
