"""Selects the source that a watch reads: the pods themselves, or a Prometheus that scrapes them."""

from collections.abc import Sequence
from typing import Protocol

from switchyard.config.models.service import ServiceSettings, Track
from switchyard.kube.api import BoundedApi
from switchyard.release.watch.pod_metrics import PodMetrics, Reading


class MetricsSource(Protocol):
    """A source of metrics that is read each second of a watch."""

    async def read(self) -> Reading:
        """Reads the source once. The reading has the failures too."""
        ...


def sources_of(
    api: BoundedApi,
    service: str,
    settings: ServiceSettings,
    tracks: Sequence[Track],
    before: Reading | None = None,
    *,
    seconds_ago: int = 0,
) -> list[MetricsSource]:
    """The configured source of the metrics of each track.

    Args:
        api: the API server.
        service: the service's name in Kubernetes.
        settings: settings of the service.
        tracks: tracks of the pods.
        before: an earlier reading of the same pods, from which the counting continues.
        seconds_ago: age in seconds of the samples that a Prometheus is asked for; pods have only the present ones.
    """
    if settings.release.watch.prometheus is None:
        return [PodMetrics(api, service, settings, track) for track in tracks]
    # Imported here, so that only a service with a Prometheus pays for the import.
    from switchyard.kube.prometheus import Prometheus  # noqa: PLC0415
    from switchyard.release.watch.prometheus_metrics import PrometheusMetrics  # noqa: PLC0415

    prometheus = Prometheus(settings.release.watch.prometheus, api)  # shared: one query at a time
    return [
        PrometheusMetrics(api, prometheus, service, settings, track, before, seconds_ago=seconds_ago)
        for track in tracks
    ]
