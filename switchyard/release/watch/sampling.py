"""Determines how much time the samples of Prometheus cover, and whether there are any since a watch began."""

from switchyard.release.watch.pod_metrics import Reading


class Sampling:
    """Records when the samples of a watch were taken, by the clock of Prometheus."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._latest: float | None = None
        self._has_new = False

    def add(self, reading: Reading) -> float | None:
        """Adds a reading. Returns the newly covered seconds, or None if the pods are the source.

        Pods are scraped at different moments. A time that another pod has already covered is not counted
        again, because otherwise one burst of slow requests would count once for each pod.
        """
        if not reading.source:
            return None
        for pod, taken in reading.taken.items():
            self._has_new = self._has_new or taken > self._first.setdefault(pod, taken)
        newest = max(reading.taken.values(), default=self._latest)
        seconds = 0.0 if newest is None or self._latest is None else max(0.0, newest - self._latest)
        self._latest = newest if self._latest is None or newest is None else max(self._latest, newest)
        return seconds

    def missing(self, reading: Reading) -> str:
        """A sentence if no sample is newer than the start of the watch; empty otherwise, or for another source."""
        if self._has_new or not reading.taken:
            return ""
        age = reading.evaluated - max(reading.taken.values())
        return f"{reading.source} has no sample since the watch began, the last one is {age:.0f} s old"
