"""A version that its watch could not judge is refused before it serves; a hotfix is not, and no samples yet neither."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.release.deploy import steps as deploy_steps
from switchyard.release.deploy import watch_readiness
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.protocol import Ended
from switchyard.release.deploy.steps import ClusterSteps
from switchyard.release.deploy.watch_readiness import check_metrics
from switchyard.release.phases import Event, Phase
from switchyard.release.plan import Act, Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.release_context import ReleaseContext
from tests.support.fake_release import FakeCommand, release
from tests.support.observed import observed, settings
from tests.support.stored_objects import KUBECONFIG

PODS = "/api/v1/namespaces/default/pods"
URL = "http://prometheus.monitoring:9090"
METRICS = 'http_requests_total{status="200"} 5\n'
NOW = 1764042600.0
RECORD = release(phase=Phase.PROVE, tag="v2")
DENIED = httpx.Response(403, json={"kind": "Status", "apiVersion": "v1", "message": "User ada cannot get pods/proxy"})
REFUSED = httpx.Response(
    503, json={"kind": "Status", "apiVersion": "v1", "message": "dial tcp 192.0.2.2:9090: connect: connection refused"}
)

Answer = str | httpx.Response


def pod(name: str) -> dict[str, Any]:
    colour, *_ = name.partition("-")
    return {
        "metadata": {"uid": f"uid-{name}", "name": name, "labels": {"app": "backend", "version": colour}},
        "spec": {"containers": [{"name": "app", "image": "org/backend:v2"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def sample(name: str, kind: str, value: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"switchyard_row": kind, "pod": name, **labels}, "value": [NOW, str(value)]}


@dataclass
class Served:
    """An API server with two pods in each colour, their metrics, and a Prometheus behind it.

    Attributes:
        metrics: what pods answer, by their colour or name; `METRICS` without an entry.
        prometheus: its answer; None for the samples of `scraped`.
        scraped: pods that Prometheus has samples of.
        later: what takes the place of the answers of Prometheus after the first.
        versions: the versions of the services that are released together.
    """

    metrics: Mapping[str, Answer] = field(default_factory=dict)
    prometheus: httpx.Response | None = None
    scraped: tuple[str, ...] = ()
    later: httpx.Response | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == PODS:
            wanted = request.url.params["labelSelector"]
            colours = [colour for colour in Colour if colour in wanted]
            return httpx.Response(200, json={"items": [pod(f"{colour}-{n}") for colour in colours for n in (1, 2)]})
        self.asked.append(path)
        if "prometheus" in path:
            return self._prometheus()
        name = path.removeprefix(f"{PODS}/").partition(":")[0]
        answer = self.metrics.get(name, self.metrics.get(name.partition("-")[0], METRICS))
        return httpx.Response(200, text=answer) if isinstance(answer, str) else answer

    def _prometheus(self) -> httpx.Response:
        answer = self.prometheus
        if self.later is not None and len(self.asked) > 2:
            answer = self.later
        if answer is not None:
            return answer
        result = [sample(name, "requests", 50, status="200") for name in self.scraped]
        result += [sample(name, "taken", NOW - 5) for name in self.scraped]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})

    async def api(self) -> BoundedApi:
        return BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), httpx.MockTransport(self.answer)))

    async def check(self, record: ReleaseRecord = RECORD, **watch: Any) -> str | None:
        place = ReleaseContext(self, None, None, "test", None, self.warnings.append, versions=self.versions)  # type: ignore[arg-type]
        observation = observed(Colour.BLUE, release={"watch": watch})
        return await check_metrics(place, Plan(Act.SWITCH, observation, Colour.GREEN), record)

    def refusal(self, record: ReleaseRecord = RECORD, **watch: Any) -> str:
        with pytest.raises(GateRefusedError) as refused:
            asyncio.run(self.check(record, **watch))
        return str(refused.value)


@pytest.fixture(autouse=True)
def real_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_simulated(*_: object) -> frozenset[str]:
        return frozenset()

    async def at_once(observe: Any, enough: Any, **_: float) -> Any:
        looks = [await observe() for _ in range(2)]
        return next((look for look in looks if enough(look)), looks[-1])

    monkeypatch.setattr(watch_readiness, "simulated_nodes", none_simulated)
    monkeypatch.setattr(watch_readiness, "poll_until", at_once)


def test_metrics_that_both_colours_show_are_no_reason_for_a_word() -> None:
    served = Served()
    assert asyncio.run(served.check()) is None
    assert served.warnings == []
    assert f"{PODS}/green-1:8000/proxy/metrics" in served.asked


def test_a_prometheus_that_is_not_reached_refuses_the_switch() -> None:
    refusal = Served(prometheus=REFUSED).refusal(prometheus=URL)
    assert refusal.startswith(
        "backend: the switch to green v2 is refused (SY-P157): the samples of http_requests_total of green cannot be "
        f"read: Prometheus ({URL}, through the API server) is not reached: the API server answers 503: dial tcp "
        "192.0.2.2:9090: connect: connection refused; a new version gets traffic only if its watch can read its "
        "metrics (switchyard:services.backend.release.watch.prometheus). Nothing was switched. "
    )
    assert "`pulumi config rm --path 'switchyard:services.backend.release.watch.prometheus'`" in refusal
    assert refusal.endswith("For an unplanned repair that cannot wait: switchyard deploy backend v2 --hotfix")


def test_a_prometheus_that_answers_an_error_refuses_the_switch_in_its_own_words() -> None:
    error = httpx.Response(422, json={"status": "error", "error": "query processing would load too many samples"})
    assert "answers 422: query processing would load too many samples" in Served(prometheus=error).refusal(
        prometheus=URL
    )


def test_a_denied_prometheus_refuses_the_switch_with_the_right_that_is_missing() -> None:
    refusal = Served(prometheus=DENIED).refusal(prometheus=URL)
    assert "The user needs `get` on services/proxy of prometheus:9090, as `switchyard rbac` prints it" in refusal
    assert "Grant the permissions: `switchyard rbac | kubectl apply -f -`. Then: switchyard deploy" in refusal


def test_a_prometheus_that_answers_the_next_question_refuses_nothing() -> None:
    served = Served(prometheus=REFUSED, later=httpx.Response(200, json=EMPTY))
    assert asyncio.run(served.check(prometheus=URL)) is None


EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


def test_pods_that_may_not_be_asked_refuse_the_switch_with_the_roles() -> None:
    refusal = Served({"green": DENIED}).refusal()
    assert "/metrics of green (port 8000) cannot be read through the API server: 2 of 2 pods do not answer" in refusal
    assert "User ada cannot get pods/proxy" in refusal
    assert "Grant the permissions: `switchyard rbac | kubectl apply -f -`. Then: switchyard deploy backend v2." in (
        refusal
    )


def test_pods_without_metrics_refuse_the_switch_with_the_path_of_the_setting() -> None:
    refusal = Served({"green": httpx.Response(404)}).refusal(path="/stats", port=9090)
    assert "/stats of green (port 9090)" in refusal
    assert "GET /stats answers 404" in refusal
    assert "set switchyard:services.backend.release.watch.path or" in refusal
    assert "`pulumi config set --path 'switchyard:services.backend.release.watch.seconds' 0`" in refusal


def test_a_hotfix_goes_on_with_a_warning_and_its_record_says_what_cannot_be_read() -> None:
    served = Served(prometheus=REFUSED)
    unread = asyncio.run(served.check(release(tag="v2", hotfix=True), prometheus=URL))
    assert str(unread).startswith("Its metrics cannot be read: Prometheus")
    [warning] = served.warnings
    assert "(SY-P157). The release is a hotfix and continues." in warning
    assert warning.endswith("To go back then: switchyard abort backend")


def test_releases_of_several_services_are_repeated_with_all_of_them() -> None:
    served = Served(prometheus=REFUSED, versions={"backend": "v2", "worker": "sha256:abc"})
    refusal = served.refusal(release(tag="v2", together=("backend", "worker")), prometheus=URL)
    again = "switchyard deploy backend=v2 worker=sha256:abc --together"
    assert f"Then: {again}. For an unplanned repair that cannot wait: {again} --hotfix" in refusal


def test_one_pod_without_metrics_is_a_warning() -> None:
    served = Served({"green-1": httpx.Response(503, text="starting")})
    assert asyncio.run(served.check()) is None
    [warning] = served.warnings
    assert "1 of 2 pods do not answer (green-1: GET /metrics answers 503) (SY-P158)" in warning


@pytest.mark.parametrize("answer", ["", httpx.Response(404)])
def test_pods_that_serve_and_have_counted_nothing_are_a_warning(answer: Answer) -> None:
    served = Served({"blue": answer})
    assert asyncio.run(served.check()) is None
    [warning] = served.warnings
    assert warning.startswith("backend: blue, which serves, has no metrics: ")
    assert "(SY-P158)" in warning
    assert warning.endswith("To see what a watch of blue would read: switchyard analyze backend")


def test_a_prometheus_without_samples_of_the_pods_that_serve_is_a_warning() -> None:
    served = Served()
    assert asyncio.run(served.check(prometheus=URL)) is None
    [warning] = served.warnings
    assert "has no new samples of 2 of 2 pods" in warning
    assert 'no series http_requests_total{namespace="default", pod="blue-1"}' in warning


def test_new_pods_that_prometheus_has_not_scraped_yet_are_no_reason_for_a_word() -> None:
    served = Served(scraped=("blue-1", "blue-2"))
    assert asyncio.run(served.check(prometheus=URL)) is None
    assert served.warnings == []


def test_nothing_is_read_where_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    off = Served(prometheus=REFUSED)
    assert asyncio.run(off.check(prometheus=URL, seconds=0)) is None

    async def all_simulated(*_: object) -> frozenset[str]:
        return frozenset({"worker-1"})

    monkeypatch.setattr(watch_readiness, "simulated_nodes", all_simulated)
    assert asyncio.run(off.check(prometheus=URL)) is None
    assert off.asked == []


def steps_of(served: Served, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Steps of a release whose gates let it pass."""

    class Lane:
        async def pass_gates(self, *_: object, **__: object) -> None:
            served.asked.append("gates")

    class FakeJournal:
        async def is_meant(self, _: ReleaseRecord) -> bool:
            return True

        def now(self) -> datetime:
            return datetime(2030, 1, 31, 12, 0, tzinfo=UTC)

    async def observe() -> Any:
        return observed(Colour.BLUE, release=watched)

    watched = {"watch": {"prometheus": URL}}
    monkeypatch.setattr(deploy_steps, "FastLane", lambda *_, **__: Lane())
    place = ReleaseContext(served, None, None, "test", observe, served.warnings.append)  # type: ignore[arg-type]
    return ClusterSteps(place, FakeJournal(), settings(release=watched))  # type: ignore[arg-type]


