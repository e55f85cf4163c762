"""The dry run of an analysis: verdicts as Argo Rollouts', in words, and exit codes that scripts can go by."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner, Result

import switchyard.prometheus
from gate.cluster import Cluster
from render.analysis import Metric, metrics
from settings.canary import Analysis
from settings.problems import Problem, SettingsError
from settings.service import CanarySettings
from switchyard.analysis import (
    Judgement,
    NoVersionError,
    Verdict,
    Version,
    analysed,
    hint,
    judge,
    succeeded,
    versions_of,
)
from switchyard.cli import app
from switchyard.prometheus import NoAnswerError, unresolved, values
from tests.unit.configuration import BACKEND, read

HASH = "6c8f7d9b4f"
STABLE = "75bcdf6d58"
NEW = Version("new", HASH)
CANARY: dict[str, Any] = BACKEND | {"strategy": "canary", "tag": "v2.0.0"}
NAN, INF = float("nan"), float("inf")


def metric(name: str) -> Metric:
    [found] = [one for one in metrics("backend", Analysis(), HASH) if one.name == name]
    return found


def judged(name: str, *result: float, analysis: Analysis | None = None) -> Judgement:
    return judge(analysis or Analysis(), NEW, metric(name), result)


@pytest.mark.parametrize(
    ("name", "result", "verdict"),
    [
        ("success-rate", [1.0], "Successful"),
        ("success-rate", [0.951], "Successful"),
        ("success-rate", [0.95], "Successful"),
        ("success-rate", [0.9499999999999998], "Failed"),
        ("success-rate", [0.0], "Failed"),
        ("success-rate", [INF], "Successful"),
        ("success-rate", [-INF], "Failed"),
        ("success-rate", [NAN], "Inconclusive"),
        ("success-rate", [], "Inconclusive"),
        ("latency-p95", [0.0], "Successful"),
        ("latency-p95", [0.49999999999999994], "Successful"),
        ("latency-p95", [0.5], "Failed"),
        ("latency-p95", [0.501], "Failed"),
        ("latency-p95", [INF], "Failed"),
        ("latency-p95", [NAN], "Inconclusive"),
        ("latency-p95", [], "Inconclusive"),
    ],
)
def test_a_verdict_is_the_one_of_the_rendered_conditions(name: str, result: list[float], verdict: str) -> None:
    assert judged(name, *result).verdict == verdict


def test_the_first_sample_decides() -> None:
    assert judged("success-rate", 0.9, 1.0).verdict is Verdict.FAILED


def test_the_rendered_conditions_are_each_other_s_opposite() -> None:
    rate, latency = metric("success-rate"), metric("latency-p95")
    assert (rate.success, rate.failure) == (">= 0.95", "< 0.95")
    assert (latency.success, latency.failure) == ("< 0.5", ">= 0.5")


@pytest.mark.parametrize(
    ("name", "result", "why"),
    [
        ("success-rate", [0.97], "0.97 is at least 0.95"),
        ("success-rate", [0.91], "0.91 is below 0.95"),
        ("success-rate", [0.9523809523809523], "0.9524 is at least 0.95"),
        # Rounded, it would seem to be on the other side.
        ("success-rate", [0.9499999999999998], "0.9499999999999998 is below 0.95"),
        ("latency-p95", [0.3], "0.3 is below 0.5"),
        ("latency-p95", [0.49999], "0.49999 is below 0.5"),
        ("latency-p95", [0.5], "0.5 is at least 0.5"),
        ("latency-p95", [INF], "inf is at least 0.5"),
        ("latency-p95", [NAN], "not a number: nothing was counted in 300 s"),
        ("latency-p95", [], "fewer than 20 requests in 300 s"),
    ],
)
def test_a_verdict_has_its_reason_in_words(name: str, result: list[float], why: str) -> None:
    assert judged(name, *result).why == why


@pytest.mark.parametrize("least", [0, 1])
def test_where_one_request_is_enough_there_was_none(least: int) -> None:
    few = judged("success-rate", analysis=Analysis(min_requests=least, window_seconds=60))
    assert few.why == "no requests in 60 s"


def test_only_the_version_in_question_decides_whether_all_is_well() -> None:
    good, bad = judged("success-rate", 1.0), judged("latency-p95", 1.0)
    of_stable = judge(Analysis(), Version("stable", STABLE), metric("latency-p95"), [1.0])
    assert succeeded([good, of_stable])
    assert not succeeded([good, bad, of_stable])
    assert not succeeded([judged("success-rate")])


def test_a_result_without_samples_may_be_for_want_of_labels_too() -> None:
    analysis = Analysis(service_label="shop", hash_label="pod_hash")
    assert hint("backend", analysis, [judged("success-rate", NAN), judged("latency-p95", 1.0)]) is None
    said = hint("backend", analysis, [judged("success-rate", 1.0), judged("latency-p95")])
    assert said is not None
    assert 'http_requests_total and http_request_duration_seconds, with labels service="shop" and pod_hash' in said


def vector(*texts: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [1764042600.781, text]} for text in texts]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def test_the_texts_of_an_answer_are_read_as_numbers() -> None:
    assert values(200, json.dumps(vector("0.95"))) == [0.95]
    assert values(200, json.dumps(vector())) == []
    read_off = values(200, json.dumps(vector("+Inf", "-Inf", "NaN", "1e-07")))
    assert read_off[:2] == [INF, -INF]
    assert read_off[2] != read_off[2]
    assert read_off[3] == 1e-07


SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1764042600.781, "1"]}}
MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": []}}
REFUSED = {"status": "error", "errorType": "bad_data", "error": 'invalid parameter "query": 1:5: parse error'}
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
    with pytest.raises(NoAnswerError) as caught:
        values(status, body)
    assert str(caught.value) == why


def test_of_a_long_answer_only_the_beginning_is_shown() -> None:
    with pytest.raises(NoAnswerError, match=r"^Prometheus answers 502: a{199}…$"):
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


def settings(raw: dict[str, Any] = CANARY) -> CanarySettings:
    service, _ = analysed(read({"backend": raw}).services, "backend")
    return service


def rollout(new: str = HASH, stable: str = STABLE, observed: str = "2") -> dict[str, Any]:
    return {
        "metadata": {"generation": 2},
        "spec": {"strategy": {"canary": {}}},
        "status": {"observedGeneration": observed, "phase": "Paused", "currentPodHash": new, "stableRS": stable},
    }


def test_the_version_that_is_tried_comes_before_the_one_that_is_proved() -> None:
    assert versions_of("backend", settings(), rollout()) == [NEW, Version("stable", STABLE)]
    assert versions_of("backend", settings(), rollout(new=STABLE)) == [Version("stable", STABLE)]
    assert versions_of("backend", settings(), rollout(stable="")) == [NEW]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "there is no Rollout in namespace default"),
        (rollout(observed="1"), "the controller has not looked at the Rollout as it is now"),
        (rollout(new=""), "the controller has not looked at the Rollout as it is now"),
        (rollout() | {"status": {}}, "the controller has not looked at the Rollout as it is now"),
    ],
)
def test_without_a_version_that_the_controller_knows_there_is_nothing_to_judge(
    found: dict[str, Any] | None, why: str
) -> None:
    with pytest.raises(NoVersionError, match=why):
        versions_of("backend", settings(), found)


@dataclass
class PlayedPrometheus:
    """Answers questions as it is told.

    Attributes:
        status: of every answer.
        rate: the success rate that it answers; other than text, the whole body.
        latency: the same of the latency.
        other: the success rate of pods other than `HASH`.
        silent: whether it leaves questions without an answer until it is closed.
        asked: path and query of each request.
    """

    status: int = 200
    rate: str | dict[str, Any] = "0.97"
    latency: str | dict[str, Any] = "0.25"
    other: str = "0.5"
    silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, query: str) -> dict[str, Any]:
        found = self.latency if "histogram_quantile" in query else self.rate if HASH in query else self.other
        return found if isinstance(found, dict) else vector(found)


@pytest.fixture
def prometheus() -> Iterator[PlayedPrometheus]:
    played = PlayedPrometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            [query] = parse_qs(url.query)["query"]
            played.asked.append((url.path, query))
            if played.silent:
                played.closing.wait()
                return
            body = json.dumps(played.answer(query)).encode()
            self.send_response(played.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield played
    played.closing.set()
    server.shutdown()
    server.server_close()


Analyze = Callable[..., Result]


@pytest.fixture
def analyze(monkeypatch: pytest.MonkeyPatch) -> Analyze:
    """Runs the command on a stack with a canary and a service in two colours."""

    def run(*arguments: str, canary: dict[str, Any] = CANARY) -> Result:
        stack = read({"backend": canary, "worker": BACKEND})
        monkeypatch.setattr("switchyard.commands.read_settings", lambda _: ("test", stack))
        return CliRunner().invoke(app, ["analyze", *arguments])

    return run


@pytest.fixture
def of_hash(analyze: Analyze, prometheus: PlayedPrometheus) -> Callable[[], Result]:
    """Runs it on the pods of one hash, which takes no cluster."""
    return lambda: analyze("backend", "--prometheus", prometheus.address, "--hash", HASH)


def rows(result: Result) -> list[list[str]]:
    """The cells of a table, all but the reasons, which may go over several lines."""
    lines = [line.strip("│").split("│") for line in result.output.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line[:-1]] for line in lines if line[0].strip()]


def test_it_ends_well_when_every_verdict_is_successful(of_hash: Callable[[], Result]) -> None:
    result = of_hash()
    assert result.exit_code == 0, result.output
    assert rows(result) == [
        [f"given {HASH}", "success-rate (of 1)", "0.97", ">= 0.95", "Successful"],
        [f"given {HASH}", "latency-p95 (s)", "0.25", "< 0.5", "Successful"],
    ]


def test_it_asks_what_the_templates_ask(of_hash: Callable[[], Result], prometheus: PlayedPrometheus) -> None:
    of_hash()
    assert sorted(prometheus.asked) == sorted(
        ("/api/v1/query", one.query) for one in metrics("backend", Analysis(), HASH)
    )


@pytest.mark.parametrize("address", ["/", "/of/shop", "/of/shop/"])
def test_the_address_may_have_a_path(analyze: Analyze, prometheus: PlayedPrometheus, address: str) -> None:
    assert analyze("backend", "--prometheus", prometheus.address + address, "--hash", HASH).exit_code == 0
    assert {path for path, _ in prometheus.asked} == {f"{address.rstrip('/')}/api/v1/query"}


@pytest.mark.parametrize(
    ("played", "verdict"),
    [
        ({"rate": "0.949"}, "Failed"),
        ({"rate": "NaN"}, "Inconclusive"),
        ({"rate": vector()}, "Inconclusive"),
        ({"rate": REFUSED}, "Error"),
        ({"rate": SCALAR}, "Error"),
        ({"status": 503}, "Error"),
        ({"status": 302}, "Error"),
    ],
)
def test_it_ends_with_1_when_one_verdict_is_another(
    of_hash: Callable[[], Result], prometheus: PlayedPrometheus, played: dict[str, Any], verdict: str
) -> None:
    for key, value in played.items():
        setattr(prometheus, key, value)
    result = of_hash()
    assert result.exit_code == 1
    assert rows(result)[0][-1] == verdict


def test_a_refused_connection_is_an_error_of_every_metric(analyze: Analyze) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        result = analyze("backend", "--prometheus", f"http://127.0.0.1:{taken.getsockname()[1]}", "--hash", HASH)
    assert result.exit_code == 1
    assert [row[-1] for row in rows(result)] == ["Error", "Error"]
    assert "Prometheus does not answer" in result.output


def test_an_address_that_is_none_is_an_error_too(analyze: Analyze) -> None:
    result = analyze("backend", "--prometheus", "http://127.0.0.1:none", "--hash", HASH)
    assert result.exit_code == 1
    assert [row[-1] for row in rows(result)] == ["Error", "Error"]


def test_a_prometheus_that_says_nothing_is_not_waited_for_without_end(
    of_hash: Callable[[], Result], prometheus: PlayedPrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchyard.prometheus, "ANSWER_SECONDS", 0.2)
    prometheus.silent = True
    result = of_hash()
    assert result.exit_code == 1
    assert "does not answer within 0.2 s" in result.output


def test_a_name_that_does_not_resolve_ends_it_with_the_way_out(
    analyze: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = analyze("backend", "--hash", HASH)
    assert result.exit_code == 1
    assert "The name prometheus does not resolve on this machine" in result.output
    assert "kubectl -n argo-rollouts port-forward svc/prometheus 9090" in result.output


def test_a_proxy_of_the_environment_is_not_asked(
    of_hash: Callable[[], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert of_hash().exit_code == 0


def connected(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any] | None) -> None:
    """Lets the cluster have this Rollout."""

    class Played:
        async def rollout(self, namespace: str, name: str) -> dict[str, Any] | None:
            assert (namespace, name) == ("default", "backend")
            return found

    async def connect(_: object) -> Played:
        return Played()

    monkeypatch.setattr(Cluster, "connect", connect)


def test_the_stable_version_is_shown_beside_the_new_one_and_decides_nothing(
    analyze: Analyze, prometheus: PlayedPrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(monkeypatch, rollout())
    result = analyze("backend", "--prometheus", prometheus.address)
    assert result.exit_code == 0, result.output
    assert [(row[0], row[-1]) for row in rows(result)] == [
        (f"new {HASH}", "Successful"),
        (f"new {HASH}", "Successful"),
        (f"stable {STABLE}", "Failed"),
        (f"stable {STABLE}", "Successful"),
    ]


def test_where_nothing_is_tried_the_stable_version_is_judged(
    analyze: Analyze, prometheus: PlayedPrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(monkeypatch, rollout(new=STABLE))
    result = analyze("backend", "--prometheus", prometheus.address)
    assert result.exit_code == 1
    assert [row[0] for row in rows(result)] == [f"stable {STABLE}"] * 2


def test_without_a_rollout_it_ends_with_1(analyze: Analyze, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, None)
    result = analyze("backend")
    assert result.exit_code == 1
    assert "backend: there is no Rollout in namespace default" in result.output


def test_without_a_cluster_it_ends_with_1(analyze: Analyze, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(_: object) -> None:
        raise ConnectionError("no way to a cluster")

    monkeypatch.setattr(Cluster, "connect", connect)
    result = analyze("backend")
    assert result.exit_code == 1
    assert "The cluster does not answer (ConnectionError: no way to a cluster)." in result.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["shop"], "shop: there is no such service. Known: backend, worker"),
        (["worker"], "worker: has no analysis: its strategy is blueGreen, and only a canary's is asked here"),
        (["backend", "--prometheus", "prometheus:9090"], "must be an http or https address"),
        (["backend", "--hash", 'a"b'], "rollouts-pod-template-hash"),
        (["backend", "--hash", ""], "rollouts-pod-template-hash"),
        ([], "Missing argument"),
    ],
)
def test_bad_usage_ends_with_2(analyze: Analyze, arguments: list[str], why: str) -> None:
    result = analyze(*arguments)
    assert result.exit_code == 2
    assert why in result.output


def test_a_canary_that_measures_nothing_ends_with_2(analyze: Analyze) -> None:
    result = analyze("backend", canary=CANARY | {"canary": {"analysis": None, "steps": [{"weight": 50}]}})
    assert result.exit_code == 2
    assert "backend: has no analysis: canary.analysis is empty" in result.output
    assert "switchyard:services.backend.canary.analysis.prometheus" in result.output


def test_a_configuration_that_is_wrong_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str | None) -> None:
        raise SettingsError([Problem("switchyard:services", "missing", "must be there", "Set it.")])

    monkeypatch.setattr("switchyard.commands.read_settings", refuse)
    result = CliRunner().invoke(app, ["analyze", "backend"])
    assert result.exit_code == 2
    assert "switchyard:services: missing: must be there. Set it." in result.output
