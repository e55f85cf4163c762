"""An API server in memory: it answers gets and lists by labels from what is stored, and counts the requests."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.client import ClusterClient
from switchyard.kube.login import Login
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.blue_green import deployment
from switchyard.manifests.inventory import objects_of
from switchyard.manifests.labels import colour_name, selector

KUBECONFIG = json.dumps(
    {
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": "http://api.invalid"}}],
        "users": [{"name": "it", "user": {"token": "none"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
)


@dataclass
class StoredObjects:
    """What the API server has.

    Attributes:
        objects: objects by the path of their list, then by name.
        asked: method and URL of each request.
        unlistable: plural names of kinds that may not be listed.
        latency: seconds that an answer takes.
    """

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unlistable: frozenset[str] = frozenset()
    latency: float = 0.001

    def client(self, login: Login) -> ClusterClient:
        return ClusterClient(login, httpx.MockTransport(self._answer))

    @property
    def access(self) -> ClusterAccess:
        return ClusterAccess(stack_kubeconfig=StackKubeconfig(KUBECONFIG))

    def add(self, item: Mapping[str, Any], resource: str = "") -> None:
        name = ObjectName.of(item)
        assert name is not None
        version = str(item["apiVersion"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{root}/namespaces/{name.namespace}/{resource or name.resource}"
        self.objects.setdefault(path, {})[name.name] = dict(item)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        await asyncio.sleep(self.latency)
        path = request.url.path
        if path == "/version/":
            return httpx.Response(200, json={"gitVersion": "v1.34.1"})
        if "labelSelector" in request.url.params:
            if path.rpartition("/")[2] in self.unlistable:
                return httpx.Response(403, json={"kind": "Status", "message": "cannot list"})
            terms = request.url.params["labelSelector"]
            items = [item for item in self.objects.get(path, {}).values() if matches(item, terms)]
            return httpx.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": items})
        parent, _, name = path.rpartition("/")
        item = self.objects.get(parent, {}).get(name)
        return httpx.Response(404, json={"message": "not found"}) if item is None else httpx.Response(200, json=item)


def matches(item: Mapping[str, Any], terms: str) -> bool:
    """Whether an object has the labels of a selector, with `=` and `in`, as the API server reads it."""
    labels = item["metadata"].get("labels") or {}
    values: dict[str, set[str]] = {}
    rest = terms
    while rest:
        key, separator, after = rest.partition(" in (")
        if separator and "=" not in key:
            inside, _, rest = after.partition(")")
            values[key] = set(inside.split(","))
        else:
            term, _, rest = rest.partition(",")
            key, _, value = term.partition("=")
            values[key] = {value}
        rest = rest.removeprefix(",")
    return all(labels.get(key) in allowed for key, allowed in values.items())


def serving(services: Mapping[str, BlueGreenSettings]) -> StoredObjects:
    """An API server on which every service serves as it is configured."""
    stored = StoredObjects()
    for name, service in services.items():
        for item in (*objects_of(name, service), *_pods(name, service)):
            stored.add({**item, "metadata": {"uid": item["metadata"]["name"], **item["metadata"]}})
    return stored


def _pods(name: str, service: BlueGreenSettings) -> Iterable[dict[str, Any]]:
    colour, namespace = service.active, service.namespace
    labels = selector(name, colour) | {"pod-template-hash": "1"}
    owner = colour_name(name, colour)
    metadata = {"name": f"{owner}-1", "namespace": namespace, "labels": labels}
    image = f"{service.image}:{service.colour(Colour(colour)).tag}"
    yield {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata
        | {
            "ownerReferences": [{"kind": "Deployment", "uid": owner, "controller": True}],
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {"template": deployment(name, Colour(colour), service)["spec"]["template"]},
    }
    ready = [{"type": "Ready", "status": "True"}]
    endpoints = []
    for number in range(service.replicas_of(Track(colour))):
        pod = f"{owner}-1-{number}"
        endpoints.append(
            {"targetRef": {"kind": "Pod", "name": pod}, "nodeName": "worker", "conditions": {"ready": True}}
        )
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata
            | {"name": pod, "ownerReferences": [{"kind": "ReplicaSet", "uid": f"{owner}-1", "controller": True}]},
            "spec": {"nodeName": "worker", "containers": [{"name": "app", "image": image}]},
            "status": {"phase": "Running", "conditions": ready},
        }
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": endpoints,
    }
