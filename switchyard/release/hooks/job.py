"""Runs the Job of a hook: creates it once, and follows it to its end."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from switchyard.config.kubernetes import BATCH, CORE
from switchyard.config.models.hooks import Hook, HookJob
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import AccessDeniedError, ApiStatusError, ClusterError, RejectedError, UnreachableError
from switchyard.kube.api import BoundedApi
from switchyard.kube.error_mapping import TRANSIENT
from switchyard.kube.polling import watch_until
from switchyard.manifests.hooks import KEPT, HookContext, hook_job, hook_labels, job_name
from switchyard.release import retries
from switchyard.release.hooks.hooks import HookResult
from switchyard.release.record.hook import HookOutcome

LATE_SECONDS = 60
"""Seconds after its deadline for which a Job is followed, until its controller has noticed it."""

LOG_LINES, LOG_BYTES = 10, 2000
"""Lines and bytes of a pod's log that a message quotes."""

AGAIN_SECONDS = 1
"""Seconds between two attempts to follow a Job while the API server does not answer."""

SILENT_SECONDS = 60.0
"""Seconds without an event after which the Job is listed again. A load balancer, or the network of a laptop that slept,
may have dropped the connection without a message."""

ENDINGS = {"Complete": HookOutcome.PASSED, "Failed": HookOutcome.FAILED}
"""The outcome of a Job, by its condition."""


