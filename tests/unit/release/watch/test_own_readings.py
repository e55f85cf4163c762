"""A watch is no evidence of its own: applications that count the requests for their metrics pass by those of users."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchyard.codes import Code
from switchyard.config.models.service import Track
from switchyard.config.models.watch import Watch
from switchyard.release.watch import watch as watch_module
from switchyard.release.watch.own_readings import not_counting
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Series
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import Start, follow, start_of
from tests.support.observed import settings

WATCH = Watch.model_validate({"seconds": 30, "latencyP95": {"enabled": False}})
PODS = tuple(WatchedPod(f"uid-{number}", f"pod-{number}", ready=True) for number in range(20))


def series(requests: float, failed: float = 0) -> Mapping[Series, float]:
    counter = "http_requests_total"
    return {(counter, (("status", "200"),)): requests - failed, (counter, (("status", "500"),)): failed}


@dataclass
class Pods:
    """Pods that answer users, and count the requests for their metrics as well or not.

    Attributes:
        counts_readings: whether they do.
        of_users: requests of users that each has answered until a second, and those of them that failed.
    """

    counts_readings: bool
    of_users: Callable[[float], tuple[float, float]] = lambda _: (0, 0)
    moment: float = 0.0
    readings: int = field(default=0)

    def now(self) -> float:
        return self.moment

    async def sleep_until(self, moment: float) -> None:
        self.moment = max(self.moment, moment)

    async def read(self) -> Reading:
        requests, failed = self.of_users(self.moment)
        own = self.readings if self.counts_readings else 0
        self.readings += 1
        return Reading(PODS, {pod.uid: series(requests + own, failed) for pod in PODS})

    def watched(self) -> Verdict:
        async def run() -> Verdict:
            start = Start(await self.read(), Reading(), Counts())
            return await follow(self, WATCH, start, lambda _: None, self)

        return asyncio.run(run())


def test_readings_that_an_application_counts_are_no_requests_of_users() -> None:
    verdict = Pods(counts_readings=True).watched()
    assert verdict.requests > 509, "as many as let a version pass"
    assert (verdict.outcome, verdict.code) == (Outcome.NO_TRAFFIC, Code.NO_TRAFFIC)
    assert "has answered no request of users" in verdict.sentence


@pytest.mark.parametrize("counts_readings", [True, False])
def test_a_version_passes_by_the_requests_of_users(counts_readings: bool) -> None:
    verdict = Pods(counts_readings, lambda second: (2 * second // 1, 0)).watched()
    assert verdict.outcome is Outcome.PASS
    few = Pods(counts_readings, lambda second: (min(second // 1, 10), 0)).watched()
    assert few.outcome is Outcome.UNDECIDED, "200 requests of users are too few"


@pytest.mark.parametrize("counts_readings", [True, False])
def test_a_version_that_fails_is_condemned_as_soon_whatever_it_counts(counts_readings: bool) -> None:
    verdict = Pods(counts_readings, lambda second: (second // 1, second // 1)).watched()
    assert (verdict.outcome, verdict.seconds) == (Outcome.BREACH, 1)


def test_requests_of_a_pod_count_in_full_once_it_is_seen_not_to_count_readings() -> None:
    # Users come all the time but for the last look; until then each reading might be one of the requests.
    verdict = Pods(False, lambda second: (min(second, 29) * 4 // 1, 0)).watched()
    assert verdict.outcome is Outcome.PASS
    [finding] = verdict.findings
    assert finding.needed == 0


def test_pods_are_asked_twice_before_a_switch_to_know_what_they_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def api() -> None:
        pass

    for counts_readings, expected in ((True, frozenset()), (False, frozenset(pod.uid for pod in PODS))):
        pods: Any = Pods(counts_readings)
        monkeypatch.setattr(watch_module, "sources_of", lambda *_, pods=pods: [pods, Pods(False)])
        access: Any = type("Access", (), {"api": staticmethod(api)})
        start = asyncio.run(start_of(access, "backend", settings(), Track.GREEN))
        assert (start.not_counting, pods.readings) == (expected, 2)
        assert sum(start.new.series["uid-0"].values()) == (1 if counts_readings else 0), "counted from the second on"


def test_a_pod_that_was_read_once_alone_is_not_known() -> None:
    first, second = Reading(PODS, {"uid-0": series(3)}), Reading(PODS, {"uid-0": series(3), "uid-1": series(3)})
    assert not_counting(first, second, WATCH) == {"uid-0"}
