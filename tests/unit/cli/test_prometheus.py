"""What an answer of Prometheus says, or that it is none."""

import json

import pytest

from switchyard.analysis_errors import PrometheusError
from switchyard.cli.prometheus import unresolved, values
from tests.support.fake_prometheus import REFUSED, SCALAR, vector

INF = float("inf")


def test_the_texts_of_an_answer_are_read_as_numbers() -> None:
    assert values(200, json.dumps(vector("0.95"))) == [0.95]
    assert values(200, json.dumps(vector())) == []
    read_off = values(200, json.dumps(vector("+Inf", "-Inf", "NaN", "1e-07")))
    assert read_off[:2] == [INF, -INF]
    assert read_off[2] != read_off[2]
    assert read_off[3] == 1e-07


MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": []}}
HISTOGRAM = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": []}]}}


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, json.dumps(REFUSED), 'Prometheus answers 400: invalid parameter "query": 1:5: parse error'),
        (200, json.dumps(REFUSED), 'Prometheus answers 200: invalid parameter "query": 1:5: parse error'),
        (200, '{"status":"error"}', 'Prometheus answers 200: {"status":"error"}'),
        (200, json.dumps(SCALAR), "Prometheus answers 200: a scalar instead of a vector"),
        (200, json.dumps(MATRIX), "Prometheus answers 200: a matrix instead of a vector"),
        (200, json.dumps(HISTOGRAM), f"Prometheus answers 200: {json.dumps(HISTOGRAM)}"),
        (503, json.dumps(vector("1")), f"Prometheus answers 503: {json.dumps(vector('1'))}"),
        (503, "Service\n  Unavailable\n", "Prometheus answers 503: Service Unavailable"),
        (200, "<html>", "Prometheus answers 200: <html>"),
        (200, "[]", "Prometheus answers 200: []"),
        (200, "", "Prometheus answers 200: "),
    ],
)
def test_what_is_no_vector_is_an_error(status: int, body: str, why: str) -> None:
    with pytest.raises(PrometheusError) as caught:
        values(status, body)
    assert str(caught.value) == why


def test_of_a_long_answer_only_the_beginning_is_shown() -> None:
    with pytest.raises(PrometheusError, match=r"^Prometheus answers 502: a{199}…$"):
        values(502, "a" * 300)


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("http://prometheus:9090", "kubectl -n argo-rollouts port-forward svc/prometheus 9090\n"),
        ("http://prometheus.monitoring:9090", "kubectl -n monitoring port-forward svc/prometheus 9090\n"),
        ("http://prom.shop.svc.cluster.local", "kubectl -n shop port-forward svc/prom 9090:80\n"),
        ("https://prom.shop.svc", "kubectl -n shop port-forward svc/prom 9090:443\n"),
        ("http://prometheus.monitoring:9090/of/shop", "--prometheus http://127.0.0.1:9090/of/shop"),
        ("http://prometheus.eu.example.org", "Give an address that does: --prometheus URL"),
    ],
)
def test_a_name_that_does_not_resolve_here_may_be_reached_by_a_forwarded_port(address: str, remedy: str) -> None:
    assert remedy in unresolved(address)
