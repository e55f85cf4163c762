"""The watch of a new version second by second, on a clock that a test turns."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pytest

from switchyard.codes import Code
from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.models.watch import Watch
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Pod
from switchyard.release.watch import watch as watch_module
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Series
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import Start, follow, watch

WATCH = Watch(seconds=30)
POD = WatchedPod("one", "backend-green-1", ready=True)


def series(requests: int, failed: int = 0, slow: int = 0) -> Mapping[Series, float]:
    """What a pod has counted since its start."""
    counted: dict[Series, float] = {
        ("http_requests_total", (("status", "200"),)): requests - failed,
        ("http_requests_total", (("status", "500"),)): failed,
    }
    for boundary, count in (("0.5", requests - slow), ("+Inf", requests)):
        counted["http_request_duration_seconds_bucket", (("le", boundary),)] = count
    return counted


def reading(requests: int, failed: int = 0, slow: int = 0, pod: WatchedPod = POD) -> Reading:
    return Reading((pod,), {pod.uid: series(requests, failed, slow)})


BEGAN = 1000.0


@dataclass
class TurnedClock:
    """Time passes by waiting and by reading alone."""

    moment: float = BEGAN
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.moment

    async def sleep_until(self, moment: float) -> None:
        self.waits.append(moment)
        self.moment = max(self.moment, moment)


@dataclass
class FakeSource:
    """Answers with a reading for the number of full seconds that have passed; each takes a while."""

    of_look: Callable[[int], Reading]
    clock: TurnedClock
    takes: float = 0.0
    looks: int = 0

    async def read(self) -> Reading:
        self.looks += 1
        second = int(self.clock.moment - BEGAN)
        self.clock.moment += self.takes
        return self.of_look(second)


def watched(
    of_look: Callable[[int], Reading],
    settings: Watch = WATCH,
    start: Reading | None = None,
    past: Counts | None = None,
    takes: float = 0.0,
) -> tuple[Verdict, list[Verdict]]:
    """The verdict, and what it would have been at each look."""
    clock = TurnedClock()
    ticks: list[Verdict] = []
    begun = Start(start or reading(1000), Reading(), past or Counts())
    source = FakeSource(of_look, clock, takes)
    return asyncio.run(follow(source, settings, begun, ticks.append, clock)), ticks


def test_a_version_that_fails_is_condemned_at_once() -> None:
    verdict, ticks = watched(lambda look: reading(1000 + 50 * look, 4 * look))
    assert verdict.outcome is Outcome.BREACH
    assert verdict.code is Code.NEW_VERSION_WORSE
    assert verdict.sentence == (
        "The new version is worse than accepted: 4 of 50 requests (8 %) failed, and 0.1 % is accepted."
    )
    assert (verdict.requests, verdict.failed, verdict.seconds) == (50, 4, 1)
    assert len(ticks) == 4


def looks_of(takes: float, seconds: int = 8) -> list[float]:
    """When the looks of a watch begin, if each takes a while."""
    clock = TurnedClock()
    source = FakeSource(lambda second: reading(1000 + second), clock, takes)
    asyncio.run(follow(source, Watch(seconds=seconds), Start(reading(1000), Reading(), Counts()), _ignored, clock))
    return [moment - BEGAN for moment in clock.waits]


def _ignored(_: Verdict) -> None: ...


def test_the_first_seconds_are_looked_at_more_often() -> None:
    assert looks_of(takes=0.01) == [*(number / 4 for number in range(1, 21)), 6, 7, 8]


def test_a_look_that_takes_longer_is_followed_by_the_next_one_at_once() -> None:
    assert looks_of(takes=0.6, seconds=3) == [0.25, 0.75, 1.25, 2, 2.5]


def test_a_version_that_fails_always_is_condemned_at_the_first_look_at_its_requests() -> None:
    failing = reading(1006, 6)
    verdict, ticks = watched(lambda _: failing)
    assert (verdict.outcome, verdict.seconds, len(ticks)) == (Outcome.BREACH, 0.25, 1)


def test_a_good_version_passes_at_the_end_of_the_watch_and_not_before() -> None:
    verdict, ticks = watched(lambda look: reading(1000 + 50 * look))
    assert verdict.outcome is Outcome.PASS
    assert verdict.code is None
    assert (verdict.seconds, verdict.requests, len(ticks)) == (30, 1500, 20 + 25)
    outcomes = [tick.outcome for tick in ticks]
    assert ticks[outcomes.index(Outcome.PASS)].seconds == 11, "509 requests without a failure suffice"
    assert verdict.p95 == pytest.approx(0.475)


def test_what_pods_counted_before_the_watch_does_not_count() -> None:
    verdict, _ = watched(lambda look: reading(1000 + 50 * look, 100), start=reading(1000, 100))
    assert verdict.outcome is Outcome.PASS


def test_no_request_is_no_verdict() -> None:
    verdict, _ = watched(lambda _: reading(1000))
    assert verdict.outcome is Outcome.NO_TRAFFIC
    assert verdict.code is Code.NO_TRAFFIC
    assert "has answered no request" in verdict.sentence


def test_a_metric_of_another_name_is_no_success() -> None:
    verdict, _ = watched(lambda look: Reading((POD,), {"one": {("other_total", ()): 50.0 * look}}))
    assert verdict.outcome is Outcome.NO_TRAFFIC
    assert "no pod has counted one in http_requests_total with the label status" in verdict.sentence


def test_few_requests_are_no_verdict_and_the_missing_ones_are_named() -> None:
    verdict, _ = watched(lambda look: reading(1000 + 5 * look))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.code is Code.EVIDENCE_INSUFFICIENT
    assert verdict.sentence == (
        "The evidence does not suffice for a verdict: 0 of 150 requests failed, and 0.1 % is accepted; it takes 359 "
        "more if none fails to show a share below 1 %."
    )


def test_pods_that_do_not_answer_are_no_success_whatever_was_seen_before() -> None:
    silent = Reading((POD,), {}, {POD.name: "GET /metrics answers 404"})
    verdict, _ = watched(lambda look: reading(1000 + 50 * look) if look <= 20 else silent)
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.code is Code.METRICS_UNREADABLE
    assert "1 of 1 pods do not answer (backend-green-1: GET /metrics answers 404)" in verdict.sentence


def test_an_api_server_that_is_gone_for_a_while_takes_nothing_away() -> None:
    gone = Reading(error="the API server does not answer within 5 s")
    verdict, ticks = watched(lambda look: gone if 5 <= look <= 18 else reading(1000 + 50 * look))
    assert verdict.outcome is Outcome.PASS
    assert verdict.requests == 1500, "the counters of the pods went on"
    assert [tick.code for tick in ticks].count(Code.METRICS_UNREADABLE) == 4


def test_an_api_server_that_never_answers_is_no_success() -> None:
    gone = Reading(error="no")
    verdict, _ = watched(lambda _: gone, start=gone)
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.METRICS_UNREADABLE)


def test_failures_behind_a_gone_api_server_are_seen_when_it_is_back() -> None:
    gone = Reading(error="no")
    verdict, _ = watched(lambda look: gone if look < 20 else reading(1000 + 50 * look, 4 * look))
    assert (verdict.outcome, verdict.seconds) == (Outcome.BREACH, 20)


def test_a_bad_pod_among_good_ones_is_not_hidden_by_their_number() -> None:
    pods = tuple(WatchedPod(str(number), f"pod-{number}", ready=True) for number in range(10))

    def of_look(look: int) -> Reading:
        return Reading(pods, {pod.uid: series(20 * look, 20 * look if pod.uid == "0" else 0) for pod in pods})

    verdict, _ = watched(of_look, start=of_look(0))
    assert verdict.outcome is Outcome.BREACH


def test_a_crash_loop_is_condemned_without_any_request() -> None:
    verdict, _ = watched(lambda look: reading(1000, pod=WatchedPod("one", "pod", ready=True, restarts=look)))
    assert verdict.outcome is Outcome.BREACH
    assert "2 restarts of containers" in verdict.sentence
    assert verdict.restarts == 2


def test_a_version_with_a_pod_that_is_not_ready_does_not_pass() -> None:
    other = WatchedPod("two", "backend-green-2", ready=True)
    lame = WatchedPod("two", "backend-green-2", ready=False)

    def of_look(look: int) -> Reading:
        return Reading((POD, lame), {"one": series(1000 + 50 * look)})

    verdict, _ = watched(of_look, start=Reading((POD, other), {"one": series(1000)}))
    assert verdict.outcome is Outcome.UNDECIDED
    assert "does not pass while 1 of 2 pods are ready" in verdict.sentence


def test_slow_readings_do_not_make_the_watch_longer_nor_look_without_a_pause() -> None:
    clock = TurnedClock()
    source = FakeSource(lambda look: reading(1000 + 125 * look), clock, takes=2.5)
    begun = Start(reading(1000), Reading(), Counts())
    verdict = asyncio.run(follow(source, WATCH, begun, lambda _: None, clock))
    assert verdict.outcome is Outcome.PASS
    assert 30 <= verdict.seconds <= 30 + 2.5
    assert source.looks <= 12


def test_a_watch_of_no_time_says_that_nothing_was_watched() -> None:
    settings = BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "blue", "blue": {"tag": "v1"}, "release": {"watch": {"seconds": 0}}}
    )
    verdict = asyncio.run(watch(ClusterAccess(), "backend", settings))
    assert verdict.outcome is Outcome.PASS
    assert "was not watched" in verdict.sentence


@dataclass
class FakeCluster:
    """Pods of a track, on nodes of which some are simulated."""

    nodes: tuple[str, ...]
    simulated_nodes: frozenset[str]

    async def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
        assert (namespace, labels) == ("default", {"app": "backend", "version": "green"})
        return [Pod(f"green-{number}", ready=True, state="", node=node) for number, node in enumerate(self.nodes)]

    async def simulated(self, nodes: Collection[str]) -> frozenset[str]:
        return self.simulated_nodes.intersection(nodes)


@pytest.mark.parametrize(
    ("nodes", "simulated", "watched"),
    [
        (("a", "b"), {"a", "b"}, False),
        (("a", "b"), {"b"}, True),
        (("a",), set(), True),
        ((), set(), True),
    ],
)
def test_a_version_with_pods_on_simulated_nodes_only_is_not_watched_and_the_verdict_says_so(
    monkeypatch: pytest.MonkeyPatch, nodes: tuple[str, ...], simulated: set[str], *, watched: bool
) -> None:
    cluster = FakeCluster(nodes, frozenset(simulated))

    async def connect(_: ClusterAccess) -> FakeCluster:
        return cluster

    async def follow(*_: object) -> Verdict:
        return Verdict(Outcome.BREACH, "watched")

    async def start_of(*_: object) -> Start:
        return Start(Reading(), Reading(), Counts())

    monkeypatch.setattr(Cluster, "connect", connect)
    monkeypatch.setattr(watch_module, "follow", follow)
    monkeypatch.setattr(watch_module, "start_of", start_of)
    monkeypatch.setattr(ClusterAccess, "api", connect)
    settings = BlueGreenSettings.model_validate({"image": "org/backend", "active": "green", "green": {"tag": "v2"}})
    verdict = asyncio.run(watch(ClusterAccess(), "backend", settings))
    assert (verdict.outcome is Outcome.BREACH) is watched
    assert watched or "was not watched: a, b are simulated nodes" in verdict.sentence
