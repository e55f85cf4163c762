"""Objects of a service as an API server has them, and an API server that is a table of such objects."""

import json
from collections.abc import Mapping
from typing import Any

from switchyard.manifests.labels import object_labels
from switchyard.manifests.ownership_marks import Mark

OURS, THEIRS = Mark("switchyard", "test"), Mark("switchyard", "other")
BLUE = {"app": "backend", "version": "blue"}


class Table:
    """An API server: objects by plural and name. Keeps what it was asked to write."""

    def __init__(self, objects: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        self.objects = dict(objects)
        self.deleted: list[tuple[str, str]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.asked = 0

    async def find(self, resource: str, name: str, _namespace: str | None, _version: str = "v1") -> Any:
        self.asked += 1
        return self.objects.get((resource, name))

    async def find_all(self, resource: str, *_: object) -> Any:
        items = [item for (plural, _), item in self.objects.items() if plural == resource]
        return {"items": items, "metadata": {"resourceVersion": "1"}}

    async def knows(self, *_: object) -> bool:
        return False

    async def ask(self, verb: str, resource: str, name: str, *_: object, content: str, **__: object) -> Any:
        body = json.loads(content)
        if verb == "patch":
            self.patched.append((name, body["metadata"]["annotations"]))
            return None
        assert body["preconditions"]["uid"] == self.objects[resource, name]["metadata"]["uid"]
        assert body["propagationPolicy"] == "Background"
        self.deleted.append((resource, name))
        del self.objects[resource, name]
        return None


def manifest(
    kind: str, name: str, mark: Mark | None = OURS, app: str = "backend", spec: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "labels": object_labels(app),
        "annotations": dict(mark.annotations) if mark else {},
    }
    version = "apps/v1" if kind == "Deployment" else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": dict(spec or {})}


def slice_of(name: str, pod: str) -> dict[str, Any]:
    metadata = {"name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}}
    endpoints = [{"targetRef": {"kind": "Pod", "name": pod}, "conditions": {"ready": True}}]
    return {"metadata": metadata, "endpoints": endpoints}


def serving(mark: Mark | None = OURS) -> dict[tuple[str, str], dict[str, Any]]:
    template = {"metadata": {"labels": BLUE}}
    return {
        ("services", "backend"): manifest("Service", "backend", mark, spec={"selector": BLUE}),
        ("serviceaccounts", "backend"): manifest("ServiceAccount", "backend", mark),
        ("deployments", "backend-blue"): manifest(
            "Deployment", "backend-blue", mark, spec={"selector": {"matchLabels": BLUE}, "template": template}
        ),
        ("endpointslices", "x"): slice_of("backend", "b1"),
        ("pods", "b1"): {"metadata": {"name": "b1", "labels": BLUE}, "spec": {"serviceAccountName": "backend"}},
    }
