"""What Prometheus has scraped, turned into the counters of each pod."""

import math

import pytest

from switchyard.config.models.watch import Watch
from switchyard.kube.prometheus import Sample
from switchyard.release.watch.samples import counts_of
from switchyard.release.watch.scraped import BUCKETS, REQUESTS, ROW, TAKEN, Scrape, followed, newer, query, scrapes

WATCH = Watch()
NOW = 1764042600.0


def sample(row: str, value: float, pod: str = "a", **labels: str) -> Sample:
    return Sample({ROW: row, "pod": pod, **labels}, value, NOW)


def taken(at: float = NOW - 5, pod: str = "a", **labels: str) -> Sample:
    return sample(TAKEN, at, pod, **labels)


def test_one_query_asks_for_both_metrics_of_the_pods_and_when_they_were_taken() -> None:
    asked = query(Watch(labels={"handler": "api"}), "shop", ["backend-green-1", "backend-green-2.x"])
    selected = '{handler="api",namespace="shop",pod=~"backend-green-(1|2[.]x)"}'
    assert asked.count(f"http_requests_total{selected}") == 2
    assert asked.count(f"http_request_duration_seconds_bucket{selected}") == 2
    assert asked.count("timestamp(") == 2
    assert 'pod=~"(alone)"' in query(WATCH, "shop", ["alone"])
    earlier = query(WATCH, "shop", ["alone"], 300)
    assert earlier.count('pod=~"(alone)"} offset 300s)') == 4, "of the metrics and of their times"


def test_the_counters_of_a_pod_are_those_that_it_would_show_itself() -> None:
    samples = [
        taken(),
        sample(REQUESTS, 90, status="200"),
        sample(REQUESTS, 10, status="503"),
        sample(BUCKETS, 60, le="0.5"),
        sample(BUCKETS, 100, le="+Inf"),
        taken(pod="b"),
        sample(REQUESTS, 7, "b", status="200"),
    ]
    found = scrapes(samples, WATCH)
    assert {pod: len(each) for pod, each in found.items()} == {"a": 1, "b": 1}
    [scrape] = found["a"]
    assert scrape.taken == NOW - 5
    counts = counts_of(scrape.series, WATCH)
    assert (counts.requests, counts.failed, counts.buckets) == (100, 10, {0.5: 60, math.inf: 100})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_values_that_no_counter_has_are_left_out(value: float) -> None:
    [scrape] = scrapes([taken(), sample(REQUESTS, value, status="500"), sample(REQUESTS, 5, status="200")], WATCH)["a"]
    assert list(scrape.series.values()) == [5]


def test_counters_without_a_moment_are_none() -> None:
    assert scrapes([sample(REQUESTS, 5, status="200"), taken(math.nan)], WATCH) == {}


def two_targets(first: float = NOW - 5, second: float = NOW - 7) -> list[Sample]:
    return [
        taken(first, service="backend"),
        taken(second, service="backend-green"),
        sample(REQUESTS, 100, status="200", service="backend"),
        sample(REQUESTS, 98, status="200", service="backend-green"),
    ]


def test_a_pod_that_two_services_have_scraped_counts_once() -> None:
    found = scrapes(two_targets(), WATCH)["a"]
    counted = [counts_of(scrape.series, WATCH).requests for scrape in found]
    assert counted == [100, 98]
    assert followed(found, frozenset()) == found[0]
    assert followed(found, found[1].targets) == found[1], "the target of before is followed"
    assert followed(found[:1], found[1].targets) is None, "another one may count otherwise"


def test_what_was_scraped_at_one_moment_belongs_together() -> None:
    # `service` may be a label of the application as well.
    [scrape] = scrapes(two_targets(NOW - 5, NOW - 5), WATCH)["a"]
    assert counts_of(scrape.series, WATCH).requests == 198
    assert len(scrape.targets) == 2


def at(moment: float, requests: float) -> Scrape:
    return Scrape(moment, frozenset(), {("http_requests_total", (("status", "200"),)): requests})


@pytest.mark.parametrize(
    ("now", "is_taken"),
    [
        (at(NOW + 15, 150), True),
        (at(NOW + 15, 3), True),  # the process has begun anew
        (at(NOW - 3, 90), False),  # the other copy of Prometheus, which has scraped before
        (at(NOW - 20, 30), False),
        (at(NOW + 0.01, 99), False),  # and one whose clock is ahead
        (at(NOW, 100), False),
    ],
)
def test_of_two_copies_of_prometheus_the_later_view_is_taken(now: Scrape, *, is_taken: bool) -> None:
    last = at(NOW, 100)
    assert newer(last, now) == (now if is_taken else last)
    assert newer(None, now) == now
