"""Checks whether a colour that does not serve still gets requests."""

import asyncio

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.kube.cluster import Cluster
from switchyard.release.drain.drain import drain
from switchyard.release.watch.pod_metrics import PodMetrics
from switchyard.release.watch.samples import Increase

SECONDS = 3
"""Seconds for which the requests to the colour are counted."""


async def still_used(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float = SECONDS
) -> str | None:
    """A sentence about requests or connections which show that a colour is still used; None if none are seen.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the colour that does not serve.
        seconds: time for which its requests are counted.
    """
    left = None
    if service.release.drain.method is DrainMethod.ENDPOINT:
        left = (await drain(cluster, name, service, colour, 0)).connections_left
    if left:
        return f"{left} connections to its pods are open"
    requests = round(await _requests(cluster, name, service, colour, seconds))
    if not requests:
        return None
    return (
        f"its pods have answered {requests} requests in {seconds:.0f} s (those of their probes too, if the application "
        "counts them)"
    )


async def _requests(cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float) -> float:
    """Requests that the pods of a colour count during some seconds; 0 if they do not count requests.

    An application may also count the requests for its metrics. What a pod counts between two readings in immediate
    succession is attributed to the first of them.
    """
    metrics, increase = PodMetrics(cluster.api, name, service, Track(colour)), Increase(service.release.watch)

    async def counted() -> dict[str, float]:
        reading = await metrics.read()
        return {pod: increase.add(pod, series, born=False).requests for pod, series in reading.series.items()}

    if not await counted():
        return 0
    own = await counted()
    await asyncio.sleep(seconds)  # metrics cannot be watched for
    return sum(max(0.0, requests - own.get(pod, 0.0)) for pod, requests in (await counted()).items())
