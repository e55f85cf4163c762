"""Ends the connections that clients keep to the old colour, while its pods stay ready for a rollback."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import ProxyRequest
from switchyard.kube.cluster import Cluster
from switchyard.kube.polling import poll_until
from switchyard.manifests.labels import colour_name, selector
from switchyard.release.drain.renewal import end_pods, renew_pods
from switchyard.release.drain.report import (
    DrainReport,
    PodDrainReport,
    answered,
    not_drained,
    not_replaced,
    not_undrained,
    renews,
    still_serves,
    unreached,
)

ASK_SECONDS = 3
"""Seconds within which one pod must answer."""

POLL_SECONDS = 0.5
"""Seconds between two counts of the connections that are left, which cannot be watched."""

UNDRAIN_SECONDS = 4
"""Time limit in seconds for the end of a drain, for which a rollback waits."""

PODS_AT_ONCE = 20
"""Number of pods that are called at the same time, a load that any API server can serve."""


async def drain(
    cluster: Cluster,
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    seconds: float | None = None,
    *,
    rolled_back: bool = False,
) -> DrainReport:
    """Ends kept connections to a colour that no longer serves, without a failed request. Raises no error.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the old colour.
        seconds: time to follow the drain; None for the configured time. With 0 it returns once the drain has started.
        rolled_back: whether the version was rolled back, so that users have to leave it soon.

    Returns:
        The report, with the pods that were reached and the connections that are left.
    """
    began = time.monotonic()
    begin = _drainer(cluster, name, service, colour, seconds, rolled_back=rolled_back)
    try:
        serving = await cluster.serving_track(service.namespace, name)
        if serving == Track(colour):
            # The selector on the cluster decides who serves; the pods that it selects are left alone.
            problem = still_serves(name, service.namespace, colour)
            report = DrainReport(colour, DrainMethod.NONE, problem=problem)
        else:
            report = await begin(str(serving or "another version"))
    except ClusterError as error:
        report = _not_done(name, service, colour, error.summary)
    return replace(report, seconds=time.monotonic() - began)


async def undrain(cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour) -> DrainReport:
    """Lets the pods of a colour keep connections again, before it takes traffic. Raises no error.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the colour that serves next.

    Returns:
        The report. A pod that was not reached serves as well.
    """
    began, method = time.monotonic(), service.release.drain.method
    if method is not DrainMethod.ENDPOINT:
        return DrainReport(colour, DrainMethod.NONE)
    pods: list[PodDrainReport] = []

    async def ask() -> list[PodDrainReport]:
        pods[:] = await _ask(cluster, name, service, colour, draining=False)
        return pods

    try:
        async with asyncio.timeout(UNDRAIN_SECONDS):
            await poll_until(ask, _all_settled, seconds=UNDRAIN_SECONDS, every=POLL_SECONDS)
        lines = unreached(pods)
    except TimeoutError:
        lines = unreached(pods) or [f"not every pod answered in {UNDRAIN_SECONDS} s"]
    except ClusterError as error:
        lines = [error.summary]
    problem = not_undrained(colour, lines) if lines else None
    return replace(_report(colour, pods), seconds=time.monotonic() - began, problem=problem)


def _drainer(
    cluster: Cluster,
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    seconds: float | None,
    *,
    rolled_back: bool,
) -> Callable[[str], Awaitable[DrainReport]]:
    """The function that drains by the service's method. Its argument is the colour that serves."""
    match service.release.drain.method:
        case DrainMethod.ENDPOINT:
            return partial(_by_endpoint, cluster, name, service, colour, seconds)
        case DrainMethod.RENEW if renews(service):
            if rolled_back and service.release.drain.rollback_seconds is not None:
                return partial(end_pods, cluster, name, service, colour)
            return partial(renew_pods, cluster, name, service, colour, seconds)
        case _:
            by_request = service.engine is SwitchEngine.ALB_WEIGHTS
            return partial(_left_alone, colour, by_request=by_request)


