"""Which requests may be a watch's own: an application may count those for its metrics with those of users. Pure."""

from collections.abc import Collection

from switchyard.config.models.watch import Watch
from switchyard.release.pod_metrics import Reading
from switchyard.release.samples import Counts, Increase


class OwnReadings:
    """How many of the requests that pods have counted may be the readings of a watch themselves.

    A pod that counts nothing between two readings does not count readings; of any other each may be one.

    Args:
        others: unique identifiers of the pods that are known not to count them.
    """

    def __init__(self, others: Collection[str] = ()) -> None:
        self._others = set(others)
        self._read: set[str] = set()
        self._withheld: dict[str, float] = {}

    @property
    def others(self) -> frozenset[str]:
        """Unique identifiers of the pods that are known not to count readings."""
        return frozenset(self._others)

    def add(self, pod: str, counts: Counts) -> float:
        """Adds what a pod has counted since its last reading.

        Args:
            pod: its unique identifier.
            counts: the requests.

        Returns:
            How many more requests may be readings; fewer than 0 once those of before are known to be none.
        """
        if pod in self._others:
            return 0.0
        if pod not in self._read:
            self._read.add(pod)
            return 0.0
        if counts.requests - counts.failed < 1:  # a reading that was counted did not fail
            self._others.add(pod)
            return -self._withheld.pop(pod, 0.0)
        self._withheld[pod] = self._withheld.get(pod, 0.0) + 1
        return 1.0


def not_counting(first: Reading, second: Reading, watch: Watch) -> frozenset[str]:
    """Unique identifiers of the pods that have not counted the first one of two readings.

    Args:
        first: a reading.
        second: the one after it, at once.
        watch: names and labels of what is watched.
    """
    own, increase = OwnReadings(), Increase(watch)
    for reading in (first, second):
        for pod, series in reading.series.items():
            own.add(pod, increase.add(pod, series, born=False))
    return own.others
