"""The exact history of a Service and its pods, for assertions about every moment of an update."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import kr8s.asyncio

SERVICES = ("services", "service")
PODS = ("pods", "pod")

LISTED = "LISTED"
"""Type of the events for objects that existed when the block began."""

SECONDS = 60
"""Seconds within which the watches must begin, and catch up at the end."""

WATCH_SECONDS = 6 * 3600
"""More than any block takes."""


@dataclass(frozen=True)
class Moment:
    """The endpoints of a Service after one write to the API server.

    Attributes:
        version: the write's resource version, which orders all writes.
        colour: what the Service selected; empty for a selector without a colour.
        ready: ready pods that the selector matched, those that were already being deleted left out.
    """

    version: int
    colour: str
    ready: int


@dataclass
class History:
    """Records every write to the Services and pods of a namespace, while the block runs.

    Resource versions are revisions of one etcd, so that sorting by them puts the writes of both kinds in the
    order in which they happened: nothing is sampled, nothing is missed.
    """

    kubeconfig: Path
    namespace: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listening = threading.Event()
        self._marked = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._record()), daemon=True)
        self._thread.start()
        assert self._listening.wait(SECONDS), "the watches did not start"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run(self._mark())
        assert self._marked.wait(SECONDS), "the watches did not catch up"
        self._thread.join(SECONDS)

    def moments(self, service: str) -> list[Moment]:
        """Replays the writes: one moment for each, from the first in which the Service exists."""
        selector: dict[str, str] | None = None
        ready: dict[str, dict[str, str]] = {}
        moments: list[Moment] = []
        listed = sum(event["type"] == LISTED for event in self.events)
        # The objects that existed when the block began are one state, because they were last written in any order.
        for number, event in enumerate(
            sorted(self.events, key=lambda event: (event["type"] != LISTED, _version(event)))
        ):
            thing = event["object"]
            name = thing["metadata"]["name"]
            if thing["kind"] == "Service":
                if name == service:
                    selector = None if event["type"] == "DELETED" else thing["spec"]["selector"]
            elif event["type"] != "DELETED" and is_ready(thing):
                ready[name] = thing["metadata"]["labels"]
            else:
                ready.pop(name, None)
            if selector is not None and number >= listed - 1:
                matching = sum(selector.items() <= labels.items() for labels in ready.values())
                moments.append(Moment(_version(event), selector.get("version", ""), matching))
        return moments

    def fewest_ready(self, service: str) -> int:
        """The lowest number of ready pods that the Service ever had behind it."""
        return min(moment.ready for moment in self.moments(service))

    def colours(self, service: str) -> list[str]:
        """The colours that the Service selected, in order, each switch once."""
        colours: list[str] = []
        for moment in self.moments(service):
            if colours[-1:] != [moment.colour]:
                colours.append(moment.colour)
        return colours

    async def _record(self) -> None:
        api = await kr8s.asyncio.api(kubeconfig=str(self.kubeconfig))
        streams = {}
        for plural, _ in (SERVICES, PODS):
            async with api.call_api("GET", namespace=self.namespace, url=plural) as response:
                listed = response.json()
            kind = listed["kind"].removesuffix("List")
            self.events += [{"type": LISTED, "object": item | {"kind": kind}} for item in listed["items"]]
            streams[plural] = listed["metadata"]["resourceVersion"]
        self._open = len(streams)
        await asyncio.gather(*(self._follow(api, plural, version) for plural, version in streams.items()))
        self._marked.set()

    async def _follow(self, api: kr8s.asyncio.Api, plural: str, version: str) -> None:
        # Without a limit in the request, the API server ends a watch after 30 to 60 minutes.
        watch = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        async with api.call_api("GET", namespace=self.namespace, url=plural, params=watch, stream=True) as response:
            self._open -= 1
            if not self._open:
                self._listening.set()
            async for line in response.aiter_lines():
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                if event["object"]["metadata"]["name"].startswith("history-end"):
                    return
                self.events.append(event)
        raise AssertionError(f"the watch of {plural} ended before the block")

    async def _mark(self) -> None:
        """Writes one object of each kind. Once a watch has seen it, the watch has seen all earlier writes."""
        api = await kr8s.asyncio.api(kubeconfig=str(self.kubeconfig))
        bodies: dict[str, dict[str, Any]] = {
            "services": {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 1}]}},
            "pods": {
                "apiVersion": "v1",
                "kind": "Pod",
                "spec": {"containers": [{"name": "none", "image": "none"}], "nodeName": "history-end"},
            },
        }
        for plural, body in bodies.items():
            body["metadata"] = {"generateName": "history-end-"}
            async with api.call_api("POST", namespace=self.namespace, url=plural, content=json.dumps(body)) as response:
                name = response.json()["metadata"]["name"]
            async with api.call_api(
                "DELETE",
                namespace=self.namespace,
                url=f"{plural}/{name}",
                params={"gracePeriodSeconds": "0"},
            ):
                pass


def _version(event: dict[str, Any]) -> int:
    return int(event["object"]["metadata"]["resourceVersion"])


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready and not being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