def _not_done(name: str, service: BlueGreenSettings, colour: Colour, why: str) -> DrainReport:
    """The report of a drain for which the API server did not answer, or denied a request."""
    method, serving = service.release.drain.method, str(colour.other)
    if method is DrainMethod.RENEW:
        problem = not_replaced(service.namespace, colour_name(name, colour), colour, serving, why)
    else:
        problem = not_drained(name, colour, serving, [why])
    return DrainReport(colour, method, problem=problem)


async def _left_alone(colour: Colour, _serving: str, *, by_request: bool) -> DrainReport:
    return DrainReport(colour, DrainMethod.NONE, by_request=by_request)


async def _by_endpoint(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float | None, serving: str
) -> DrainReport:
    """Calls the endpoint of each pod repeatedly until no connection is left, because pods may come and go."""
    serves_again = False

    async def ask() -> list[PodDrainReport]:
        nonlocal serves_again
        serves_again = await cluster.serving_track(service.namespace, name) == Track(colour)
        return await _ask(cluster, name, service, colour, draining=not serves_again)

    pods = await poll_until(
        ask,
        lambda pods: serves_again or (_all_settled(pods) and not sum(pod.connections or 0 for pod in pods)),
        seconds=service.release.drain.grace_seconds if seconds is None else seconds,
        every=POLL_SECONDS,
    )
    report, lines = _report(colour, pods), unreached(pods)
    if serves_again:
        return replace(report, problem=still_serves(name, service.namespace, colour))
    return replace(report, problem=not_drained(name, colour, serving, lines)) if lines else report


def _all_settled(pods: list[PodDrainReport]) -> bool:
    """Whether another call would change only the number of connections."""
    return not any(pod.again for pod in pods)


def _report(colour: Colour, pods: list[PodDrainReport]) -> DrainReport:
    reached = tuple(pod.pod for pod in pods if pod.reason is None)
    return DrainReport(
        colour,
        DrainMethod.ENDPOINT,
        pods=len(pods),
        reached=reached,
        failed=tuple(pod.pod for pod in pods if pod.reason is not None),
        connections_left=sum(pod.connections or 0 for pod in pods) if len(reached) == len(pods) else None,
    )


async def _ask(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, *, draining: bool
) -> list[PodDrainReport]:
    """Calls the endpoint of every running pod of a colour, also of pods that are being deleted."""
    settings, turns = service.release.drain, asyncio.Semaphore(PODS_AT_ONCE)
    request = ProxyRequest(f"{settings.path}?state={'on' if draining else 'off'}", ASK_SECONDS)

    async def of_pod(pod: str) -> PodDrainReport:
        async with turns:
            try:
                answer = await cluster.get_from_pod(service.namespace, pod, settings.port, request)
            except AccessDeniedError as error:
                return PodDrainReport(pod, reason=f"was not asked: the kubeconfig's user {error}")
            except ClusterError as error:
                return PodDrainReport(pod, reason=f"did not answer: {error}", again=True)
            state = answered(pod, answer, settings, draining=draining)
            if draining and state.connections:
                await _close_own(cluster, service, pod)
            return state

    listed = await cluster.api.find_all("pods", service.namespace, selector(name, colour))
    names = [pod["metadata"]["name"] for pod in listed["items"] if pod.get("status", {}).get("phase") == "Running"]
    return list(await asyncio.gather(*map(of_pod, sorted(names))))


async def _close_own(cluster: Cluster, service: BlueGreenSettings, pod: str) -> None:
    """Makes the API server end its own connection to a pod, which it keeps since the smoke test."""
    smoke = service.gate.smoke
    if smoke.enabled and smoke.paths:
        check = smoke.paths[0]
        request = ProxyRequest(check.path, ASK_SECONDS, https=smoke.scheme == "HTTPS", headers=check.headers)
        with suppress(ClusterError):  # it is counted with those that are left
            await cluster.get_from_pod(service.namespace, pod, service.port, request)
