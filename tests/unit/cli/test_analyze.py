"""The command `switchyard analyze`: what it asks, what it prints and how it ends."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import switchyard.cli.prometheus
from switchyard.cli.main import app
from switchyard.config.errors import Problem, SettingsError
from switchyard.config.models.canary import Analysis
from switchyard.errors import UnreachableError
from switchyard.kube.cluster import Cluster
from switchyard.manifests.analysis import metrics
from tests.support.configuration import BACKEND, read
from tests.support.fake_prometheus import (
    CANARY,
    HASH,
    REFUSED,
    SCALAR,
    STABLE,
    FakePrometheus,
    prometheus,
    rollout,
    vector,
)

__all__ = ["prometheus"]


SHADOW = BACKEND | {"strategy": "argoBlueGreen", "tag": "v2.0.0", "replicas": 1}

Analyze = Callable[..., Result]


@pytest.fixture
def analyze(monkeypatch: pytest.MonkeyPatch) -> Analyze:
    """Runs the command on a stack with a canary and a service in two colours."""

    def run(*arguments: str, canary: dict[str, Any] = CANARY) -> Result:
        stack = read({"backend": canary, "worker": BACKEND, "shadow": SHADOW})
        monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("test", stack))
        return CliRunner().invoke(app, ["analyze", *arguments])

    return run


@pytest.fixture
def of_hash(analyze: Analyze, prometheus: FakePrometheus) -> Callable[[], Result]:
    """Runs it on the pods of one hash, which takes no cluster."""
    return lambda: analyze("backend", "--prometheus", prometheus.address, "--hash", HASH)


def rows(result: Result) -> list[list[str]]:
    """The cells of a table, all but the reasons, which may go over several lines."""
    lines = [line.strip("│").split("│") for line in result.output.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line[:-1]] for line in lines if line[0].strip()]


def test_analyze_ends_with_0_when_every_verdict_is_successful(of_hash: Callable[[], Result]) -> None:
    result = of_hash()
    assert result.exit_code == 0, result.output
    assert rows(result) == [
        [f"given {HASH}", "success-rate (of 1)", "0.97", ">= 0.95", "Successful"],
        [f"given {HASH}", "latency-p95 (s)", "0.25", "< 0.5", "Successful"],
    ]


def test_analyze_sends_the_queries_of_the_templates(of_hash: Callable[[], Result], prometheus: FakePrometheus) -> None:
    of_hash()
    assert sorted(prometheus.asked) == sorted(
        ("/api/v1/query", metric.query) for metric in metrics("backend", Analysis(), HASH)
    )


@pytest.mark.parametrize("address", ["/", "/of/shop", "/of/shop/"])
def test_the_address_may_have_a_path(analyze: Analyze, prometheus: FakePrometheus, address: str) -> None:
    assert analyze("backend", "--prometheus", prometheus.address + address, "--hash", HASH).exit_code == 0
    assert {path for path, _ in prometheus.asked} == {f"{address.rstrip('/')}/api/v1/query"}


@pytest.mark.parametrize(
    ("answers", "verdict"),
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
def test_analyze_ends_with_1_when_a_verdict_is_not_successful(
    of_hash: Callable[[], Result], prometheus: FakePrometheus, answers: dict[str, Any], verdict: str
) -> None:
    for key, value in answers.items():
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


def test_an_invalid_address_is_an_error_too(analyze: Analyze) -> None:
    result = analyze("backend", "--prometheus", "http://127.0.0.1:none", "--hash", HASH)
    assert result.exit_code == 1
    assert [row[-1] for row in rows(result)] == ["Error", "Error"]


def test_a_prometheus_that_does_not_answer_has_a_timeout(
    of_hash: Callable[[], Result], prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchyard.cli.prometheus, "ANSWER_SECONDS", 0.2)
    prometheus.silent = True
    result = of_hash()
    assert result.exit_code == 1
    assert "does not answer within 0.2 s" in result.output


def test_a_name_that_does_not_resolve_is_an_error_with_a_remedy(
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


def test_the_document_of_a_canary_has_every_measurement(analyze: Analyze, prometheus: FakePrometheus) -> None:
    prometheus.latency = "NaN"
    result = analyze("backend", "--prometheus", prometheus.address, "--hash", HASH, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["version"], document["strategy"], document["succeeded"]) == (1, "canary", False)
    assert document["prometheus"] == prometheus.address
    assert document["measurements"][0] == {
        "role": "given",
        "hash": HASH,
        "metric": "success-rate",
        "unit": "of 1",
        "needed": ">= 0.95",
        "value": "0.97",
        "verdict": "Successful",
        "reason": "0.97 is at least 0.95",
    }
    assert [measured["verdict"] for measured in document["measurements"]] == ["Successful", "Inconclusive"]


def connected(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any] | None) -> None:
    """Lets the cluster have this Rollout."""

    class FakeCluster:
        async def rollout(self, namespace: str, name: str) -> dict[str, Any] | None:
            assert (namespace, name) == ("default", "backend")
            return live

    async def connect(_: object) -> FakeCluster:
        return FakeCluster()

    monkeypatch.setattr(Cluster, "connect", connect)


def test_the_stable_version_is_shown_beside_the_new_one_and_does_not_decide(
    analyze: Analyze, prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
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


def test_without_a_canary_the_stable_version_is_judged(
    analyze: Analyze, prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
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
        raise UnreachableError("no way to a cluster")

    monkeypatch.setattr(Cluster, "connect", connect)
    result = analyze("backend")
    assert result.exit_code == 1
    assert "The cluster does not answer: no way to a cluster (SY-K004)." in result.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["shop"], "shop: the analysis is refused (SY-P020): stack test has the services backend, "),
        (["shadow"], "shadow: has no analysis: its strategy is argoBlueGreen, and only blueGreen and canary have one"),
        (["worker", "--hash", HASH], "worker: the analysis"),
        (["backend", "--seconds", "5", "--hash", HASH], "backend: the analysis"),
        (["worker", "--seconds", "0"], "greater than or equal to 1"),
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
    def refuse(*_: object) -> None:
        raise SettingsError([Problem("switchyard:services", "missing", "must be there", "Set it.")])

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", refuse)
    result = CliRunner().invoke(app, ["analyze", "backend"])
    assert result.exit_code == 2
    assert "switchyard:services: missing: must be there. Set it." in result.output
