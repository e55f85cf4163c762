"""What applications show in the text formats of Prometheus, and counters that restart, come and go."""

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from switchyard.config.models.watch import Watch
from switchyard.manifests.analysis import QUANTILE
from switchyard.release.watch.samples import (
    SERIES_LIMIT,
    Counts,
    Increase,
    MetricsError,
    Series,
    counts_of,
    parse,
    without_exemplar,
)

WATCH = Watch()


def exposition(openmetrics: bool, **counted: int) -> str:
    """The metrics of an application as its own library writes them."""
    registry = CollectorRegistry()
    requests = Counter("http_requests", "Requests.", ["service", "status", "path"], registry=registry)
    seconds = Histogram(
        "http_request_duration_seconds", "Durations.", ["service"], buckets=(0.1, 0.5), registry=registry
    )
    Gauge("http_requests_total_like", "Another metric.", registry=registry).set(5)
    for status, count in counted.items():
        for number in range(count):
            exemplar = {"trace": "a # b"} if openmetrics else None
            requests.labels("shop", status.removeprefix("s"), f'/{number % 2} # "quoted\\" }}\n').inc(exemplar=exemplar)
            seconds.labels("shop").observe(0.05 if number % 2 else 0.3, exemplar=exemplar)
    return (generate_openmetrics if openmetrics else generate_latest)(registry).decode()


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_output_of_the_applications_library_is_counted(openmetrics: bool) -> None:
    body = exposition(openmetrics, s200=6, s404=2, s500=3, s503=1)
    assert (" # {" in body) is openmetrics
    counts = counts_of(parse(body, WATCH), WATCH)
    assert (counts.requests, counts.failed) == (12, 4)
    assert counts.buckets == {0.1: 5, 0.5: 12, math.inf: 12}


def test_only_series_with_the_configured_labels_count() -> None:
    body = exposition(openmetrics=False, s200=4)
    assert counts_of(parse(body, Watch(labels={"service": "shop"})), WATCH).requests == 4
    assert parse(body, Watch(labels={"service": "other"})) == {}


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("separator", ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_path_that_a_user_has_typed_ends_no_line(separator: str, openmetrics: bool) -> None:
    registry = CollectorRegistry()
    requests = Counter("http_requests", "Requests.", ["status", "path"], registry=registry)
    requests.labels("404", f'/{separator}http_requests_total{{status="500"}} 1000').inc()
    body = (generate_openmetrics if openmetrics else generate_latest)(registry).decode()
    assert separator in body
    assert counts_of(parse(body, WATCH), WATCH) == Counts(requests=1.0)


def test_requests_without_a_status_do_not_count() -> None:
    body = 'http_requests_total{status=""} 5\nhttp_requests_total 7\nhttp_requests_total{status="200"} 1\n'
    assert counts_of(parse(body, WATCH), WATCH).requests == 1


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-3"])
def test_values_that_no_counter_can_have_are_left_out(value: str) -> None:
    body = f'http_requests_total{{status="500"}} {value}\nhttp_requests_total{{status="200"}} 2e3 1395066363000\n'
    counts = counts_of(parse(body, WATCH), WATCH)
    assert (counts.requests, counts.failed) == (2000, 0)


@pytest.mark.parametrize(
    "line", ['http_requests_total{status="200" 5', "http_requests_total x", "http_requests_total{"]
)
def test_a_line_that_cannot_be_read_is_an_error_in_words(line: str) -> None:
    with pytest.raises(MetricsError, match="not in the text format of Prometheus"):
        parse(f"{line}\n", WATCH)


def test_lines_of_other_metrics_may_be_anything() -> None:
    assert parse('<html>\nother{ "x\nhttp_requests_total{status="200"} 1\n# EOF\n', WATCH)
    assert parse("", WATCH) == {}


def test_too_many_series_are_an_error_in_words() -> None:
    body = "\n".join(f'http_requests_total{{status="200",user="{number}"}} 1' for number in range(SERIES_LIMIT + 1))
    with pytest.raises(MetricsError, match="no more than 5000 are read"):
        parse(body, WATCH)


def test_an_exemplar_ends_a_line_and_a_label_does_not() -> None:
    assert without_exemplar('a{b="# \\" #"} 5 # {c="d"} 1') == 'a{b="# \\" #"} 5'
    assert without_exemplar('a{b="c # d"} 5') == 'a{b="c # d"} 5'


def requests(status: str, value: float) -> dict[Series, float]:
    return {("http_requests_total", (("status", status),)): value}


def test_a_pod_counts_from_its_first_reading_on_and_a_new_one_from_zero() -> None:
    increase = Increase(WATCH)
    assert increase.add("old", requests("200", 100), born=False).requests == 0
    assert increase.add("old", requests("200", 130), born=False).requests == 30
    assert increase.add("new", requests("200", 7), born=True).requests == 7
    assert increase.add("new", requests("200", 7), born=True).requests == 0


def test_a_restarted_process_counts_from_zero() -> None:
    increase = Increase(WATCH)
    increase.add("pod", requests("200", 100) | requests("500", 2), born=False)
    counts = increase.add("pod", requests("200", 5) | requests("500", 3), born=False)
    assert (counts.requests, counts.failed) == (8, 3)


def test_a_series_that_is_born_with_its_first_failure_counts() -> None:
    increase = Increase(WATCH)
    increase.add("pod", requests("200", 100), born=False)
    assert increase.add("pod", requests("200", 100) | requests("500", 1), born=False).failed == 1


def test_a_percentile_is_interpolated_as_prometheus_does() -> None:
    counts = Counts(buckets={0.1: 50.0, 0.5: 90.0, 1.0: 100.0, math.inf: 100.0})
    assert counts.quantile(QUANTILE) == pytest.approx(0.75)
    assert counts.quantile(0.25) == pytest.approx(0.05)
    assert Counts(buckets={0.1: 0.0, math.inf: 10.0}).quantile(QUANTILE) == 0.1
    assert Counts().quantile(QUANTILE) is None
