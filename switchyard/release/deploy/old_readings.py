"""Reads the counters of the old colour's pods while a release prepares its switch."""

import time
from contextlib import suppress

from switchyard.config.models.service import Colour, Track
from switchyard.errors import ClusterError
from switchyard.release.plan import Observation
from switchyard.release.release_context import ReleaseContext
from switchyard.release.watch.past import PAST_SECONDS
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from switchyard.release.watch.watch import simulated_nodes


class OldReadings:
    """The readings of the old colour by this command, at one of which the past begins that a watch compares with.

    A command that continues a release begins without readings, so that its past is shorter.

    Args:
        place: context of the release.
    """

    def __init__(self, place: ReleaseContext) -> None:
        self._place = place
        self._readings: list[tuple[float, Reading]] = []

    async def add(self, observation: Observation, old: Colour) -> None:
        """Reads the pods of the old colour. Without an answer the release continues, with less of the past.

        A Prometheus has the past itself, and is not read.
        """
        settings, track = observation.settings, Track(old)
        if not settings.release.watch.seconds or settings.release.watch.prometheus is not None:
            return
        with suppress(ClusterError):
            if await simulated_nodes(self._place.cluster, observation.name, settings, track):
                return
            moment = time.monotonic()
            reading = await PodMetrics(await self._place.access.api(), observation.name, settings, track).read()
            self._readings.append((moment, reading))

    @property
    def earliest(self) -> Reading | None:
        """The earliest reading that is recent; None without one."""
        limit = time.monotonic() - PAST_SECONDS
        return next((reading for moment, reading in self._readings if moment >= limit and not reading.error), None)