@dataclass
class JobRun:
    """The Job of one hook.

    Attributes:
        api: the API server.
        hook: the hook.
        job: the configured Job of the hook.
        context: the information that the hook receives.
        service: the settings of the service.
        pods: the last seen state of its pods, by name.
    """

    api: BoundedApi
    hook: Hook
    job: HookJob
    context: HookContext
    service: BlueGreenSettings
    pods: dict[str, str] = field(default_factory=dict)
    _asked: bool = field(default=False, init=False)
    """Whether the API server was asked to create the Job."""

    async def run(self, begun: datetime | None, now: datetime) -> HookResult:
        """Creates the Job unless it exists, and follows it to its end.

        Args:
            begun: time at which an earlier command recorded the start; None if this command did so.
            now: the time by the API server's clock.
        """
        if self.job.image is None and self.context.tag is None:
            reason = "which version it is to run with is not known; name an image"
            return HookResult(HookOutcome.FAILED, reason)
        try:
            # A Job has one name in its release, so that a second attempt creates no second one.
            problem = await retries.until_answered(lambda: self._create(begun, now))
        except ClusterError as error:
            return self._not_created(error, begun)
        return await self._followed() if problem is None else problem

    def _not_created(self, error: ClusterError, begun: datetime | None) -> HookResult:
        """The result without a Job. It has failed only if it is certain that no attempt has created the Job."""
        if self._asked and _rejects(error):
            return HookResult(HookOutcome.FAILED, f"Job {self.name} cannot be created: {error}")
        if begun is None and not self._asked:
            return HookResult(HookOutcome.FAILED, f"Job {self.name} was not created: {error}")
        detail = f"whether Job {self.name} was created is not known: {error}. {self._see}"
        return HookResult(HookOutcome.UNKNOWN, detail)

    @property
    def name(self) -> str:
        """The name of the Job."""
        return job_name(self.context, self.hook.name)

    @property
    def _labels(self) -> dict[str, str]:
        return hook_labels(self.context, self.hook.name)

    @property
    def _see(self) -> str:
        return f"See: kubectl -n {self.service.namespace} describe job {self.name}"

    async def _create(self, begun: datetime | None, now: datetime) -> HookResult | None:
        """Creates the Job, or finds an existing one. Returns a result only if that failed."""
        namespace = self.service.namespace
        live = await self.api.find("jobs", self.name, namespace, BATCH)
        if live is None and begun is not None and now - begun > KEPT:
            return HookResult(HookOutcome.UNKNOWN, f"Job {self.name} was started at {begun}, and no longer exists")
        if live is None:
            manifest = hook_job(self.hook, self.job, self.context, self.service)
            self._asked = True
            try:
                live = await self.api.ask("create", "jobs", "", namespace, BATCH, content=json.dumps(manifest))
            except ClusterError as error:
                if _rejects(error):
                    raise
                # The Job exists already, or only the answer was lost.
                live = await self.api.find("jobs", self.name, namespace, BATCH)
                if live is None:
                    raise
        if not self._labels.items() <= (live["metadata"].get("labels") or {}).items():
            return HookResult(HookOutcome.FAILED, f"Job {self.name} is not of this release: it lacks its labels")
        return None

    async def _followed(self) -> HookResult:
        last: Mapping[str, Any] | None = None

        async def has_ended(job: Mapping[str, Any] | None) -> bool:
            nonlocal last
            last = job
            return job is None or ending(job) is not None

        seconds = self.hook.timeout_seconds + LATE_SECONDS
        following = asyncio.create_task(self._follow_pods())
        try:
            in_time = await watch_until(self._watch(), has_ended, seconds)
        except ClusterError as error:
            return HookResult(HookOutcome.UNKNOWN, f"Job {self.name} cannot be followed: {error}. {self._see}")
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        if in_time and last is None:
            return HookResult(HookOutcome.UNKNOWN, f"Job {self.name} was deleted while it was followed")
        ended = None if last is None else ending(last)
        if ended is None:
            detail = f"Job {self.name} has not ended after {seconds} s{self._pods()}. {self._see}"
            return HookResult(HookOutcome.UNKNOWN, detail)
        outcome, reason = ended
        if outcome is HookOutcome.PASSED:
            return HookResult(outcome, f"Job {self.name} has succeeded")
        log = await self._log()
        detail = f"Job {self.name} has failed: {reason}{self._pods()}. Its log: {self._log_command}"
        return HookResult(outcome, detail, log)

    @property
    def _log_command(self) -> str:
        return f"kubectl -n {self.service.namespace} logs job/{self.name}"

    async def _watch(self) -> AsyncGenerator[Mapping[str, Any] | None, None]:
        """Yields the Job now and at every change, and None once it does not exist."""
        async for event in self._events("jobs", BATCH):
            yield event

    async def _follow_pods(self) -> None:
        with suppress(ClusterError):  # the Job says enough
            async for pod in self._events("pods", CORE):
                if pod is not None:
                    self.pods[pod["metadata"]["name"]] = state_of(pod) or self.pods.get(pod["metadata"]["name"], "")

    async def _events(self, resource: str, version: str) -> AsyncGenerator[Mapping[str, Any] | None, None]:
        """Yields the objects of the hook, now and at every change; None if there is none or one was deleted."""
        namespace = self.service.namespace
        while True:
            try:
                listed = await self.api.find_all(resource, namespace, self._labels, version)
                for item in listed["items"] or [None]:
                    yield item
                since = listed["metadata"]["resourceVersion"]
                async with aclosing(self.api.watch(resource, namespace, self._labels, version, since)) as watch:
                    # An error says that the version is too old for a watch: list again.
                    while (event := await _next(watch)) is not None and event["type"] != "ERROR":
                        yield None if event["type"] == "DELETED" else event["object"]
            except AccessDeniedError:
                raise
            except (UnreachableError, ApiStatusError):
                await asyncio.sleep(AGAIN_SECONDS)  # an API server that is away for a while is asked again

    def _pods(self) -> str:
        states = [f"pod {name} {state}" for name, state in self.pods.items() if state]
        return f" ({'; '.join(states)})" if states else ""

    async def _log(self) -> str | None:
        """The end of the log of the newest pod, which is printed and never written to the record."""
        if not self.pods:
            return None
        pod = list(self.pods)[-1]
        request = {"tailLines": str(LOG_LINES), "limitBytes": str(LOG_BYTES)}
        try:
            text = await self.api.ask_text("pods", f"{pod}/log", self.service.namespace, params=request)
        except ClusterError as error:
            return f"Its log cannot be read: {error}"
        lines = ["".join(char if char.isprintable() else " " for char in line) for line in text.splitlines()]
        return "\n".join([f"The end of the log of pod {pod}:", *(f"  {line}" for line in lines)]) if lines else None


def _rejects(error: ClusterError) -> bool:
    """Whether the API server has refused to create the Job, and not only failed to say what became of it."""
    if isinstance(error, ApiStatusError):
        return httpx.codes.is_client_error(error.status_code) and error.status_code not in TRANSIENT
    return isinstance(error, AccessDeniedError | RejectedError)


async def _next(watch: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any] | None:
    """The next event of a watch; None at its end, and after a time without events."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENT_SECONDS):
            return await anext(watch, None)
    return None


def ending(job: Mapping[str, Any]) -> tuple[HookOutcome, str] | None:
    """The outcome of a Job and its reason; None while it runs."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ENDINGS and condition["status"] == "True":
            reason = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return ENDINGS[condition["type"]], reason
    return None


def state_of(pod: Mapping[str, Any]) -> str:
    """The state of a pod that waits or has ended, as text; empty while it runs."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        if "terminated" in state:
            return f"ended with exit code {state['terminated'].get('exitCode')}"
        if waiting := state.get("waiting"):
            return "waits: " + ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    for condition in status.get("conditions") or ():
        if (condition["type"], condition["status"]) == ("PodScheduled", "False"):
            return f"is not scheduled: {condition.get('message', '')}"
    return ""
