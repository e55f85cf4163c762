"""Ownership marks: annotations that name the stack an object belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from render.pods import Manifest

PROJECT = "switchyard/project"
"""Annotation: the project of the stack that an object belongs to."""

STACK = "switchyard/stack"
"""Annotation: the name of that stack."""

SERVICE_KEY = "switchyard/service-key"
"""Annotation: the key that a service has in the configuration, on its objects where their name is another."""

ADOPTED = "switchyard/adopted"
"""Annotation: the object was there before the stack took it over, and stays when the stack lets go of it."""


@dataclass(frozen=True)
class Mark:
    """The stack that an object belongs to."""

    project: str
    stack: str

    def __str__(self) -> str:
        return f"{self.project}/{self.stack}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``project/stack``. Raises ``ValueError`` for anything else."""
        project, slash, stack = text.partition("/")
        if not (project and slash and stack) or "/" in stack:
            raise ValueError(f"{text!r} is not of the form project/stack")
        return cls(project, stack)

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that an object of this stack has."""
        return {PROJECT: self.project, STACK: self.stack}


def mark_of(manifest: Mapping[str, Any]) -> Mark | None:
    """The stack that an object names as its own; None if it names none."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    if PROJECT not in annotations or STACK not in annotations:
        return None
    return Mark(annotations[PROJECT], annotations[STACK])


def is_adopted(manifest: Mapping[str, Any]) -> bool:
    """Whether an object was there before a stack took it over."""
    return ADOPTED in ((manifest.get("metadata") or {}).get("annotations") or {})


def marked(manifest: Manifest, mark: Mark, key: str | None = None) -> Manifest:
    """The same manifest with the marks of a stack.

    Args:
        manifest: the object.
        mark: of the stack.
        key: of its service in the configuration; None where that is the service's name.
    """
    metadata = manifest.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **mark.annotations}
    if key is not None:
        annotations[SERVICE_KEY] = key
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
