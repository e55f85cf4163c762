"""An API server with Jobs of hooks, their pods and Secrets."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from switchyard.config.models.hooks import Hook, HookPoint
from switchyard.manifests.hooks import HookContext, job_name
from switchyard.release.hooks.calls import ClusterHookCalls
from switchyard.release.hooks.hooks import HookResult
from tests.support.observed import settings

CONTEXT = HookContext("backend", "backend", "20300131120000-a1b2c3", HookPoint.AFTER_SWITCH, "v1", "v2", "green")
NAME = job_name(CONTEXT, "it")
NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@dataclass
class FakeApi:
    """An API server with Jobs, their pods and Secrets.

    Attributes:
        jobs: Jobs by name.
        pods: pods of the hook.
        secrets: data by name.
        statuses: what the controller makes of a Job, one after the other.
        errors: errors that the next calls raise, by verb and resource.
        lost: error in place of the answer to a creation; None without one.
        asked: verb, resource and name of each call.
    """

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[tuple[str, str], list[Exception]] = field(default_factory=dict)
    lost: Exception | None = None
    log: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def _asks(self, verb: str, resource: str, name: str) -> None:
        self.asked.append((verb, resource, name))
        if waiting := self.errors.get((verb, resource)):
            raise waiting.pop(0)

    async def find(self, resource: str, name: str, *_: str) -> Any:
        self._asks("get", resource, name)
        if resource == "secrets":
            return {"data": self.secrets[name]} if name in self.secrets else None
        return self.jobs.get(name)

    async def ask(self, verb: str, resource: str, name: str, *_: str, **request: Any) -> Any:
        self._asks(verb, resource, name)
        if verb == "get":
            return self.jobs[name]
        document: dict[str, Any] = json.loads(request["content"])
        self.jobs[document["metadata"]["name"]] = document
        if self.lost is not None:
            raise self.lost
        return document

    async def ask_text(self, resource: str, name: str, _: str, **request: Any) -> str:
        self._asks("get", resource, name)
        assert request["params"] == {"tailLines": "10", "limitBytes": "2000"}
        return self.log

    async def find_all(self, resource: str, _: str, labels: Mapping[str, str], *__: str) -> Any:
        self._asks("list", resource, "")
        items = list(self.jobs.values()) if resource == "jobs" else self.pods
        assert all(labels.items() <= item["metadata"]["labels"].items() for item in items)
        return {"items": items, "metadata": {"resourceVersion": "1"}}

    async def watch(self, resource: str, *_: object) -> AsyncGenerator[dict[str, Any], None]:
        self._asks("watch", resource, "")
        if resource == "jobs" and self.statuses:
            await asyncio.sleep(0.01)  # the pods are seen before
            self.jobs[NAME] = self.jobs[NAME] | {"status": self.statuses.pop(0)}
            yield {"type": "MODIFIED", "object": self.jobs[NAME]}
            return
        await asyncio.Event().wait()


def run(api: FakeApi, own: dict[str, Any], begun: datetime | None = None, **more: Any) -> HookResult:
    """Runs a hook to its end."""
    hook = Hook.model_validate({"name": "it", **own})
    context = HookContext(**{**vars(CONTEXT), **more})
    calls = ClusterHookCalls(api, settings(), lambda: NOW)  # type: ignore[arg-type]
    return asyncio.run(calls.run(hook, context, begun))
