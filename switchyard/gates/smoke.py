"""HTTP checks of a colour before it takes traffic, sent through the API server's proxy."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection

from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.smoke import Smoke, SmokeCheck
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import ProxyAnswer, ProxyRequest
from switchyard.kube.cluster import Cluster
from switchyard.manifests.labels import track_service_name

SHOWN = 120
"""Number of characters of an answer's body that a message shows."""

PODS_NAMED = 3
"""Number of pods that a message names."""

PODS_AT_ONCE = 10
"""Number of pods that are checked at the same time, a load that any API server can serve."""

Get = Callable[[SmokeCheck], Awaitable[ProxyAnswer]]


async def smoke_failures(
    cluster: Cluster, name: str, service: ServiceSettings, track: Track, pods: Collection[str]
) -> list[str]:
    """Runs every configured check against each pod of a track, and one through the track's Service.

    A Service alone would answer from any one of its pods, and a bad one among good ones would go unseen; pods
    alone would not show that the Service's port targets them.

    Args:
        cluster: the cluster of the pods.
        name: the service's name.
        service: settings of the service.
        track: the pods to check.
        pods: names of the track's pods.

    Returns:
        A line for each check whose last attempt failed, with the pods on which it failed; empty if all passed.
    """
    smoke, namespace = service.gate.smoke, service.namespace
    turns = asyncio.Semaphore(PODS_AT_ONCE)

    async def of_pod(pod: str) -> list[str]:
        async def get(check: SmokeCheck) -> ProxyAnswer:
            return await cluster.get_from_pod(namespace, pod, service.port, _request(smoke, check))

        async with turns:
            return [failure for check in smoke.paths if (failure := await _failure(smoke, check, get)) is not None]

    async def through_service(check: SmokeCheck) -> ProxyAnswer:
        return await cluster.get_from_service(namespace, track_service_name(name, track), _request(smoke, check))

    of_pods = dict(zip(pods, await asyncio.gather(*map(of_pod, pods)), strict=True))
    if any(of_pods.values()) or not smoke.paths:
        return by_failure(of_pods)
    failure = await _failure(smoke, smoke.paths[0], through_service)
    return (
        []
        if failure is None
        else [f"{failure}, through Service {track_service_name(name, track)}, though each pod is well"]
    )


def _request(smoke: Smoke, check: SmokeCheck) -> ProxyRequest:
    return ProxyRequest(check.path, smoke.timeout_seconds, https=smoke.scheme == "HTTPS", headers=check.headers)


def by_failure(of_pods: dict[str, list[str]]) -> list[str]:
    """The lines of a report: one for each failure, with the pods that had it."""
    pods_by_failure = defaultdict(list)
    for pod, failures in sorted(of_pods.items()):
        for failure in failures:
            pods_by_failure[failure].append(pod)
    lines = []
    for failure, pods in pods_by_failure.items():
        others = f" and {len(pods) - PODS_NAMED} more" if len(pods) > PODS_NAMED else ""
        lines.append(f"{failure} on {', '.join(pods[:PODS_NAMED])}{others}")
    return lines


async def _failure(smoke: Smoke, check: SmokeCheck, get: Get) -> str | None:
    failure = None
    for attempt in range(smoke.attempts):
        if attempt:
            await asyncio.sleep(smoke.interval_seconds)  # an HTTP answer cannot be watched for
        failure = await _attempt(smoke, check, get)
        if failure is None:
            return None
    return f"{failure} ({smoke.attempts} attempts)"


async def _attempt(smoke: Smoke, check: SmokeCheck, get: Get) -> str | None:
    try:
        answer = await get(check)
    except AccessDeniedError:
        raise  # says nothing of the pod
    except ClusterError as error:
        return f"GET {check.path} had no answer within {smoke.timeout_seconds} s ({error})"
    return mismatch(check, answer)


def mismatch(check: SmokeCheck, answer: ProxyAnswer) -> str | None:
    """The difference between an answer and what a check expects; None without one."""
    if answer.status != check.status:
        return f"GET {check.path} answered {answer.status}, expected {check.status}: {_excerpt(answer.body)}"
    if check.body_matches is not None and re.search(check.body_matches, answer.body) is None:
        return f"GET {check.path} has no match for {check.body_matches!r} in: {_excerpt(answer.body)}"
    return None


def _excerpt(body: str) -> str:
    text = " ".join(body.split())
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
