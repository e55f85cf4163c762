"""Checks whether a colour that does not serve still gets requests, as far as that can be seen."""

import asyncio

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.kube.cluster import Cluster
from switchyard.release.drain import drain
from switchyard.release.pod_metrics import PodMetrics
from switchyard.release.samples import Counts, Increase

SECONDS = 3
"""Seconds for which the requests to the colour are counted."""


async def still_used(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float = SECONDS
) -> str | None:
    """A sentence about requests or connections that show that a colour is used; None if none are seen, or can be seen.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: its settings.
        colour: the colour that does not serve.
        seconds: time for which its requests are counted.
    """
    left = None
    if service.release.drain.method is DrainMethod.ENDPOINT:
        left = (await drain(cluster, name, service, colour, 0)).connections_left
    if left:
        return f"{left} connections to its pods are open"
    requests = round(await _requests(cluster, name, service, colour, seconds))
    return f"its pods have answered {requests} requests in {seconds:.0f} s" if requests else None


async def _requests(cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float) -> float:
    """Requests that the pods of a colour count during some seconds; 0 if they do not count requests."""
    metrics, increase, counts = (
        PodMetrics(cluster.api, name, service, Track(colour)),
        Increase(service.release.watch),
        Counts(),
    )
    first = await metrics.read()
    if not any(first.series.values()):
        return 0
    await asyncio.sleep(seconds)  # metrics cannot be watched for
    for reading in (first, await metrics.read()):
        for pod, series in reading.series.items():
            counts += increase.add(pod, series, born=False)
    return counts.requests
