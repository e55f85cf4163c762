"""The gates against a fake cluster: above all, they refuse when they cannot read the cluster."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import AccessDeniedError, ApiStatusError, GateRefusedError, RejectedError, UnreachableError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Endpoint, Pod, PodsChange
from switchyard.kube.shortage import PodsReport
from switchyard.manifests.labels import selector
from switchyard.manifests.pods import Manifest
from tests.support.fake_record import WithRecord

BLUE, GREEN = Colour.BLUE, Colour.GREEN
DENIED = AccessDeniedError("get", "services/backend in namespace default", 403, 'User "ci" cannot get "services"')


def answered(status: int, message: str) -> ApiStatusError:
    return ApiStatusError("get", "services/backend", status, message)


@dataclass
class FakeCluster(WithRecord):
    """Answers as it is configured; a watch without `watched` never yields anything.

    Attributes:
        selected: what Service backend selects.
        behind: ready pods behind Service backend.
        of_colour: ready pods of any colour that is asked for.
        image: image that the pods run.
        change: what an apply would do to the pods of the Deployment that is there; None when there is none.
        phase: phase of the namespace; None if it does not exist.
        watched: what a watch shows first.
        error: raised by the first call.
        kept: whether the last dry run was of a template that is left alone.
        owned: the Deployment of any colour.
    """

    selected: Mapping[str, str] | None = None
    behind: tuple[str, ...] = ()
    of_colour: tuple[str, ...] = ()
    image: str = ""
    change: PodsChange | None = None
    phase: str | None = "Active"
    watched: frozenset[Endpoint] | None = None
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    kept: bool = False
    owned: dict[str, Any] | None = None

    async def namespace_phase(self, _: str) -> str | None:
        self.asked.append("namespace")
        if self.error is not None:
            raise self.error
        return self.phase

    async def service_selector(self, *_: str) -> Mapping[str, str] | None:
        self.asked.append("selector")
        if self.error is not None and "namespace" not in self.asked:
            raise self.error
        return self.selected

    async def endpoints(self, *_: str) -> frozenset[Endpoint]:
        return frozenset(Endpoint(pod, "worker", ready=True) for pod in self.behind)

    async def pods(self, _: str, labels: Mapping[str, str]) -> list[Pod]:
        self.asked.append("pods")
        if labels["version"] not in set(Colour):
            return []
        return [Pod(pod, ready=True, state="ready", image=self.image) for pod in self.of_colour]

    async def pods_report(self, _: str, __: str, track: Track, wanted: int) -> PodsReport:
        self.asked.append("report")
        return PodsReport(track, wanted, "v1", len(self.of_colour))

    async def owner(self, *_: object) -> dict[str, Any] | None:
        return self.owned

    async def current_pods(self, *_: object) -> frozenset[str]:
        return frozenset(self.of_colour)

    async def pods_change(self, _: Manifest, *, kept: bool) -> PodsChange | None:
        self.kept = kept
        if self.error is not None:
            raise self.error
        return self.change

    async def watch_endpoints(self, _: str, service: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        self.asked.append(f"watch {service}")
        if self.watched is not None:
            yield self.watched
        await asyncio.Event().wait()


def service(**more: object) -> BlueGreenSettings:
    settings = BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "active": "blue",
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": 0},
            **more,
        }
    )
    # Nobody waits for what never comes.
    return settings.model_copy(update={"gate": settings.gate.model_copy(update={"timeout_seconds": 0})})


def owned_by(manager: str) -> dict[str, Any]:
    image: dict[str, Any] = {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": image}}}
    return {"metadata": {"managedFields": [{"manager": manager, "fieldsV1": fields}]}}


@dataclass
class GatesUnderTest:
    gates: BlueGreenGates
    cluster: FakeCluster
    warned: list[str]


def gates_on(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, **more: object) -> GatesUnderTest:
    async def connect(_: ClusterAccess) -> Any:
        return cluster

    monkeypatch.setattr(Cluster, "connect", connect)
    warned: list[str] = []
    return GatesUnderTest(BlueGreenGates("backend", service(**more), ClusterAccess(), warned.append), cluster, warned)


def refusal(call: Any) -> str:
    with pytest.raises(GateRefusedError) as error:
        asyncio.run(call)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_switch_is_refused_while_the_api_server_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster())
    text = refusal(it.gates.before_switch(creating=False, preview=False))
    assert "the switch to blue is refused (SY-S009): no answer from the API server in 0 s" in text
    assert it.cluster.asked[-2:] == ["watch backend-blue", "report"]


def test_pods_are_not_scaled_down_while_the_api_server_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(change=PodsChange(template=False, before=3, after=0)))
    text = refusal(it.gates.before_pods_change(GREEN, {}, preview=False))
    assert "a change of the idle colour green is refused (SY-S009): no answer from the API server in 0 s" in text
    assert it.cluster.asked[-2:] == ["watch backend", "report"]


def test_a_deployment_that_is_not_there_and_one_that_keeps_its_pods_are_not_guarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for change in (None, PodsChange(template=False, before=3, after=3)):
        it = gates_on(monkeypatch, FakeCluster(change=change, selected=selector("backend", GREEN)))
        for colour in Colour:
            asyncio.run(it.gates.before_pods_change(colour, {}, preview=False))
        assert it.cluster.asked == []


@pytest.mark.parametrize("preview", [False, True])
def test_what_serves_is_not_replaced_whatever_the_engine_knows_of_it(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    there = FakeCluster(change=PodsChange(template=True, before=3, after=3), selected=selector("backend", BLUE))
    it = gates_on(monkeypatch, there)
    assert "blue is serving" in refusal(it.gates.before_pods_change(BLUE, {}, preview=preview))


def test_a_missing_namespace_is_named_with_the_command_that_creates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(phase=None), namespace="shop")
    assert "kubectl create namespace shop" in refusal(it.gates.before_first())


def test_a_user_who_may_not_read_namespaces_may_still_create_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(error=DENIED))
    asyncio.run(it.gates.before_first())
    assert it.cluster.asked == ["namespace", "selector"]


def test_a_service_of_somebody_else_stops_the_first_object_and_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(selected={"run": "legacy"}))
    for call in (it.gates.before_first(), it.gates.before_switch(creating=True, preview=True)):
        assert "selects run=legacy" in refusal(call)


def test_an_adopted_service_needs_as_many_pods_as_it_has_and_a_wide_selector_warns_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One of those behind it is a pod of blue already, by that selector.
    there = FakeCluster(
        selected={"app": "backend"}, behind=("a", "b", "c", "d", "backend-blue-0"), of_colour=("backend-blue-0",)
    )
    it = gates_on(monkeypatch, there, adoptExistingService=True)
    asyncio.run(it.gates.before_first())
    text = refusal(it.gates.before_switch(creating=True, preview=True))
    assert "blue.replicas is 3, but Service backend serves with 4 ready pods; it needs at least 4" in text
    assert len(it.warned) == 1
    assert "takes traffic as soon as it is ready" in it.warned[0]


def test_a_selector_that_was_changed_by_hand_can_be_repaired_without_adoption(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(selected={"run": "maintenance"}, behind=("a",)))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_a_missing_permission_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(error=DENIED))
    text = refusal(it.gates.before_switch(creating=False, preview=True))
    assert 'the gate may not get services/backend in namespace default (403: User "ci" cannot get "services")' in text


def test_a_user_whom_the_api_server_does_not_know_has_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = AccessDeniedError("get", "/version", 401, "Unauthorized")
    text = refusal(gates_on(monkeypatch, FakeCluster(error=unknown)).gates.before_switch(creating=False, preview=True))
    assert "log in again" in text
    assert "Grant it" not in text


def test_a_rejected_object_is_not_reported_as_an_unreachable_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = gates_on(monkeypatch, FakeCluster(error=RejectedError("the API server does not take it: no v3")))
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert text.startswith(
        "backend: the API server does not take it: no v3 (SY-K006). This step was not taken; earlier steps of"
    )


def test_a_wait_of_the_provider_that_ended_before_there_were_pods_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = FakeCluster(selected=selector("backend", BLUE), of_colour=("a", "b"))
    it = gates_on(monkeypatch, few, readyTimeoutSeconds=1)
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False))
    result = asyncio.run(it.gates.inspect())
    assert result.serving == "blue"
    assert str(result.problem).startswith("backend: pods of blue: 2 of 3 ready of v1 (SY-S013). ")
    assert it.cluster.asked[-3:] == ["watch backend-blue", "report", "selector"]


def test_a_colour_that_is_short_of_pods_is_reported_when_the_update_did_not_touch_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = FakeCluster(selected=selector("backend", BLUE), of_colour=("a", "b"))
    it = gates_on(monkeypatch, few)
    assert asyncio.run(it.gates.inspect()).problem is None
    assert [line.partition(". ")[0] for line in it.warned] == ["backend: pods of blue: 2 of 3 ready of v1 (SY-S013)"]

    planned = gates_on(monkeypatch, few)
    asyncio.run(planned.gates.before_pods_change(BLUE, {}, preview=True))
    assert asyncio.run(planned.gates.inspect()).problem is None
    assert planned.warned == []


def test_the_end_of_a_run_reports_what_serves_and_what_was_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    there = gates_on(monkeypatch, FakeCluster(selected=selector("backend", GREEN), of_colour=("a", "b", "c")))
    assert asyncio.run(there.gates.inspect()).serving == "green"
    unseen = asyncio.run(gates_on(monkeypatch, FakeCluster(error=UnreachableError("silence"))).gates.inspect())
    assert unseen.serving == "unknown"
    assert ": silence (SY-K004). So whether blue serves is not known" in str(unseen.problem)


def test_only_a_wait_for_pods_that_failed_is_explained_by_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = "the Kubernetes API server reported that it failed to fully initialize or become live: timed out"
    for error, explained in ((waited, True), ("admission webhook denied the request", False)):
        it = gates_on(monkeypatch, FakeCluster(selected=selector("backend", BLUE), of_colour=("a",)))
        asyncio.run(it.gates.explain(GREEN, [error]))
        expected = "backend: pods of green: 1 of 0 ready of v1 (SY-S013). blue continues to serve."
        assert [line.startswith(expected) for line in it.warned] == ([True] if explained else [])


@pytest.mark.parametrize(
    ("ready", "replicas", "previewed", "wrong"),
    [(("b1",), 3, False, False), ((), 3, False, True), ((), 3, True, False)],
    ids=["one ready", "none ready", "none ready before a change of its pods"],
)
def test_a_serving_colour_without_a_ready_pod_ends_the_update_in_an_error(
    monkeypatch: pytest.MonkeyPatch, ready: tuple[str, ...], replicas: int, *, previewed: bool, wrong: bool
) -> None:
    cluster = FakeCluster(selected=selector("backend", BLUE), of_colour=ready)
    it = gates_on(monkeypatch, cluster, blue={"tag": "v1", "replicas": replicas})
    if previewed:
        asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=True))
    problem = asyncio.run(it.gates.inspect()).problem
    assert (problem is not None) is wrong
    if problem is not None:
        assert problem.startswith("backend: blue serves, and has no ready pod")
        assert "pulumi up --refresh" in problem