def test_the_phase_prove_reads_the_metrics_once_the_gates_have_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(prometheus=REFUSED)
    with pytest.raises(GateRefusedError, match="SY-P157"):
        asyncio.run(steps_of(served, monkeypatch).prove(RECORD))
    assert served.asked[0] == "gates"
    ended = asyncio.run(steps_of(served, monkeypatch).prove(release(phase=Phase.PROVE, tag="v2", hotfix=True)))
    assert ended.event is Event.PASSED
    assert ended.detail.startswith("3 pods ready, gates passed. Its metrics cannot be read: Prometheus")


def test_a_release_that_cannot_be_watched_ends_before_its_switch() -> None:
    command = FakeCommand(outcomes={Phase.PROVE: GateRefusedError("backend: ... (SY-P157)")})
    record = command.deploy()
    assert (record.result, record.phase, command.world.serving) == ("refused", Phase.PROVE, "blue")
    assert "switch" not in command.fake_steps.steps


def test_one_version_that_cannot_be_watched_ends_the_releases_of_all() -> None:
    async def agreed() -> list[Event]:
        group = ReleaseGroup({"api": Phase.PROVE, "worker": Phase.PROVE})
        outcomes = await asyncio.gather(
            group.agree("api", Phase.PROVE, Ended(Event.REFUSED, "the samples cannot be read (SY-P157)"), new=False),
            group.agree("worker", Phase.PROVE, Ended(Event.PASSED), new=False),
        )
        return [outcome.event for outcome in outcomes]

    assert asyncio.run(agreed()) == [Event.REFUSED, Event.REFUSED]
