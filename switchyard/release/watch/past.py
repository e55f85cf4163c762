"""Counts what the old colour has answered shortly before a switch, with which a watch compares the new version. Pure.

The counters of a process begin with its start, which may be weeks ago: an outage of last week is in them, and a fault
of the last minutes hardly shows. Only the increase between two readings is the recent past.
"""

from switchyard.config.models.watch import Watch
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Increase

PAST_SECONDS = 300
"""Seconds before a switch that the past covers at most."""


def past_between(first: Reading, last: Reading, watch: Watch) -> Counts:
    """The requests that a colour has answered between two readings.

    A process that has restarted counts from zero, and so does a pod that was created in between. A pod that the first
    reading lists without its counters is left out, because all it has ever counted would be counted.

    Args:
        first: the reading at the beginning.
        last: the reading at the end.
        watch: names and labels of the watched metrics.
    """
    increase, listed = Increase(watch), {pod.uid for pod in first.pods}
    for pod, series in first.series.items():
        increase.add(pod, series, born=False)
    is_complete = not first.error
    counted = (increase.add(pod, series, born=is_complete and pod not in listed) for pod, series in last.series.items())
    return sum(counted, Counts())
