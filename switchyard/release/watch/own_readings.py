"""Estimates how many counted requests are a watch's own requests for metrics, and not users'. Pure."""

from collections.abc import Collection

from switchyard.config.models.watch import Watch
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Increase


class OwnReadings:
    """Number of counted requests that may be the watch's own readings.

    A pod that counts nothing between two readings does not count readings. For any other pod, each reading may count.

    Args:
        not_counting: unique identifiers of the pods that are known not to count readings.
    """

    def __init__(self, not_counting: Collection[str] = ()) -> None:
        self._not_counting = set(not_counting)
        self._read: set[str] = set()
        self._withheld: dict[str, float] = {}

    @property
    def not_counting(self) -> frozenset[str]:
        """Unique identifiers of the pods that are known not to count readings."""
        return frozenset(self._not_counting)

    def add(self, pod: str, counts: Counts) -> float:
        """Adds the requests that a pod has counted since its last reading.

        Args:
            pod: unique identifier of the pod.
            counts: the requests.

        Returns:
            The change of the number of requests that may be readings; below 0 once earlier ones are known to be users'.
        """
        if pod in self._not_counting:
            return 0.0
        if pod not in self._read:
            self._read.add(pod)
            return 0.0
        if counts.requests - counts.failed < 1:  # a reading that was counted did not fail
            self._not_counting.add(pod)
            return -self._withheld.pop(pod, 0.0)
        self._withheld[pod] = self._withheld.get(pod, 0.0) + 1
        return 1.0


def not_counting(first: Reading, second: Reading, watch: Watch) -> frozenset[str]:
    """Unique identifiers of the pods that have not counted the first one of two readings.

    Args:
        first: a reading.
        second: the reading immediately after it.
        watch: names and labels of the watched metrics.
    """
    own, increase = OwnReadings(), Increase(watch)
    for reading in (first, second):
        for pod, series in reading.series.items():
            own.add(pod, increase.add(pod, series, born=False))
    return own.not_counting
