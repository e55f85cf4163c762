"""Determines which stack the mark of an object names."""

from collections.abc import Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.ownership_marks import IDENTITY, PROJECT, STACK, Mark


def is_own(mark: Mark, own: Mark, former: Mark | None, *, known: bool) -> bool:
    """Whether a mark is that of this stack, or of the one that it took over from.

    Args:
        mark: the mark of an object.
        own: the mark of this stack.
        former: mark of the stack that this one took over from; None for none.
        known: whether the state has this object, by its UID. Marks of earlier versions have no identity, and
            what they name may be a stack of the same name in another backend.
    """
    if mark == own or (former is not None and former.covers(mark)):
        return True
    return known and not mark.identity and mark.has_name_of(own)


def described(mark: Mark, own: Mark) -> str:
    """The stack that a mark names, as text that distinguishes it from this one."""
    if not mark.has_name_of(own):
        return f"stack {mark}"
    identity = f"identity {mark.identity}" if mark.identity else "written by an earlier version, without an identity"
    return f"stack {mark} of another state ({identity})"


def marked_by(live: Mapping[str, Any], own: Mark) -> frozenset[str]:
    """The field managers that have set annotations of a mark to other values than this stack's.

    Empty where the managed fields of the object do not say it.
    """
    annotations, wanted = live["metadata"].get("annotations") or {}, own.annotations
    changed_fields = {f"f:{key}" for key in (PROJECT, STACK, IDENTITY) if annotations.get(key) != wanted.get(key)}
    return frozenset(
        str(entry.get("manager"))
        for entry in live["metadata"].get("managedFields") or ()
        if _annotations_in(entry) & changed_fields
    )


def restore_command(name: ObjectName, own: Mark) -> str:
    """The command that gives an object the marks of this stack again."""
    kind = name.kind.lower() + (f".{name.group}" if "." in name.group else "")
    marks = " ".join(f"{key}={value}" for key, value in own.annotations.items())
    if not own.identity:
        marks += f" {IDENTITY}-"
    namespace_option = f"-n {name.namespace} " if name.namespace else ""
    return f"kubectl {namespace_option}annotate {kind} {name.name} {marks} --overwrite"


def former_is_own(own: Mark) -> str:
    """Warns of a former stack that is this one: two states of one name would take over each other's objects."""
    return (
        f"switchyard:formerStack names this stack itself ({Code.FORMER_STACK_IS_THIS}). Objects that any state of "
        f"{own} has written are taken over. Once this update has ended well, remove it: "
        + typed("pulumi config rm switchyard:formerStack")
    )


def _annotations_in(entry: Mapping[str, Any]) -> set[str]:
    """The annotations in an entry of an object's managed fields."""
    return set(((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {})
