"""The namespace of a random walk, read with one request a kind."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import httpx

from tests.integration.sandbox.walk.model import Pods

PODS_SECONDS = 60
"""How long pods may take, after an update, until no other ones are left."""


class Namespace:
    """What one namespace holds."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self.name = name
        self._client = client
        self._client.timeout = httpx.Timeout(PODS_SECONDS + 10)

    def serving(self) -> dict[str, str]:
        """The colour that each Service selects, of those that select `app` by their own name."""
        services = self._list("/api/v1", "services")["items"]
        selectors = {service["metadata"]["name"]: service["spec"].get("selector") or {} for service in services}
        return {name: selector["version"] for name, selector in selectors.items() if selector.get("app") == name}

    def tags(self) -> dict[str, set[str]]:
        """The tags of every service's pods, ready or not."""
        tags: dict[str, set[str]] = {}
        for pod in self._list("/api/v1", "pods")["items"]:
            tags.setdefault(pod["metadata"]["labels"]["app"], set()).add(_tag(pod))
        return tags

    def objects(self, service: str) -> list[str]:
        """Names of the Deployments and Services of a service."""
        labels = {"labelSelector": f"app={service}"}
        listed = [self._list("/apis/apps/v1", "deployments", labels), self._list("/api/v1", "services", labels)]
        return [item["metadata"]["name"] for listing in listed for item in listing["items"]]

    def expect_pods(self, wanted: Pods) -> None:
        """Waits, by a watch, until there are these ready pods and no others.

        An update may end a moment before its Deployments have deleted the last of the old pods.
        """
        listed = self._list("/api/v1", "pods")
        pods = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        if _counted(pods.values()) == wanted:
            return
        watch = {"resourceVersion": listed["metadata"]["resourceVersion"], "timeoutSeconds": str(PODS_SECONDS)}
        path = self._path("/api/v1", "pods")
        with self._client.stream("GET", path, params={"watch": "true", **watch}) as events:
            for line in events.iter_lines():
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                name = event["object"]["metadata"]["name"]
                pods[name] = event["object"]
                if event["type"] == "DELETED":
                    del pods[name]
                if _counted(pods.values()) == wanted:
                    return
        raise AssertionError(_difference(_counted(pods.values()), wanted))

    def _list(self, group: str, plural: str, params: dict[str, str] | None = None) -> Any:
        return self._client.get(self._path(group, plural), params=params).raise_for_status().json()

    def _path(self, group: str, plural: str) -> str:
        return f"{group}/namespaces/{self.name}/{plural}"


def _tag(pod: dict[str, Any]) -> str:
    return str(pod["spec"]["containers"][0]["image"].rpartition(":")[2])


def _counted(pods: Iterable[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    """Pods that are not being deleted; those that are not ready have a tag that nobody wants."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        labels, conditions = pod["metadata"]["labels"], pod.get("status", {}).get("conditions", [])
        ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
        counted[labels["app"], labels["version"], _tag(pod) + ("" if ready else " (not ready)")] += 1
    return counted


def _difference(actual: Pods, wanted: Pods) -> str:
    return f"pods that should not be there: {dict(actual - wanted)}; missing: {dict(wanted - actual)}"
