"""Watches a new version after a switch, until it is judged bad or its time is over."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.watch import Watch
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.labels import selector
from switchyard.release.watch.evidence import Evidence
from switchyard.release.watch.own_readings import OwnReadings, not_counting
from switchyard.release.watch.past import PAST_SECONDS, past_between
from switchyard.release.watch.pod_health import PodHealth
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Increase
from switchyard.release.watch.sampling import Sampling
from switchyard.release.watch.source import MetricsSource, sources_of
from switchyard.release.watch.verdict import Outcome, Verdict, judge

EVERY_SECONDS = 1.0
"""Seconds between two readings."""

EARLY_SECONDS = 5.0
"""Seconds from the switch with more frequent readings, to judge a broken version at once."""

EARLY_EVERY_SECONDS = 0.25
"""Seconds between two readings at the beginning. A reading that takes longer is followed at once."""

SILENT_SECONDS = 10.0
"""Seconds without a complete reading after which the metrics count as unreadable."""

OnTick = Callable[[Verdict], None]
"""Callback after each reading, with the present verdict."""


class Clock(Protocol):
    """A monotonic clock, in seconds."""

    def now(self) -> float:
        """The present moment."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Waits for a moment."""
        ...


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """The present moment."""
        return asyncio.get_running_loop().time()

    async def sleep_until(self, moment: float) -> None:
        """Waits for a moment, and always lets other tasks run."""
        await asyncio.sleep(max(0.0, moment - self.now()))  # metrics cannot be watched for


@dataclass(frozen=True)
class Start:
    """The counters of both colours at the start of a watch.

    Attributes:
        new: reading of the new colour, from which its requests count.
        old: reading of the old colour.
        past: requests that the old colour has answered shortly before, with which the new version is compared.
        not_counting: pods of the new colour that are known not to count the requests for their metrics.
    """

    new: Reading
    old: Reading
    past: Counts
    not_counting: frozenset[str] = frozenset()


async def start_of(
    access: ClusterAccess, service: str, settings: ServiceSettings, track: Track, earlier: Reading | None = None
) -> Start:
    """Reads both colours once. Call it before a switch, so that the requests of its first second count.

    Pods show only what they have counted since their start, so their past begins at an earlier reading. A Prometheus
    is asked for its samples of a few minutes ago.

    Args:
        access: the cluster.
        service: the service's name in Kubernetes.
        settings: settings of the service.
        track: the new colour.
        earlier: a recent reading of the old colour's pods; None if nothing is known of its past.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer, or denies the login.
    """
    api = await access.api()
    other = Track.GREEN if track is Track.BLUE else Track.BLUE
    if settings.release.watch.prometheus is not None:
        [of_past] = sources_of(api, service, settings, [other], seconds_ago=PAST_SECONDS)
        earlier = await of_past.read()
    of_new, of_old = sources_of(api, service, settings, (track, other), earlier)
    first, old = await asyncio.gather(of_new.read(), of_old.read())
    past = Counts() if earlier is None else past_between(earlier, old, settings.release.watch)
    if first.source or not first.series:
        return Start(first, old, past)
    new = await of_new.read()
    if new.problem:
        return Start(first, old, past)
    return Start(new, old, past, not_counting(first, new, settings.release.watch))


async def watch(
    access: ClusterAccess,
    service: str,
    settings: ServiceSettings,
    on_tick: OnTick = lambda _: None,
    *,
    track: Track | None = None,
    start: Start | None = None,
) -> Verdict:
    """Watches a version for the configured time, or until it is judged bad.

    Pods of simulated nodes answer no request: a version that has only such pods is not watched, as the verdict says.

    Args:
        access: the cluster.
        service: the service's name in Kubernetes.
        settings: settings of the service.
        on_tick: is called after each reading.
        track: track of the new version; None for the active one of the settings.
        start: counters before the switch; None to start the watch now.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer at the beginning, or denies the login. Later on,
            that is part of the verdict.
    """
    if not settings.release.watch.seconds:
        return Verdict(Outcome.PASS, "The new version was not watched: release.watch.seconds is 0.")
    new = track or settings.track
    if nodes := await simulated_nodes(await Cluster.connect(access), service, settings, new):
        where = f"{', '.join(sorted(nodes))} are simulated nodes, whose pods answer no request"
        return Verdict(Outcome.PASS, f"The new version was not watched: {where}.")
    begun = start or await start_of(access, service, settings, new)
    [source] = sources_of(await access.api(), service, settings, [new], begun.new)
    return await follow(source, settings.release.watch, begun, on_tick, LoopClock())


