"""A service whose objects have another name than its key: one name in two namespaces, and every place that has both."""

from typing import Any

import pytest

from components.services.argo_blue_green import ArgoBlueGreenService
from components.services.blue_green import BlueGreenService
from components.services.canary import CanaryService
from switchyard.analysis_errors import NoVersionError
from switchyard.cli.analysis import versions_of
from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import (
    ArgoBlueGreenSettings,
    BlueGreenSettings,
    CanarySettings,
    Colour,
    Track,
)
from switchyard.config.models.service_name import NamespacedName, ServiceName, key_of
from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.gates.canary import CanaryGates
from switchyard.gates.guard import Guard
from switchyard.gates.rules.deletion import Run, refuse_serving, refuse_unconfigured_service
from switchyard.gates.rules.load_balancer_weights import refuse_unhealthy
from switchyard.gates.rules.release import refuse_fewer_replicas, refuse_in_place
from switchyard.gates.rules.relocation import StackLocation, refuse_other_name, refuse_other_namespace
from switchyard.gates.rules.remedies import setting
from switchyard.gates.rules.reports import ServingReport
from switchyard.gates.service import Gates
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.access import ClusterAccess
from switchyard.kube.records import Record
from switchyard.kube.rollout import RolloutState, state_of
from switchyard.manifests.ingress import ingress
from switchyard.manifests.ingress_routes import parts
from switchyard.manifests.ownership_marks import SERVICE_KEY, Mark, marked
from tests.support.engine import Recording, record

TWO_COLOURS: dict[str, Any] = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}}
SHOP = TWO_COLOURS | {"name": "backend", "namespace": "shop"}
ROLLOUT = {"image": "org/backend", "tag": "v1"}
NAME = ServiceName("backend", "backend-shop")


def settings(services: dict[str, Any]) -> StackSettings:
    return load({"kind": "existing", "nodes": {}}, services, "test")


def test_one_name_in_two_namespaces_is_two_services() -> None:
    services = settings({"backend": TWO_COLOURS, "backend-shop": SHOP}).services
    assert {key: service.namespaced(key) for key, service in services.items()} == {
        "backend": ("default", "backend"),
        "backend-shop": ("shop", "backend"),
    }
    assert services["backend-shop"].named("backend-shop").key == "backend-shop"
    assert key_of("backend") == "backend"


