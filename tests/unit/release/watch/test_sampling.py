"""A watch of what Prometheus has scraped: samples come late and all at once, and what is gone is no success."""

from collections.abc import Callable

from switchyard.codes import Code
from switchyard.config.models.watch import Watch
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Series
from switchyard.release.watch.sampling import Sampling
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import Start, Watcher

NOW = 1764042600.0
URL = "http://prometheus.monitoring:9090"
NAME = f"Prometheus ({URL}, through the API server)"
WATCH = Watch(seconds=60, prometheus=URL)
POD = WatchedPod("one", "a", ready=True)


def reading(requests: float, failed: float = 0, *, slow: float = 0, at: float, now: float = NOW) -> Reading:
    """What Prometheus has of one pod, taken at a moment."""
    series: dict[Series, float] = {
        ("http_requests_total", (("status", "200"),)): requests - failed,
        ("http_requests_total", (("status", "500"),)): failed,
        ("http_request_duration_seconds_bucket", (("le", "0.5"),)): requests - slow,
        ("http_request_duration_seconds_bucket", (("le", "+Inf"),)): requests,
    }
    return Reading((POD,), {POD.uid: series}, source=NAME, taken={POD.uid: at}, evaluated=now)


def judged(start: Reading, *of_looks: Reading | Callable[[float], Reading], every: float = 1.0) -> Verdict:
    watcher = Watcher(WATCH, Start(start, Reading(), Counts()), 0.0)
    for number, look in enumerate(of_looks, 1):
        verdict = watcher.add(look if isinstance(look, Reading) else look(number * every), number * every)
    return verdict


def test_the_same_sample_seen_again_is_no_further_evidence() -> None:
    start = reading(1000, at=0)
    verdict = judged(start, *[reading(1300, 1, at=15)] * 40)
    assert (verdict.requests, verdict.failed, verdict.outcome) == (300, 1, Outcome.UNDECIDED)


def test_a_counter_that_has_begun_anew_counts_from_zero() -> None:
    verdict = judged(reading(1000, 900, at=0), reading(20, 0, at=15), reading(620, 0, at=30))
    assert (verdict.requests, verdict.failed, verdict.outcome) == (620, 0, Outcome.PASS)


def test_a_series_that_vanishes_and_comes_back_has_not_begun_anew() -> None:
    gone = Reading((POD,), {}, {POD.name: "no series"}, source=NAME, evaluated=NOW)
    verdict = judged(reading(1000, 500, at=0), gone, reading(1600, 500, at=30))
    assert (verdict.requests, verdict.failed) == (600, 0)
    one_row = reading(1300, 500, at=15)
    without_failures = {key: value for key, value in one_row.series["one"].items() if "500" not in str(key)}
    partly = Reading((POD,), {"one": without_failures}, source=NAME, taken={"one": 15.0}, evaluated=NOW)
    verdict = judged(reading(1000, 500, at=0), partly, reading(1600, 500, at=30))
    assert (verdict.requests, verdict.failed) == (600, 0)


def test_without_a_sample_since_the_beginning_the_metrics_are_unreadable() -> None:
    start = reading(1000, at=NOW - 20)
    verdict = judged(start, *[reading(1000, at=NOW - 20)] * 5)
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.PROMETHEUS_UNREADABLE)
    assert f"{NAME} has no sample since the watch began, the last one is 20 s old" in verdict.sentence


def test_a_prometheus_that_is_gone_is_no_success_whatever_was_seen_before() -> None:
    gone = Reading((POD,), source=NAME, source_error=f"{NAME} does not answer: ConnectError: refused")
    good = reading(3000, at=15)
    passing = judged(reading(1000, at=0), good)
    verdict = judged(reading(1000, at=0), good, *[gone] * 11)
    assert passing.outcome is Outcome.PASS
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.PROMETHEUS_UNREADABLE)
    assert verdict.sentence.endswith(
        f"because its metrics cannot be read: {NAME} does not answer: ConnectError: refused."
    )


def test_the_pods_are_judged_though_prometheus_is_gone() -> None:
    crashing = WatchedPod("one", "a", ready=True, restarts=5)
    gone = Reading((crashing,), source=NAME, source_error="gone")
    assert judged(reading(1000, at=0), gone).outcome is Outcome.BREACH


def test_one_burst_of_slow_requests_condemns_nothing_however_many_pods_show_it() -> None:
    def pods(moment: float, slow: float) -> Reading:
        """Ten pods, scraped a second apart."""
        every = {f"p{number}": reading(20 * moment, slow=slow, at=moment).series["one"] for number in range(10)}
        taken = {uid: moment + int(uid[1:]) for uid in every}
        listed = tuple(WatchedPod(uid, uid, ready=True) for uid in every)
        return Reading(listed, every, source=NAME, taken=taken, evaluated=NOW)

    def looks(before: Reading, after: Reading) -> list[Reading]:
        """The scrapes of one round come in, pod by pod."""
        order = sorted(after.taken, key=lambda uid: after.taken[uid])
        return [
            Reading(
                after.pods,
                {uid: (after if uid in order[:number] else before).series[uid] for uid in order},
                source=NAME,
                taken={uid: (after if uid in order[:number] else before).taken[uid] for uid in order},
                evaluated=NOW,
            )
            for number in range(1, 11)
        ]

    zero, first, second = pods(0, 0), pods(15, 40), pods(30, 240)
    # Of 15 s of requests those of two are slow, in every pod: 13 %, where 5 % is accepted.
    burst = judged(zero, *looks(zero, first))
    assert burst.outcome is not Outcome.BREACH
    # In the next round those of ten seconds are.
    assert judged(zero, *looks(zero, first), *looks(first, second)).outcome is Outcome.BREACH


def test_the_time_that_samples_cover_counts_once() -> None:
    sampling = Sampling()
    assert sampling.add(Reading()) is None
    covered = [sampling.add(reading(1, at=at)) for at in (10.0, 10.0, 25.0, 24.0, 26.0)]
    assert covered == [0, 0, 15, 0, 1]
