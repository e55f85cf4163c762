"""The engine's record of an object in the state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.models.service_name import ServiceName
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.ownership_marks import SERVICE_KEY


@dataclass(frozen=True)
class Record:
    """The record in the state of an object that the engine is about to delete.

    Attributes:
        name: name of the object.
        version: group and version of its API.
        uid: UID of the object in the state; empty if the state does not have it.
        service: the service of the object by its label ``app``, with its key; empty for none.
    """

    name: ObjectName
    version: str
    uid: str
    service: str

    @classmethod
    def of(cls, inputs: Mapping[str, Any] | None, outputs: Mapping[str, Any] | None) -> "Record | None":
        """Reads the inputs and outputs of a resource; None if it is not an object of Kubernetes."""
        for source in (outputs or {}, inputs or {}):
            name = ObjectName.of(source)
            if name is not None:
                labels = source["metadata"].get("labels") or {}
                uid = ((outputs or {}).get("metadata") or {}).get("uid") or ""
                service = str(labels.get("app", ""))
                key = (source["metadata"].get("annotations") or {}).get(SERVICE_KEY, service)
                return cls(name, str(source["apiVersion"]), str(uid), ServiceName(service, str(key)))
        return None
