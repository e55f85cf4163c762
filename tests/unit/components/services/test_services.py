"""What each component registers, on mocks: parents, types, outputs, and the edges that order an update."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.cluster.existing import ExistingClusterAccess
from components.cluster.placement import Placement, inspect_nodes
from components.services.argo_blue_green import ArgoBlueGreenService
from components.services.blue_green import BlueGreenService
from components.services.canary import CanaryService
from components.services.live_rollouts import inspect_rollouts
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings
from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.gates.canary import CanaryGates
from switchyard.gates.observed import Observed
from switchyard.gates.rules.reports import ServingReport
from switchyard.gates.service import Gates
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.live_rollouts import LiveRollout
from switchyard.kube.nodes import LiveNode
from switchyard.kube.rollout import RolloutState, state_of
from tests.support.engine import Recording, record

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"
NODE_PATCH = "kubernetes:core/v1:NodePatch"


def service(active: str = "blue") -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "active": active,
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": 3},
            "readyTimeoutSeconds": 77,
        }
    )


def canary() -> CanarySettings:
    return CanarySettings.model_validate({"image": "org/backend", "strategy": "canary", "tag": "v2"})


def at_once(selected: dict[str, str] | None = None) -> ArgoBlueGreenService:
    settings = {"image": "org/backend", "strategy": "argoBlueGreen", "tag": "v2", "argoBlueGreen": {"prePromotion": {}}}
    return ArgoBlueGreenService(
        "it",
        service=ArgoBlueGreenSettings.model_validate(settings),
        access=ClusterAccess(),
        observed=Observed(LiveRollout("blueGreen", selected)),
    )


LIVE = {name: LiveNode() for name in DEFAULT_NODES}


COMPONENTS: dict[str, tuple[Callable[[], object], str]] = {
    "blue_green": (
        lambda: BlueGreenService("it", service=service(), access=ClusterAccess()),
        "switchyard:service:BlueGreenService",
    ),
    "canary": (
        lambda: CanaryService("it", service=canary(), access=ClusterAccess()),
        "switchyard:service:CanaryService",
    ),
    "argo_blue_green": (at_once, "switchyard:service:ArgoBlueGreenService"),
    "placement": (
        lambda: Placement("it", nodes=DEFAULT_NODES, live=LIVE, access=ClusterAccess()),
        "switchyard:placement:Placement",
    ),
    "cluster": (
        lambda: ExistingClusterAccess("it", cluster=ExistingCluster(kind="existing")),
        "switchyard:cluster:Existing",
    ),
}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    async def as_configured(gates: Gates[Any]) -> ServingReport:
        return ServingReport("blue")

    async def healthy(gates: Gates[Any]) -> RolloutState:
        return state_of({"metadata": {"generation": 1}, "spec": {"strategy": {}}, "status": {"phase": "Healthy"}})

    monkeypatch.setattr(Gates, "inspect", as_configured)
    monkeypatch.setattr(CanaryGates, "follow", healthy)
    monkeypatch.setattr(ArgoBlueGreenGates, "inspect", as_configured)
    monkeypatch.setattr(ArgoBlueGreenGates, "follow", healthy)


@pytest.fixture(params=COMPONENTS)
def built(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Recording]:
    build, type_ = COMPONENTS[request.param]
    return type_, record(monkeypatch, build)


def test_a_component_has_its_type_token(built: tuple[str, Recording]) -> None:
    type_, recording = built
    assert recording.names(type_) == {"it"}


def test_everything_that_a_component_registers_is_its_child_and_has_its_name_as_prefix(
    built: tuple[str, Recording],
) -> None:
    type_, recording = built
    for (child_type, name), request in recording.requests.items():
        if child_type not in {type_, "pulumi:pulumi:Stack"}:
            assert request.parent.endswith(f"{type_}::it")
            assert name == "it" or name.startswith("it-")


def test_a_component_registers_its_outputs(built: tuple[str, Recording]) -> None:
    _, recording = built
    assert recording.outputs["it"]


@pytest.mark.parametrize(("active", "idle"), [("blue", "green"), ("green", "blue")])
def test_an_update_warms_the_active_colour_then_switches_then_changes_the_idle_colour(
    monkeypatch: pytest.MonkeyPatch, active: str, idle: str
) -> None:
    recording = record(
        monkeypatch, lambda: BlueGreenService("backend", service=service(active), access=ClusterAccess())
    )
    assert f"backend-{active}" in recording.dependencies(SERVICE, "backend")
    assert "backend" in recording.dependencies(DEPLOYMENT, f"backend-{idle}")
    assert f"backend-{idle}" not in {
        name
        for name in recording.dependencies(DEPLOYMENT, f"backend-{active}")
        if (DEPLOYMENT, name) in recording.requests
    }
    # The Services of both colours exist before the gate that needs them.
    assert {"backend-blue", "backend-green"} <= recording.dependencies(SERVICE, "backend")


def test_a_canary_creates_its_pods_before_it_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(monkeypatch, COMPONENTS["canary"][0])
    rollout = recording.dependencies("kubernetes:argoproj.io/v1alpha1:Rollout", "it-rollout")
    assert {"it-stable", "it-canary", "it-success-rate", "it-latency-p95"} <= rollout
    assert "it-rollout" in recording.dependencies(SERVICE, "it")


def test_argo_blue_green_creates_the_service_before_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(monkeypatch, at_once)
    rollout = recording.dependencies("kubernetes:argoproj.io/v1alpha1:Rollout", "it-rollout")
    assert {"it", "it-preview", "it-success-rate-pre-promotion", "it-latency-p95-pre-promotion"} <= rollout
    assert "it-rollout" not in recording.dependencies(SERVICE, "it")


@pytest.mark.parametrize("owned", [False, True])
def test_a_selector_that_the_controller_has_set_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, *, owned: bool
) -> None:
    live = {"app": "it", **({"rollouts-pod-template-hash": "abc"} if owned else {})}
    request = record(monkeypatch, lambda: at_once(live)).requests[SERVICE, "it"]
    assert list(request.ignoreChanges) == (["spec.selector"] if owned else [])
    assert dict(request.object["spec"]["selector"]) == live


@pytest.mark.parametrize("kind", ["blue_green", "canary", "argo_blue_green"])
def test_the_first_object_of_a_service_has_a_hook_that_checks_the_namespace(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    build, _ = COMPONENTS[kind]
    recording = record(monkeypatch, build)
    account = ("kubernetes:core/v1:ServiceAccount", "it-account")
    others = {key for key in recording.requests if key[0].startswith("kubernetes:")} - {account}
    assert len(others) == {"blue_green": 7, "canary": 7, "argo_blue_green": 6}[kind]

    def before(key: tuple[str, str]) -> set[tuple[str, str]]:
        """Everything that a resource waits for, directly or not."""
        direct = {
            (kind.rpartition("$")[2], name)
            for kind, name in (urn.split("::")[-2:] for urn in recording.requests[key].dependencies)
        }
        return direct.union(*map(before, direct))

    for other in others:
        assert account in before(other)


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_an_update_that_ends_with_another_colour_serving_is_an_error_and_its_output_says_which(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    async def green(gates: Gates[Any]) -> ServingReport:
        return ServingReport("green", "green serves")

    shown: list[str] = []
    build, _ = COMPONENTS["blue_green"]
    monkeypatch.setattr(Gates, "inspect", green)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    monkeypatch.setattr(pulumi.log, "warn", lambda line, _: shown.append(line))

    def run() -> None:
        service = build()
        assert isinstance(service, BlueGreenService)
        service.active.apply(lambda colour: shown.append(f"output: {colour}"))

    if preview:
        record(monkeypatch, run)
        assert sorted(shown) == ["green serves", "output: green"]
    else:
        with pytest.raises(pulumi.RunError, match=r"^green serves$"):
            record(monkeypatch, run)
        assert shown == ["output: green"]


def test_a_cluster_that_does_not_exist_yet_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    access = ClusterAccess(stack_kubeconfig=StackKubeconfig())
    assert set(inspect_nodes(DEFAULT_NODES, access)) == set(DEFAULT_NODES)
    assert inspect_rollouts({"it": canary()}, access) == {"it": LiveRollout()}
    shown: list[str] = []

    async def looked(gates: Gates[Any]) -> ServingReport:
        raise AssertionError

    def run() -> None:
        service_ = BlueGreenService("it", service=service(), access=access)
        service_.active.apply(shown.append)

    monkeypatch.setattr(Gates, "inspect", looked)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    record(monkeypatch, run)
    assert shown == ["blue"]


def test_a_deployment_is_waited_for_as_long_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    build, _ = COMPONENTS["blue_green"]
    recording = record(monkeypatch, build)
    for colour in ("blue", "green"):
        timeouts = recording.requests[DEPLOYMENT, f"it-{colour}"].customTimeouts
        assert (timeouts.create, timeouts.update) == ("77s", "77s")


def test_placement_patches_each_node_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    build, _ = COMPONENTS["placement"]
    recording = record(monkeypatch, build)
    assert recording.names(NODE_PATCH) == {f"it-{node}" for node in DEFAULT_NODES}


def test_the_provider_is_not_replaced_when_a_kubeconfig_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    build, _ = COMPONENTS["cluster"]
    recording = record(monkeypatch, build)
    [inputs] = [request.object for (type_, _), request in recording.requests.items() if "providers" in type_]
    assert inputs["clusterIdentifier"] == "existing"
    assert "deleteUnreachable" not in inputs
