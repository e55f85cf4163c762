"""A fake of the AWS Load Balancer Controller, whose chart a rehearsal does not download.

It reconciles Ingresses as the controller does, at a real API server and in moto instead of AWS: finalizer, target
groups, load balancer, listeners, rules and targets, status, events; and deletes them in the reverse order. Such a load
balancer forwards no requests. Not implemented: target-type ip, actions other than a fixed response by default, such as
weights, conditions in annotations, security groups of its own, discovery of certificates, a web ACL, tags of a single
Ingress and default tags of the chart, an Ingress that moves to
another group, another scheme, Services of type LoadBalancer, TargetGroupBindings, its webhook. A node without an
instance, which the controller reports on the TargetGroupBinding, is one of the `problems`.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import aclosing, suppress
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from devtools.rehearsal.load_balancer.deployer import Deployer
from devtools.rehearsal.load_balancer.desired import Desired, desired, finalizer, groups, is_protected
from devtools.rehearsal.load_balancer.events import FAILED_BUILD, FAILED_DEPLOY, RECONCILED, event_of
from devtools.rehearsal.load_balancer.observed import Caller, ObservedLoadBalancer, hostname
from devtools.rehearsal.load_balancer.target_groups import Name, written
from devtools.rehearsal.provider import RefusedError
from switchyard.config.kubernetes import CORE, NETWORKING
from switchyard.errors import ClusterError, RejectedError
from switchyard.kube.api import BoundedApi
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.manifests.pods import Manifest

MANAGER = "controller"
"""Field manager. The real controller names none, so the API server uses the name of its executable."""

AWAY_SECONDS = 0.5
"""Seconds between two requests to an API server that is not running and so cannot be watched."""

RETRY_SECONDS = 1.0
"""Seconds until a refused change is tried again."""

STOP_SECONDS = 60.0
"""Time limit for the end of the thread, seconds. A running call of moto ends first."""

EVERYWHERE = ""
"""Namespace of a watch on all of them."""

WATCHED = {"ingresses": NETWORKING, "services": CORE, "nodes": CORE}

log = logging.getLogger(__name__)


class FakeController:
    """Reconciles the Ingresses of a cluster while the with block runs, in a thread of its own.

    Args:
        kubeconfig: content of the kubeconfig of a cluster whose API server may not be running yet.
        aws: makes the calls. Other components may call it in between.
        cluster: name of the cluster, as the chart's values have it.
    """

    def __init__(self, kubeconfig: dict[str, Any], aws: Caller, cluster: str) -> None:
        self._kubeconfig = kubeconfig
        self._cluster = cluster
        self._account = Deployer(aws, cluster)
        self._applied: dict[str, Desired] = {}
        self._problems: dict[str, tuple[str, ...]] = {}
        self._try_again = False
        self._told: dict[str, str] = {}
        self._count = count(1)
        self._seen: dict[str, dict[Name, Manifest]] = {}
        self._stopping = Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None], Thread] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def problems(self) -> list[str]:
        """The problems of the present Ingresses, such as a value that AWS refuses. All are logged."""
        messages = [problem for problems in list(self._problems.values()) for problem in problems]
        if (error := self._end()) is not None:
            messages.append(f"the simulated controller ended: {error!r}")
        return messages

    def load_balancers(self) -> list[ObservedLoadBalancer]:
        """Returns the load balancers in moto."""
        return self._account.load_balancers()

    def start(self) -> None:
        """Starts the thread, and returns immediately."""
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._serve())
        thread = Thread(target=_until_done, args=(loop, task), name="load-balancers", daemon=True)
        self._running = loop, task, thread
        thread.start()

    def stop(self) -> None:
        """Ends the thread. The load balancers stay.

        Raises:
            TimeoutError: it does not end.
            Exception: the error that ended it before.
        """
        if self._running is None:
            return
        loop, task, thread = self._running
        self._stopping.set()
        with suppress(RuntimeError):  # the loop is closed: the thread has ended by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            raise TimeoutError(f"the simulated load balancer controller does not end in {STOP_SECONDS:g} s")
        if (error := self._end()) is not None:
            raise error

    def _end(self) -> BaseException | None:
        """Returns the error that ended the thread, if it was not stopped."""
        if self._running is None:
            return None
        _, task, _ = self._running
        return task.exception() if task.done() and not task.cancelled() else None

    async def _serve(self) -> None:
        """Reconciles the Ingresses, and reconnects to the API server when it is lost."""
        # Outside the loop, because waiting does not correct an invalid kubeconfig.
        context = resolve_content(json.dumps(self._kubeconfig))
        while not self._stopping.is_set():
            try:
                api = await BoundedApi.connect(Login(context))
                changed = asyncio.Event()
                self._seen = {}
                async with asyncio.TaskGroup() as tasks:
                    for resource in WATCHED:
                        tasks.create_task(self._follow(api, resource, changed))
                    tasks.create_task(self._reconcile(api, changed))
            except* ClusterError as errors:
                log.info("the API server does not answer: %s", errors.exceptions[0])
            await asyncio.sleep(AWAY_SECONDS)

    async def _follow(self, api: BoundedApi, resource: str, changed: asyncio.Event) -> None:
        """Keeps a current copy of the objects of a kind."""
        while True:
            listed = await api.find_all(resource, None, {}, WATCHED[resource])
            there = self._seen[resource] = {_name(item): item for item in listed["items"]}
            changed.set()
            since = listed["metadata"]["resourceVersion"]
            async with aclosing(api.watch(resource, EVERYWHERE, {}, WATCHED[resource], since=since)) as watch:
                async for event in watch:
                    if event["type"] == "ERROR":
                        break  # the version is too old for a watch: list again
                    if event["type"] == "DELETED":
                        there.pop(_name(event["object"]), None)
                    else:
                        there[_name(event["object"])] = event["object"]
                    changed.set()

    async def _reconcile(self, api: BoundedApi, changed: asyncio.Event) -> None:
        """Reconciles all groups at each change, and again some time after a refusal."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS if self._try_again else None):
                    await changed.wait()
            changed.clear()
            if len(self._seen) < len(WATCHED):
                continue
            self._try_again = False
            desired_groups = groups(self._seen["ingresses"].values())
            for group in sorted(desired_groups.keys() | self._applied.keys() | self._problems.keys()):
                await self._reconcile_group(api, group, desired_groups.get(group, []))

    async def _reconcile_group(self, api: BoundedApi, group: str, members: Sequence[Manifest]) -> None:
        word = RECONCILED
        try:
            problems = await self._carry_out(api, group, members)
        except (RefusedError, RejectedError, ValueError) as error:
            problems = (f"group {group}: {error}",)
            self._try_again = True
            word = FAILED_BUILD.format(error) if isinstance(error, ValueError) else FAILED_DEPLOY.format(error)
        await self._tell(api, group, members, word)
        for problem in problems:
            if problem not in self._problems.get(group, ()):
                log.warning("%s", problem)
        if problems:
            self._problems[group] = problems
        else:
            self._problems.pop(group, None)

    async def _carry_out(self, api: BoundedApi, group: str, members: Sequence[Manifest]) -> tuple[str, ...]:
        """Creates or updates a group's load balancer as its Ingresses ask; returns notes on what cannot be done."""
        leaving = [member for member in members if "deletionTimestamp" in member["metadata"]]
        for member in leaving:
            if is_protected(member):
                # Like the controller, it then changes nothing for the whole group.
                raise RefusedError(f"deletion_protection is enabled, cannot delete the ingress: {written(member)}")
        staying = [
            await self._finalize(api, member, present=True)
            for member in members
            if "deletionTimestamp" not in member["metadata"]
        ]
        notes: tuple[str, ...] = ()
        if staying:
            want = desired(self._cluster, group, staying, self._seen["services"], self._seen["nodes"].values())
            if self._applied.get(group) != want:
                self._applied.pop(group, None)
                # Not in another thread: `stop` would not wait for it, and the next call would go to AWS.
                self._account.apply(want)
                self._applied[group] = want
            notes = want.notes
            for member in staying:
                await self._publish(api, member, hostname(want.name))
        else:
            self._account.remove(group)
            self._applied.pop(group, None)
        for member in leaving:
            await self._finalize(api, member, present=False)
        return notes

    async def _tell(self, api: BoundedApi, group: str, members: Sequence[Manifest], word: str) -> None:
        """Writes an event for each Ingress of a group, for each report of the controller, also for a repeated one.

        The real controller reconciles again at each change that it watches, and reports success each time. This one
        reports it once for each version of the Ingresses.
        """
        staying = [member for member in members if "deletionTimestamp" not in member["metadata"]]
        said = json.dumps(
            [word, [[_name(ingress), ingress["spec"], ingress["metadata"].get("annotations")] for ingress in staying]]
        )
        if word == RECONCILED and self._told.get(group) == said:
            return
        for member in staying:
            event = event_of(member, word, next(self._count))
            with suppress(RejectedError):  # nothing can be created in a namespace that is being deleted
                await api.ask(
                    "patch",
                    "events",
                    str(event["metadata"]["name"]),
                    _name(member)[0],
                    params={"fieldManager": MANAGER, "force": "true"},
                    headers={"content-type": "application/apply-patch+yaml"},  # JSON is YAML
                    content=json.dumps(event),
                )
        self._told[group] = said

    async def _finalize(self, api: BoundedApi, ingress: Manifest, *, present: bool) -> Manifest:
        """Adds or removes the finalizer of an Ingress; returns the updated object."""
        own, metadata = finalizer(ingress), ingress["metadata"]
        before = metadata.get("finalizers", [])
        if (own in before) == present:
            return ingress
        after = [*before, own] if present else [other for other in before if other != own]
        # The list is patched as a whole, so the patch fails if it was changed in the meantime.
        changes = {"resourceVersion": metadata["resourceVersion"], "finalizers": after}
        return await self._patch(api, ingress, "", {"metadata": changes})

    async def _publish(self, api: BoundedApi, ingress: Manifest, name: str) -> None:
        """Writes the load balancer's name into the status, for which an update waits."""
        status = {"loadBalancer": {"ingress": [{"hostname": name}]}}
        if ingress.get("status", {}) != status:
            await self._patch(api, ingress, "/status", {"status": status})

    async def _patch(self, api: BoundedApi, ingress: Manifest, part: str, changes: Manifest) -> Manifest:
        namespace, name = _name(ingress)
        patched: Manifest = await api.ask(
            "patch",
            "ingresses",
            f"{name}{part}",
            namespace,
            NETWORKING,
            params={"fieldManager": MANAGER},
            headers={"content-type": "application/merge-patch+json"},
            content=json.dumps(changes),
        )
        there = self._seen["ingresses"]
        if there.get((namespace, name)) is ingress:  # the watch has nothing newer
            there[namespace, name] = patched
        return patched


def _until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    loop.run_until_complete(asyncio.wait([task]))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _name(manifest: Manifest) -> Name:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]
