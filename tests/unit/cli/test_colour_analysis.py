"""`switchyard analyze` of a service in two colours: the verdict that the watch of a release would have."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from switchyard.cli import colour_analysis
from switchyard.cli.analyze import WATCH_SECONDS
from switchyard.cli.main import app
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.kube.clock import ServerClock
from switchyard.kube.cluster import Cluster
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Series
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import OnTick, Start, Watcher
from tests.support.configuration import BACKEND, read
from tests.support.observed import observed

URL = "http://prometheus.monitoring:9090"
POD = WatchedPod("one", "backend-green-1", ready=True)


class FakeWatch:
    """Watches pods that have answered some requests, and knows how it was called."""

    def __init__(self) -> None:
        self.requests, self.failed, self.simulated = 1000, 0, False
        self.service: BlueGreenSettings | None = None
        self.track: Track | None = None

    async def __call__(
        self, _: object, name: str, service: BlueGreenSettings, on_tick: OnTick, *, track: Track
    ) -> Verdict:
        assert name == "backend"
        self.service, self.track = service, track
        if self.simulated:
            return Verdict(Outcome.PASS, "The new version was not watched: a is a simulated node.")
        start = Start(self._reading(0, 0), Reading(), Counts(), frozenset({POD.uid}))
        watcher = Watcher(service.release.watch, start, 0.0)
        verdict = watcher.add(self._reading(self.requests, self.failed), float(service.release.watch.seconds))
        on_tick(verdict)
        return verdict

    @staticmethod
    def _reading(requests: float, failed: float) -> Reading:
        series: dict[Series, float] = {
            ("http_requests_total", (("status", "200"),)): requests - failed,
            ("http_requests_total", (("status", "500"),)): failed,
            ("http_request_duration_seconds_bucket", (("le", "0.5"),)): requests,
            ("http_request_duration_seconds_bucket", (("le", "+Inf"),)): requests,
        }
        return Reading((POD,), {POD.uid: series})


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> FakeWatch:
    """Green serves, though blue is configured."""
    fake = FakeWatch()

    class FakeCluster:
        api = None

    class Clock:
        @staticmethod
        def now() -> datetime:
            return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    async def connect(_: object) -> FakeCluster:
        return FakeCluster()

    async def observe(*_: object) -> Any:
        return observed(Colour.GREEN)

    async def ask(_: object) -> type[Clock]:
        return Clock

    monkeypatch.setattr(Cluster, "connect", connect)
    monkeypatch.setattr(colour_analysis, "observe_service", observe)
    monkeypatch.setattr(ServerClock, "ask", ask)
    monkeypatch.setattr(colour_analysis, "watch", fake)
    return fake


@pytest.fixture
def analyze(monkeypatch: pytest.MonkeyPatch, watch: FakeWatch) -> Callable[..., Result]:
    def run(*arguments: str, **watched: Any) -> Result:
        stack = read({"backend": {**BACKEND, "release": {"watch": watched}}})
        monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("test", stack))
        return CliRunner().invoke(app, ["analyze", "backend", *arguments])

    return run


def test_the_colour_that_serves_is_watched_for_a_while_with_the_settings_of_a_release(
    analyze: Callable[..., Result], watch: FakeWatch
) -> None:
    result = analyze(prometheus=URL, errors={"accepted": 0.002}, seconds=0)
    assert result.exit_code == 0, result.output
    assert watch.track is Track.GREEN
    assert watch.service is not None
    watched = watch.service.release.watch
    assert (watched.seconds, watched.prometheus, watched.errors.accepted) == (WATCH_SECONDS, URL, 0.002)
    assert "green v2, 3 of 3 pods ready" in result.output
    assert URL in result.output
    assert "The new version is acceptable: 0 of 1000 requests failed" in result.output


def test_address_and_time_of_the_command_line_come_first(analyze: Callable[..., Result], watch: FakeWatch) -> None:
    result = analyze("--seconds", "5", "--prometheus", "http://127.0.0.1:9090", prometheus=URL)
    assert result.exit_code == 0, result.output
    assert watch.service is not None
    assert watch.service.release.watch.seconds == 5
    assert watch.service.release.watch.prometheus == "http://127.0.0.1:9090"


@pytest.mark.parametrize(
    ("requests", "failed", "outcome", "code", "words"),
    [
        (1000, 80, "breach", "SY-P050", "80 of 1000 requests (8 %) failed"),
        (100, 0, "undecided", "SY-P051", "it takes 409 more if none fails"),
        (0, 0, "noTraffic", "SY-P052", "has answered no request"),
    ],
)
def test_what_would_not_pass_ends_with_1_and_is_said(
    analyze: Callable[..., Result],
    watch: FakeWatch,
    requests: int,
    failed: int,
    outcome: str,
    code: str,
    words: str,
) -> None:
    watch.requests, watch.failed = requests, failed
    shown = analyze()
    assert shown.exit_code == 1
    assert words in shown.output
    assert code in shown.output
    result = analyze("--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["version"], document["outcome"], document["code"]) == (1, outcome, code)
    assert document["succeeded"] is False


def test_the_document_has_the_numbers_of_the_record(analyze: Callable[..., Result]) -> None:
    document = json.loads(analyze("--json").stdout)
    assert (document["stack"], document["service"], document["strategy"]) == ("test", "backend", "blueGreen")
    assert (document["colour"], document["tag"], document["prometheus"]) == ("green", "v2", None)
    assert (document["succeeded"], document["outcome"], document["code"]) == (True, "pass", None)
    assert document["new"] == {"requests": 1000, "errors": 0, "p95": 0.475, "restarts": 0}
    assert [question["question"] for question in document["questions"]] == ["errors", "latency-limit"]
    assert (document["problemSeen"], document["decided"]) == (None, "2026-01-02T03:04:05Z")


def test_pods_that_were_not_watched_are_no_success(analyze: Callable[..., Result], watch: FakeWatch) -> None:
    watch.simulated = True
    result = analyze("--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcome"] == "undecided"


def test_an_option_of_a_canary_is_refused(analyze: Callable[..., Result]) -> None:
    result = analyze("--hash", "6c8f7d9b4f")
    assert result.exit_code == 2
    assert "SY-P151" in result.output
    assert "Without it: switchyard analyze backend" in result.output
