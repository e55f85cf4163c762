"""Ends kept connections by replacing the pods that hold them, which needs nothing from the application."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from switchyard.config.kubernetes import APPS
from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.kube.api import MERGE_PATCH
from switchyard.kube.cluster import Cluster
from switchyard.kube.polling import watch_until
from switchyard.manifests.labels import FIELD_MANAGER, RENEWED_AT, colour_name, selector
from switchyard.release.drain.report import DrainReport, not_renewed

KILL_SECONDS = 2
"""Seconds from SIGTERM to SIGKILL after the grace period: the kubelet's `minimumGracePeriodInSeconds`."""

NODE_SECONDS = 10
"""Additional seconds for the kubelets to stop containers and to report it."""


async def renew_pods(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float | None, serving: str
) -> DrainReport:
    """Makes the Deployment replace its pods by new ones of the same version, and waits until the old are gone.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the colour whose pods are ended.
        seconds: time to follow the renewal; None for the configured time.
        serving: the colour that serves, for messages.
    """

    async def renew(_: frozenset[str]) -> None:
        await _change_template(cluster, service.namespace, colour_name(name, colour))

    bound = _renewal_seconds(service) if seconds is None else seconds
    return await _replaced(cluster, name, service, colour, renew, bound, serving)


async def end_pods(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, serving: str
) -> DrainReport:
    """Deletes the pods of a version that was rolled back, all at once; their ReplicaSet starts others in their place.

    Their grace period is `release.drain.rollbackSeconds`, which ends preStop early, so that SIGTERM comes then. If
    the user may not delete pods, they are renewed as after a switch.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the colour whose pods are ended.
        serving: the colour that serves, for messages.
    """
    grace = service.release.drain.rollback_seconds or 0
    namespace = service.namespace

    async def delete(pods: frozenset[str]) -> None:
        await asyncio.gather(*(_delete(cluster, namespace, pod, grace) for pod in pods))

    try:
        return await _replaced(cluster, name, service, colour, delete, grace + KILL_SECONDS + NODE_SECONDS, serving)
    except AccessDeniedError:
        return await renew_pods(cluster, name, service, colour, 0, serving)


async def _replaced(
    cluster: Cluster,
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    replace_pods: Callable[[frozenset[str]], Awaitable[None]],
    bound: float,
    serving: str,
) -> DrainReport:
    """Starts to replace the pods of a colour, and waits until the old pods are gone or the time is over."""
    namespace, deployment = service.namespace, colour_name(name, colour)
    async with aclosing(cluster.watch_pod_names(namespace, selector(name, colour))) as watch:
        before = left = await anext(watch)

        async def gone(names: frozenset[str]) -> bool:
            nonlocal left
            left = before & names
            return not left

        if before:
            await replace_pods(before)
            await watch_until(watch, gone, bound)
    report = DrainReport(
        colour,
        DrainMethod.RENEW,
        pods=len(before),
        reached=tuple(sorted(before - left)),
        failed=tuple(sorted(left)),
        connections_left=None if left else 0,
    )
    if not left or not bound:
        return report
    pods = await cluster.pods_report(namespace, name, Track(colour), service.replicas_of(Track(colour)))
    why = f"{len(left)} of {len(before)} pods were not replaced in {bound:.0f} s ({pods})"
    return replace(report, problem=not_renewed(namespace, deployment, colour, serving, why))


def _renewal_seconds(service: BlueGreenSettings) -> float:
    """Time limit of a renewal in seconds: until all new pods are ready and the last old one has ended."""
    ending = service.drain.termination_grace_period_seconds
    return service.ready_timeout_seconds + ending + service.release.drain.grace_seconds


async def _delete(cluster: Cluster, namespace: str, pod: str, grace: int) -> None:
    """Deletes a pod, also one that is already being deleted, for which the shorter grace period applies."""
    try:
        await cluster.api.ask("delete", "pods", pod, namespace, params={"gracePeriodSeconds": grace})
    except ApiStatusError as error:
        if error.status_code != httpx.codes.NOT_FOUND:
            raise


async def _change_template(cluster: Cluster, namespace: str, deployment: str) -> None:
    """Changes the annotation that makes a new pod template of the same content."""
    annotations = {RENEWED_AT: datetime.now(UTC).isoformat(timespec="milliseconds")}
    await cluster.api.ask(
        "patch",
        "deployments",
        deployment,
        namespace,
        APPS,
        params={"fieldManager": FIELD_MANAGER},
        headers=MERGE_PATCH,
        content=json.dumps({"spec": {"template": {"metadata": {"annotations": annotations}}}}),
    )
