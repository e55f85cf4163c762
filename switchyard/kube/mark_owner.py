"""Which stack the mark of an object names: this stack, another one of the same name, or a different one."""

from collections.abc import Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.ownership_marks import IDENTITY, PROJECT, STACK, Mark


def is_own(found: Mark, own: Mark, former: Mark | None, *, known: bool) -> bool:
    """Whether a mark is that of this stack, or of the one that it took over from.

    Args:
        found: the mark of an object.
        own: that of this stack.
        former: of the stack that this one took over from; None for none.
        known: whether the state has this very object, by its UID. Marks of earlier versions have no identity, and
            what they name may be a stack of the same name in another backend.
    """
    if found == own or (former is not None and former.covers(found)):
        return True
    return known and not found.identity and found.has_name_of(own)


def described(found: Mark, own: Mark) -> str:
    """The stack that a mark names, in words that tell it from this one."""
    if not found.has_name_of(own):
        return f"stack {found}"
    identity = f"identity {found.identity}" if found.identity else "written by an earlier version, without an identity"
    return f"stack {found} of another state ({identity})"


def marked_by(live: Mapping[str, Any], own: Mark) -> frozenset[str]:
    """Who has written what an object's mark has otherwise than this stack's, by the API server's record.

    Empty where that says nothing.
    """
    found, wanted = live["metadata"].get("annotations") or {}, own.annotations
    other = {f"f:{key}" for key in (PROJECT, STACK, IDENTITY) if found.get(key) != wanted.get(key)}
    return frozenset(
        str(entry.get("manager"))
        for entry in live["metadata"].get("managedFields") or ()
        if _annotations_in(entry) & other
    )


def restore_command(name: ObjectName, own: Mark) -> str:
    """The command that gives an object the marks of this stack again."""
    kind = name.kind.lower() + (f".{name.group}" if "." in name.group else "")
    marks = " ".join(f"{key}={value}" for key, value in own.annotations.items())
    if not own.identity:
        marks += f" {IDENTITY}-"
    where = f"-n {name.namespace} " if name.namespace else ""
    return f"kubectl {where}annotate {kind} {name.name} {marks} --overwrite"


def former_is_own(own: Mark) -> str:
    """Warns of a former stack that is this one: with that, two states of one name take from each other in turn."""
    return (
        f"switchyard:formerStack names this stack itself ({Code.FORMER_STACK_IS_THIS}). Objects that any state of "
        f"{own} has written are taken over. Once this update has ended well, remove it: pulumi config rm "
        "switchyard:formerStack"
    )


def _annotations_in(entry: Mapping[str, Any]) -> set[str]:
    """The annotations that an entry of the API server's record is about, as it names fields."""
    return set(((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {})
