"""Checks whether a colour that does not serve still gets requests, and says when that could not be seen."""

import asyncio
from dataclasses import dataclass

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import ClusterError
from switchyard.kube.cluster import Cluster
from switchyard.release.drain.drain import drain
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from switchyard.release.watch.samples import Increase
from switchyard.release.watch.watch import simulated_nodes

SECONDS = 3
"""Seconds for which the requests to the colour are counted."""


@dataclass(frozen=True)
class OldTraffic:
    """Whether a colour that does not serve still gets requests. Without any of these texts it gets none.

    Attributes:
        used: the requests or connections which show that it is used; None if none were seen.
        unread: the error because of which they could not be seen, and which may pass; None without one.
        unseen: why the application does not show its requests; None if it does.
    """

    used: str | None = None
    unread: str | None = None
    unseen: str | None = None


async def old_traffic(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float = SECONDS
) -> OldTraffic:
    """Reads whether a colour that does not serve still gets requests.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: settings of the service.
        colour: the colour that does not serve.
        seconds: time for which its requests are counted.
    """
    connections = await _connections(cluster, name, service, colour)
    if connections.used is not None:
        return connections
    requests = await _requests(cluster, name, service, colour, seconds)
    if requests.unread is not None:  # a pod may have ended since they were listed
        requests = await _requests(cluster, name, service, colour, seconds)
    if requests.used is not None:
        return requests
    unread, unseen = connections.unread or requests.unread, requests.unseen
    if (unread or unseen) and await _is_simulated(cluster, name, service, colour):
        return OldTraffic()
    return OldTraffic(unread=unread, unseen=unseen)


async def _is_simulated(cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour) -> bool:
    """Whether all pods of a colour are on simulated nodes, so that they answer no request."""
    try:
        return bool(await simulated_nodes(cluster, name, service, Track(colour)))
    except ClusterError:  # for example a user who may not read nodes
        return False


async def _connections(cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour) -> OldTraffic:
    """The open connections to a colour whose application counts them."""
    if service.release.drain.method is not DrainMethod.ENDPOINT:
        return OldTraffic()
    report = await drain(cluster, name, service, colour, 0)
    if report.connections_left:
        return OldTraffic(used=f"{report.connections_left} connections to its pods are open")
    if report.failed:
        pods = f"{len(report.failed)} of {report.pods} pods ({report.failed[0]})"
        return OldTraffic(unread=f"the connections of {pods} could not be counted at {service.release.drain.path}")
    return OldTraffic(unread=report.problem)


async def _requests(
    cluster: Cluster, name: str, service: BlueGreenSettings, colour: Colour, seconds: float
) -> OldTraffic:
    """The requests that the pods of a colour count during some seconds.

    An application may also count the requests for its metrics. What a pod counts between two readings in immediate
    succession is attributed to the first of them.
    """
    watch = service.release.watch
    metrics, increase = PodMetrics(cluster.api, name, service, Track(colour)), Increase(watch)
    readings: list[Reading] = []

    async def counted() -> dict[str, float]:
        readings.append(reading := await metrics.read())
        return {pod: increase.add(pod, series, born=False).requests for pod, series in reading.series.items()}

    if await counted():
        own = await counted()
        await asyncio.sleep(seconds)  # metrics cannot be watched for
        last = await counted()
        requests = round(sum(max(0.0, requests - own.get(pod, 0.0)) for pod, requests in last.items()))
        if requests:
            return OldTraffic(
                used=f"its pods have answered {requests} requests in {seconds:.0f} s (those of their probes too, if "
                "the application counts them)"
            )
    # Only a watch that reads the pods says that they have metrics which the API server reaches.
    expected = bool(watch.seconds) and watch.prometheus is None
    problem = next((reading.problem for reading in readings if reading.problem), None)
    if problem is not None:
        shows_none = all(reading.shows_none or not (expected or reading.error) for reading in readings)
        return OldTraffic(unseen=problem) if shows_none else OldTraffic(unread=problem)
    series = [name for reading in readings for pod in reading.series.values() for name, _ in pod]
    # Where requests are counted, the series may begin with the first request, as in pods that the drain has renewed.
    if readings[0].series and watch.requests_metric not in series and not expected:
        return OldTraffic(unseen=f"its pods have no series of {watch.requests_metric}")
    return OldTraffic()