@pytest.mark.parametrize(
    ("services", "path", "rule"),
    [
        ({"a": {**TWO_COLOURS, "name": "backend"}, "backend": TWO_COLOURS}, "backend:", "the name of services.a"),
        ({"backend": TWO_COLOURS, "a": {**TWO_COLOURS, "name": "backend"}}, "a.name:", "the name of services.backend"),
        ({"a": TWO_COLOURS, "b": {**TWO_COLOURS, "name": "a-blue"}}, "b.name:", "the name of a's blue Service"),
        ({"a": {**SHOP, "name": "x"}, "b": {**SHOP, "name": "x-canary"}}, "b.name:", "the name of a's canary Service"),
        ({"a": SHOP, "a-blue": TWO_COLOURS}, "a-blue:", "a's blue Service in Pulumi's state, which uses the keys"),
        ({"a": {**SHOP, "name": "Backend"}}, "a.name:", "must be at most 55 of a-z 0-9 -"),
        ({"a": {**SHOP, "name": "x" * 56}}, "a.name:", "must be at most 55 of a-z 0-9 -"),
        ({"x" * 56: SHOP}, f"{'x' * 56}:", "a service's name is at most 55"),
        ({"a": {**SHOP, "name": "kubernetes"}}, "a.name:", "is a reserved name"),
        ({"a": SHOP, "b": {"remove": True, "name": "backend", "namespace": "shop"}}, "b:", "services.a has this name"),
        ({"a": SHOP, "backend": {**TWO_COLOURS, "leaves": "shop"}}, "backend.leaves:", "and services.a has them"),
        ({"a": {"remove": True, "name": "A"}}, "a.name:", "must be the name that the service's objects have"),
    ],
)
def test_a_name_that_two_services_would_share_is_refused(services: dict[str, Any], path: str, rule: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings(services)
    [line] = [line for line in str(error.value).splitlines() if f"switchyard:services.{path}" in line]
    assert rule in line


@pytest.mark.parametrize(
    ("strategy", "path"),
    [
        ({"strategy": "canary"}, "canary.analysis.labels"),
        ({"strategy": "argoBlueGreen", "argoBlueGreen": {"prePromotion": {}}}, "argoBlueGreen.prePromotion.labels"),
    ],
)
def test_metrics_of_two_services_of_one_name_must_be_told_apart(strategy: dict[str, Any], path: str) -> None:
    entry = ROLLOUT | strategy
    services = {"backend": entry, "web": entry | {"name": "backend", "namespace": "shop"}}
    with pytest.raises(SettingsError) as error:
        settings(services)
    [line] = str(error.value).splitlines()[-1:]
    assert f"switchyard:services.web.{path}:" in line
    assert f"pulumi config set --path 'switchyard:services.web.{path}.namespace' shop" in line


def test_metrics_with_the_namespace_are_distinguished() -> None:
    analysis = {"canary": {"analysis": {"labels": {"namespace": "shop"}}}}
    entry = ROLLOUT | {"strategy": "canary"}
    services = settings({"backend": entry, "web": entry | {"name": "backend", "namespace": "shop"} | analysis}).services
    assert set(services) == {"backend", "web"}


def test_names_may_overlap_in_different_namespaces() -> None:
    loaded = settings({"a": TWO_COLOURS, "b": {**SHOP, "name": "a-blue"}, "kubernetes": SHOP})
    assert set(loaded.services) == {"a", "b", "kubernetes"}


def test_a_removed_service_keeps_its_name() -> None:
    loaded = settings({"backend": TWO_COLOURS, "backend-shop": {**SHOP, "remove": True}})
    assert loaded.removed == {"backend-shop": NamespacedName("shop", "backend")}


def build(kind: str, key: str, extra: dict[str, Any]) -> None:
    access = ClusterAccess()
    if kind == "blueGreen":
        BlueGreenService(key, service=BlueGreenSettings.model_validate(TWO_COLOURS | extra), access=access)
    elif kind == "canary":
        raw = ROLLOUT | {"strategy": "canary", "canary": {"traffic": "istio"}} | extra
        CanaryService(key, service=CanarySettings.model_validate(raw), access=access)
    else:
        raw = ROLLOUT | {"strategy": "argoBlueGreen", "argoBlueGreen": {"prePromotion": {}}} | extra
        ArgoBlueGreenService(key, service=ArgoBlueGreenSettings.model_validate(raw), access=access)


def objects(recording: Recording) -> dict[str, tuple[str, str, str]]:
    """By logical name and kind: namespace, name and label `app` of the object."""
    places = {}
    for (type_, name), request in recording.requests.items():
        if not request.custom:
            continue
        metadata = request.object["metadata"]
        places[f"{type_.rpartition(':')[2]} {name}"] = (
            metadata["namespace"],
            metadata["name"],
            metadata["labels"]["app"],
        )
    return places


@pytest.mark.parametrize("kind", ["blueGreen", "canary", "argoBlueGreen"])
def test_the_engine_has_the_key_and_the_cluster_has_the_name(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def as_configured(_: Gates[Any]) -> ServingReport:
        return ServingReport("blue")

    async def healthy(_: Gates[Any]) -> RolloutState:
        return state_of({"metadata": {"generation": 1}, "spec": {"strategy": {}}, "status": {"phase": "Healthy"}})

    for gates in (Gates, ArgoBlueGreenGates):
        monkeypatch.setattr(gates, "inspect", as_configured)
    for rollouts in (CanaryGates, ArgoBlueGreenGates):
        monkeypatch.setattr(rollouts, "follow", healthy)
    scaled = {"autoscaling": {"min": 2, "max": 4, "cpuPercent": 60}}

    def both() -> None:
        build(kind, "backend", scaled)
        build(kind, "web", scaled | {"name": "backend", "namespace": "shop"})

    places = objects(record(monkeypatch, both))
    first = {name: place for name, place in places.items() if place[0] == "default"}
    second = {name: place for name, place in places.items() if place[0] == "shop"}
    assert len(first) > 5
    assert {name.replace(" web", " backend", 1): place[1:] for name, place in second.items()} == {
        name: place[1:] for name, place in first.items()
    }
    assert all(name.partition(" ")[2].startswith("web") for name in second)
    assert all(app == "backend" for _, _, app in places.values())


def test_messages_begin_with_the_key_and_name_the_service_of_the_cluster() -> None:
    service = BlueGreenSettings.model_validate(SHOP | {"active": "green"})
    refusals = [
        refuse_fewer_replicas(NAME, service, Track.GREEN, None, 3),
        refuse_in_place(NAME, service, Colour.BLUE, {"app": "backend", "version": "blue"}, []),
        refuse_unhealthy(NAME, "backend-green", "no target"),
    ]
    for refusal in refusals:
        assert str(refusal).startswith("backend-shop: ")
        assert "services.backend." not in str(refusal)
    assert "Service backend serves" in str(refusals[0])
    assert (
        setting(NAME, "active", "blue") == "`pulumi config set --path 'switchyard:services.backend-shop.active' blue`"
    )
    with pytest.raises(NoVersionError, match=r"^backend-shop: there is no Rollout in namespace shop"):
        versions_of(NAME, CanarySettings.model_validate(ROLLOUT | {"strategy": "canary", "namespace": "shop"}), None)


def test_the_place_of_a_service_is_recorded_by_key_with_its_name() -> None:
    outputs = {"services": {"backend": {"namespace": "default"}, "web": {"namespace": "shop", "name": "backend"}}}
    before = StackLocation.of(outputs)
    assert before.namespaces == {"backend": "default", "web": "shop"}
    assert (before.service("web"), before.service("web").key) == ("backend", "web")
    assert before.service("backend") == "backend"


def test_another_name_is_refused_with_the_command_that_restores_it() -> None:
    text = str(refuse_other_name(NAME, "api", "shop", "it has 3 ready endpoints"))
    assert text.startswith("backend-shop: name api is refused (SY-D012): it serves as backend in namespace shop")
    assert "pulumi config set --path 'switchyard:services.backend-shop.name' backend" in text
    text = str(refuse_other_name(ServiceName("web", "web"), "api", "shop", "it serves"))
    assert "pulumi config rm --path 'switchyard:services.web.name'" in text
    text = str(refuse_other_namespace(NAME, "b", "shop", "it serves"))
    assert "'switchyard:services.backend-shop.leaves' shop" in text


def deployment(key: str | None) -> dict[str, Any]:
    metadata = {"name": "backend-blue", "namespace": "shop", "labels": {"app": "backend"}}
    return marked({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}, Mark("p", "s"), key)


def guard(**entries: NamespacedName) -> Guard:
    services: dict[tuple[str, str], ServiceEntry] = {
        place: ServiceEntry(ServiceName(place.name, key.replace("_", "-")), place.namespace)
        for key, place in entries.items()
    }
    return Guard(Mark("p", "s"), None, False, False, services, frozenset(), False, print, print)


def test_objects_have_the_key_of_their_service_where_that_is_not_its_name() -> None:
    here = guard(backend=NamespacedName("default", "backend"), web=NamespacedName("shop", "backend"))
    assert here.key(deployment(None)) == "web"
    assert here.key({"metadata": {"name": "x", "namespace": "default", "labels": {"app": "backend"}}}) is None
    assert here.key({"metadata": {"name": "node"}}) is None
    assert SERVICE_KEY not in deployment(None)["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("entries", "remedy"),
    [
        # The other service of this name stays: no remedy may name it.
        (
            {"backend": NamespacedName("default", "backend")},
            "'switchyard:services.web.remove' true && pulumi config set --path 'switchyard:services.web.name' backend",
        ),
        ({"web": NamespacedName("b", "backend")}, "'switchyard:services.web.leaves' shop"),
        ({"web": NamespacedName("shop", "api")}, "'switchyard:services.web.name' backend"),
    ],
)
def test_the_deletion_guard_names_the_key(entries: dict[str, NamespacedName], remedy: str) -> None:
    record = Record.of(deployment("web"), None)
    assert record is not None
    run: Run = guard(**entries)._run(record)
    text = str(refuse_serving(record, run, "it has 3 ready endpoints"))
    assert text.startswith("web: deleting Deployment/backend-blue")
    assert remedy in text
    assert "services.backend" not in text


def test_a_service_that_vanished_is_named_by_its_key() -> None:
    text = str(refuse_unconfigured_service(NAME, "shop", "it serves", "this run"))
    assert "put services.backend-shop back" in text
    assert "'switchyard:services.backend-shop.name' backend && " in text


def test_an_ingress_has_the_key_and_routes_to_the_name() -> None:
    routes = [{"service": "backend"}, {"service": "web", "path": "/shop"}]
    raw = {"kind": "ec2", "name": "production", "loadBalancer": {"routes": routes}}
    cluster = Ec2Cluster.model_validate(raw)
    assert cluster.load_balancer is not None
    names = {}
    for part in parts(cluster.load_balancer.routes):
        extra = {"name": "backend", "namespace": "shop"} if part.service == "web" else {}
        service = BlueGreenSettings.model_validate(TWO_COLOURS | extra | {"switchEngine": "albWeights"})
        manifest = ingress(cluster, part, service)
        [rule] = manifest["spec"]["rules"]
        [path] = rule["http"]["paths"]
        metadata = manifest["metadata"]
        assert "alb.ingress.kubernetes.io/actions.backend" in metadata["annotations"]
        names[metadata["namespace"], metadata["name"]] = path["backend"]["service"]["name"]
    assert names == {("default", "backend"): "backend", ("shop", "web"): "backend"}