async def simulated_nodes(cluster: Cluster, service: str, settings: ServiceSettings, track: Track) -> frozenset[str]:
    """The nodes of a track's pods if all of them are simulated; empty if one is real."""
    pods = await cluster.pods(settings.namespace, selector(service, track))
    nodes = {pod.node for pod in pods if pod.node}
    simulated = await cluster.simulated(nodes)
    return simulated if simulated == nodes else frozenset()


async def follow(source: MetricsSource, settings: Watch, start: Start, on_tick: OnTick, clock: Clock) -> Verdict:
    """Reads a source each second, at the beginning more often, and returns the verdict.

    Args:
        source: source of the new version's metrics.
        settings: settings of the watch.
        start: counters of both colours at the start.
        on_tick: is called after each reading.
        clock: the clock of the watch.
    """
    began = clock.now()
    watcher = Watcher(settings, start, began)
    look = 0.0
    while True:
        look = _look_after(look, clock.now() - began)
        await clock.sleep_until(began + min(look, settings.seconds))
        reading = await source.read()
        verdict = watcher.add(reading, clock.now())
        on_tick(verdict)
        if verdict.outcome is Outcome.BREACH or verdict.seconds >= settings.seconds:
            return verdict


def _look_after(look: float, elapsed: float) -> float:
    """Time of the next reading, in seconds since the start, without readings that were missed."""
    every = EARLY_EVERY_SECONDS if look < EARLY_SECONDS else EVERY_SECONDS
    return max(look + every, elapsed // every * every)


class Watcher:
    """Collects the readings of a watch, and computes the present verdict.

    Args:
        settings: settings of the watch.
        start: counters of both colours at the start.
        began: moment at which the watch started.
    """

    def __init__(self, settings: Watch, start: Start, began: float) -> None:
        self._settings, self._began = settings, began
        self._evidence = Evidence(settings, start.past)
        self._health = PodHealth(settings)
        self._increase = Increase(settings)
        self._at_first = {pod.uid for pod in start.new.pods}
        self._complete = self._looked = began
        self._sampling, self._own = Sampling(), OwnReadings(start.not_counting)
        self._seen = not start.new.error
        if self._seen:
            self._health.add(start.new.pods, began, first=True)
        self._sampling.add(start.new)
        self._count(start.new)

    def add(self, reading: Reading, now: float) -> Verdict:
        """Adds a reading and returns the verdict at that moment."""
        if not reading.error:
            self._health.add(reading.pods, now, first=not self._seen)
            if not self._seen:
                self._at_first, self._seen = {pod.uid for pod in reading.pods}, True
            seconds = self._sampling.add(reading)
            scraped = seconds is not None
            counts, possibly_own = self._count(reading)
            self._evidence.add(
                counts, now - self._looked if seconds is None else seconds, possibly_own, scraped=scraped
            )
            self._looked = now
        if not reading.problem:
            self._complete = now
        silent = bool(reading.problem) and now - self._complete >= min(SILENT_SECONDS, self._settings.seconds)
        return judge(
            self._settings,
            self._evidence,
            self._health,
            seconds=now - self._began,
            source=reading.problem if silent else self._sampling.missing(reading),
            scraped=bool(reading.source),
        )

    def _count(self, reading: Reading) -> tuple[Counts, float]:
        """The requests since the last reading, and the change of the number that may be the watch's own."""
        counts, possibly_own = Counts(), 0.0
        for pod, series in reading.series.items():
            more = self._increase.add(pod, series, born=pod not in self._at_first)
            possibly_own += 0.0 if reading.source else self._own.add(pod, more)
            counts += more
        return counts, possibly_own
