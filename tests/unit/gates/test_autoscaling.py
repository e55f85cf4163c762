"""The gates of a service that an autoscaler sizes, against an API server that is given its objects."""

import asyncio
import copy
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import AccessDeniedError, ApiStatusError, GateRefusedError
from switchyard.gates.autoscaling import has_metrics, read_sizings, warm
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.autoscaling import autoscaler
from switchyard.manifests.blue_green import deployment

BLUE, GREEN = Track.BLUE, Track.GREEN


def service(active: str = "blue", **more: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "active": active,
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": 0},
            "autoscaling": {"min": 3, "max": 10},
            "readyTimeoutSeconds": 1,
            **more,
        }
    )


class FakeApi:
    """An API server with two Deployments, their pods, a Service and autoscalers, which does what it is asked.

    Attributes:
        selected: colour that the Service selects.
        replicas: replicas in the specification of each colour's Deployment; as many pods are ready.
        autoscalers: HorizontalPodAutoscalers of the namespace; None denies the list.
        metrics: what asking for metrics raises.
        written: bodies and resources of all writes.
    """

    def __init__(self, selected: str = "blue", **replicas: int) -> None:
        self.selected = selected
        self.replicas = replicas
        self.autoscalers: list[dict[str, Any]] | None = []
        self.metrics: Exception | None = None
        self.written: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    async def find(self, resource: str, name: str, *_: str) -> dict[str, Any] | None:
        if resource == "services":
            return {"spec": {"selector": {"app": "backend", "version": self.selected}}}
        colour = name.removeprefix("backend-")
        if resource != "deployments" or colour not in self.replicas:
            return None
        manifest = deployment("backend", Colour(colour), service())
        return copy.deepcopy(manifest) | {"spec": {**manifest["spec"], "replicas": self.replicas[colour]}}

    async def find_all(self, resource: str, _: str | None, labels: Mapping[str, str], __: str = "") -> Any:
        if resource == "horizontalpodautoscalers":
            if self.autoscalers is None:
                raise AccessDeniedError("list", "horizontalpodautoscalers", 403, "no")
            return {"items": self.autoscalers}
        if resource == "endpointslices":
            service_name = labels["kubernetes.io/service-name"]
            colour = self.selected if service_name == "backend" else service_name.removeprefix("backend-")
            endpoints = [
                {"targetRef": {"kind": "Pod", "name": f"{colour}-{number}"}, "conditions": {"ready": True}}
                for number in range(self.replicas.get(colour, 0))
            ]
            return {
                "items": [{"metadata": {"name": colour}, "endpoints": endpoints}],
                "metadata": {"resourceVersion": "1"},
            }
        if resource != "pods":
            return {"items": []}
        image = f"org/backend:{'v1' if labels['version'] == 'blue' else 'v2'}"
        return {
            "items": [
                {
                    "metadata": {"name": f"{labels['version']}-{number}"},
                    "spec": {"containers": [{"name": "app", "image": image}]},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                }
                for number in range(self.replicas.get(labels["version"], 0))
            ]
        }

    async def knows(self, *_: str) -> bool:
        if self.metrics is not None:
            raise self.metrics
        return True

    async def ask(self, _: str, resource: str, name: str, *__: str, **request: Any) -> Any:
        body = json.loads(request["content"])
        self.written.append((f"{resource}/{name}", body, request["params"]))
        if name.endswith("/scale"):
            self.replicas[name.removeprefix("backend-").removesuffix("/scale")] = body["spec"]["replicas"]
        return body

    async def watch(self, *_: object, **__: object) -> AsyncGenerator[dict[str, Any], None]:
        await asyncio.Event().wait()
        yield {}


def cluster(api: FakeApi) -> Cluster:
    return Cluster(api)  # type: ignore[arg-type]


def gates(
    monkeypatch: pytest.MonkeyPatch, api: FakeApi, settings: BlueGreenSettings
) -> tuple[BlueGreenGates, list[str]]:
    async def connect(_: ClusterAccess) -> Cluster:
        return cluster(api)

    monkeypatch.setattr(Cluster, "connect", connect)
    warned: list[str] = []
    created = BlueGreenGates("backend", settings, ClusterAccess(), warned.append)
    created.sizing = asyncio.run(read_sizings(cluster(api), {"backend": settings}))["backend"]
    return created, warned


def own(settings: BlueGreenSettings) -> dict[str, Any]:
    assert settings.autoscaling is not None
    return autoscaler("backend", settings, settings.autoscaling)


