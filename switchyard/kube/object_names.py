"""The name of an object of the Kubernetes API: kind, namespace, name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

IRREGULAR = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "Endpoints": "endpoints"}
"""Plurals that do not end in a single s."""


@dataclass(frozen=True, order=True)
class ObjectName:
    """The name of one object. Two objects of one name are the same, or one has replaced the other.

    Attributes:
        group: API group, empty for the core group. Its version is left out: it is the same object in every version.
        kind: kind of the object, for example ``Deployment``.
        namespace: namespace of the object; empty for a cluster-wide object.
        name: name of the object.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in namespace {self.namespace}" if self.namespace else "")

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self | None:
        """The name in a manifest, or in the engine's record of one; None where part of it is not known yet."""
        metadata = manifest.get("metadata")
        if not isinstance(metadata, Mapping):
            return None
        parts = (manifest.get("apiVersion"), manifest.get("kind"), metadata.get("name"))
        namespace = metadata.get("namespace") or ""
        if not all(isinstance(part, str) and part for part in parts) or not isinstance(namespace, str):
            return None
        version, kind, name = map(str, parts)
        group = version.rpartition("/")[0]
        return cls(group, kind, namespace, name)

    @property
    def short(self) -> str:
        """Kind and name, as the settings have them under ``adopt``."""
        return f"{self.kind}/{self.name}"

    @property
    def resource(self) -> str:
        """Plural name of the kind in the API."""
        return IRREGULAR.get(self.kind, f"{self.kind.lower()}s")


def api_version(manifest: Mapping[str, Any]) -> str:
    """Group and version of a manifest."""
    return str(manifest["apiVersion"])
