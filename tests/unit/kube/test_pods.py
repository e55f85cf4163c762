"""Pods are watched by name until they are gone or have ended."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from switchyard.kube.pods import PodsReader

LABELS = {"app": "backend", "version": "blue"}


def pod(name: str, phase: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase}}


class FakeApi:
    """An API server with three pods, of which one was evicted, and with changes of the others."""

    async def find_all(self, resource: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
        assert (resource, namespace, labels) == ("pods", "shop", LABELS)
        pods = [pod("blue-1", "Running"), pod("blue-2", "Running"), pod("blue-evicted", "Failed")]
        return {"metadata": {"resourceVersion": "1"}, "items": pods}

    async def watch(self, *_: object) -> AsyncGenerator[dict[str, Any], None]:
        yield {"type": "MODIFIED", "object": pod("blue-evicted", "Failed")}
        yield {"type": "MODIFIED", "object": pod("blue-1", "Succeeded")}  # its containers have ended, and it is deleted
        yield {"type": "ADDED", "object": pod("blue-3", "Pending")}
        yield {"type": "DELETED", "object": pod("blue-2", "Running")}


def test_pods_that_have_ended_are_not_among_the_watched_names() -> None:
    async def first(count: int) -> list[frozenset[str]]:
        watch = PodsReader(FakeApi()).watch_pod_names("shop", LABELS)  # type: ignore[arg-type]
        return [await anext(watch) for _ in range(count)]

    assert asyncio.run(first(5)) == [
        {"blue-1", "blue-2"},
        {"blue-1", "blue-2"},
        {"blue-2"},
        {"blue-2", "blue-3"},
        {"blue-3"},
    ]
