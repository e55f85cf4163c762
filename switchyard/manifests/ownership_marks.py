"""Ownership marks: annotations that name the stack an object belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from switchyard.manifests.pods import Manifest

PROJECT = "switchyard/project"
"""Annotation: the project of the stack that an object belongs to."""

STACK = "switchyard/stack"
"""Annotation: the name of that stack."""

IDENTITY = "switchyard/stack-identity"
"""Annotation: the identity of that stack, which no other stack of the same project and name has."""

SERVICE_KEY = "switchyard/service-key"
"""Annotation: the key that a service has in the configuration, on its objects where their name is another."""

ADOPTED = "switchyard/adopted"
"""Annotation: the object existed before the stack adopted it, and is kept when the stack releases it."""


@dataclass(frozen=True)
class Mark:
    """The stack that an object belongs to.

    Attributes:
        project: project of the stack.
        stack: name of the stack.
        identity: random identity in its state; empty if unknown, as on objects of earlier versions.
    """

    project: str
    stack: str
    identity: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.stack}"

    @property
    def full(self) -> str:
        """The mark as text that `parse` reads, with the identity if there is one."""
        return f"{self}@{self.identity}" if self.identity else str(self)

    def has_name_of(self, other: "Mark") -> bool:
        """Whether both marks have the same project and stack name, which need not be the same stack."""
        return str(self) == str(other)

    def covers(self, other: "Mark") -> bool:
        """Whether this mark includes another one. Without an identity it includes every stack of its name."""
        return self.has_name_of(other) and self.identity in {"", other.identity}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``project/stack`` or ``project/stack@identity``. Raises ``ValueError`` for anything else."""
        name, _, identity = text.partition("@")
        project, slash, stack = name.partition("/")
        if not (project and slash and stack) or "/" in stack:
            raise ValueError(f"{text!r} is not of the form project/stack or project/stack@identity")
        return cls(project, stack, identity)

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that an object of this stack has."""
        identity = {IDENTITY: self.identity} if self.identity else {}
        return {PROJECT: self.project, STACK: self.stack, **identity}


def mark_of(manifest: Mapping[str, Any]) -> Mark | None:
    """The stack that an object names as its own; None if it names none."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    if PROJECT not in annotations or STACK not in annotations:
        return None
    return Mark(annotations[PROJECT], annotations[STACK], annotations.get(IDENTITY, ""))


def is_adopted(manifest: Mapping[str, Any]) -> bool:
    """Whether an object existed before a stack adopted it."""
    return ADOPTED in ((manifest.get("metadata") or {}).get("annotations") or {})


def marked(manifest: Manifest, mark: Mark, key: str | None = None) -> Manifest:
    """Returns a manifest with the marks of a stack.

    Args:
        manifest: the object.
        mark: mark of the stack.
        key: key of its service in the configuration; None if the key is the service's name.
    """
    metadata = manifest.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **mark.annotations}
    if key is not None:
        annotations[SERVICE_KEY] = key
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
