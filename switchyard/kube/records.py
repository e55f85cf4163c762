"""The engine's record of an object."""

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
        uid: UID of the object that the state means; empty where it never learned it.
        service: the service that it belongs to, by its label ``app``, with its key; empty for none.
    """

    name: ObjectName
    version: str
    uid: str
    service: str

    @classmethod
    def of(cls, inputs: Mapping[str, Any] | None, outputs: Mapping[str, Any] | None) -> "Record | None":
        """Reads the inputs and outputs of a resource; None for one that is no object of Kubernetes."""
        for source in (outputs or {}, inputs or {}):
            name = ObjectName.of(source)
            if name is not None:
                labels = source["metadata"].get("labels") or {}
                uid = ((outputs or {}).get("metadata") or {}).get("uid") or ""
                service = str(labels.get("app", ""))
                key = (source["metadata"].get("annotations") or {}).get(SERVICE_KEY, service)
                return cls(name, str(source["apiVersion"]), str(uid), ServiceName(service, str(key)))
        return None