def test_numbers_are_read_once_for_services_with_an_autoscaler() -> None:
    api = FakeApi("blue", blue=5, green=0)
    plain = service().model_copy(update={"autoscaling": None})
    sizings = asyncio.run(read_sizings(cluster(api), {"backend": service("green"), "plain": plain}))
    assert sizings["plain"] == Sizing()
    assert sizings["backend"] == Sizing((), {BLUE: 5, GREEN: 0}, BLUE, 5, 5)


def test_missing_permission_to_list_autoscalers_matters_only_to_who_asks_for_one() -> None:
    api = FakeApi("blue", blue=5)
    api.autoscalers = None
    plain = service().model_copy(update={"autoscaling": None})
    assert asyncio.run(read_sizings(cluster(api), {"backend": plain})) == {"backend": Sizing()}
    with pytest.raises(AccessDeniedError):
        asyncio.run(read_sizings(cluster(api), {"backend": service()}))


def test_a_track_is_scaled_up_by_the_scale_subresource_and_never_down() -> None:
    api = FakeApi("blue", blue=8, green=5)
    assert asyncio.run(warm(cluster(api), "backend", service("green"), GREEN, 8)) == 5
    [(resource, body, params)] = api.written
    assert (resource, body) == ("deployments/backend-green/scale", {"spec": {"replicas": 8}})
    assert params == {"fieldManager": "switchyard"}
    assert asyncio.run(warm(cluster(api), "backend", service("green"), GREEN, 3)) is None
    assert api.replicas == {"blue": 8, "green": 8}


def test_gate_raises_a_colour_that_the_autoscaler_has_outgrown(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi("blue", blue=5, green=5)
    settings = service("green", gate={"smoke": {"enabled": False}})
    it, warned = gates(monkeypatch, api, settings)

    async def current(*_: object) -> frozenset[str]:
        return frozenset(f"green-{number}" for number in range(api.replicas["green"]))

    monkeypatch.setattr(Cluster, "current_pods", current)
    api.replicas["blue"] = 7  # while green was warmed
    asyncio.run(it.before_switch(creating=False, preview=False))
    assert api.replicas["green"] == 7
    assert warned == [
        "backend: green was scaled up from 5 to 7 pods before the switch, as many as serve now (SY-A009)."
    ]


def test_serving_deployment_is_tried_with_its_live_number(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi("blue", blue=5, green=0)
    it, _ = gates(monkeypatch, api, service())
    api.replicas["blue"] = 6  # since the program's start
    asyncio.run(
        it.before_pods_change(Colour.BLUE, deployment("backend", Colour.BLUE, service(), replicas=5), preview=False)
    )
    [(_, body, params)] = api.written
    assert (body["spec"]["replicas"], params["dryRun"]) == (6, "All")


def test_second_autoscaler_and_lower_maximum_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi("blue", blue=6, green=0)
    settings = service(autoscaling={"min": 2, "max": 4})
    it, _ = gates(monkeypatch, api, settings)
    with pytest.raises(GateRefusedError, match=r"autoscaling.max is 4, but 6 ready pods serve"):
        asyncio.run(it.before_autoscaler(preview=True))
    theirs = own(service())
    theirs["metadata"] = {"name": "by-hand"}
    api.autoscalers = [theirs]
    with pytest.raises(GateRefusedError, match=r"HorizontalPodAutoscaler by-hand"):
        asyncio.run(it.before_autoscaler(preview=True))


@pytest.mark.parametrize("status", [404, 503])
def test_missing_metrics_are_warned_of(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    api = FakeApi("blue", blue=3, green=0)
    api.metrics = ApiStatusError("list", "pods", status, "no metrics")
    it, warned = gates(monkeypatch, api, service())
    asyncio.run(it.before_autoscaler(preview=False))
    assert "the cluster serves no metrics" in warned[0]
    assert asyncio.run(has_metrics(cluster(FakeApi()), "default"))


def test_end_of_an_update_names_an_autoscaler_that_is_missing_elsewhere_or_inactive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = FakeApi("blue", blue=3, green=0)
    it, warned = gates(monkeypatch, api, service())
    assert "HorizontalPodAutoscaler backend does not exist on the cluster" in str(
        asyncio.run(it._unsized(cluster(api)))
    )
    api.autoscalers = [own(service("green"))]
    assert "sizes green, so that blue serves with a fixed number" in str(asyncio.run(it._unsized(cluster(api))))
    reason = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "none"}
    api.autoscalers = [own(service()) | {"status": {"conditions": [reason]}}]
    assert asyncio.run(it._unsized(cluster(api))) is None
    assert warned == [
        "backend: HorizontalPodAutoscaler backend does not scale (FailedGetResourceMetric: none) (SY-A006). The "
        "number of pods stays as it is."
    ]
