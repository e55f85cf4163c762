"""Which pod templates are left as the cluster's admission has rewritten them."""

import copy
from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import UnreachableError
from switchyard.gates.admission import inspect_templates
from switchyard.gates.rules.admission import is_rewritten, warn_template_rewritten
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import as_kept
from switchyard.manifests.blue_green import deployment
from switchyard.manifests.labels import CONFIGURED_PODS
from switchyard.manifests.pods import digest

BLUE = Colour.BLUE


def service(tag: str = "v1", **more: Any) -> BlueGreenSettings:
    pods = {"tag": tag, "replicas": 3}
    return BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "blue", "blue": pods, "green": pods, **more}
    )


def live(settings: BlueGreenSettings, image: str | None = None, manager: str = "switchyard") -> dict[str, Any]:
    """The Deployment of blue on the cluster, with the image as somebody has set it."""
    manifest = copy.deepcopy(deployment("backend", BLUE, settings))
    fields: dict[str, Any] = {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}
    manifest["metadata"]["managedFields"] = [
        {"manager": manager, "fieldsV1": {"f:spec": {"f:template": {"f:spec": fields}}}}
    ]
    # A sidecar and defaults, which are nobody's to compare.
    manifest["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "proxy:v1"})
    manifest["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    if image is not None:
        manifest["spec"]["template"]["spec"]["containers"][1]["image"] = image
    return manifest


def blue(settings: BlueGreenSettings) -> dict[str, Any]:
    return deployment("backend", BLUE, settings)


def test_a_template_that_admission_has_rewritten_is_kept() -> None:
    assert is_rewritten(blue(service()), live(service(), "mirror/org/backend:v1"))


def test_a_template_as_the_stack_has_it_is_compared_by_the_engine() -> None:
    assert not is_rewritten(blue(service()), live(service()))


@pytest.mark.parametrize("manager", ["kubectl-set", "kubectl-edit", "argocd-controller"])
def test_what_somebody_else_has_set_is_not_kept(manager: str) -> None:
    assert not is_rewritten(blue(service()), live(service(), "org/backend:v9", manager))


@pytest.mark.parametrize("change", [{"tag": "v2"}, {"image": "other/backend"}, {"env": {"A": "1"}}])
def test_a_change_of_the_configuration_is_always_applied(change: dict[str, Any]) -> None:
    assert not is_rewritten(blue(service(**change)), live(service(), "mirror/org/backend:v1"))


def test_values_that_the_api_server_normalizes_are_not_taken_for_rewritten() -> None:
    settings = service(env={"EMPTY": ""}, resources={"limits": {"cpu": "0.5", "memory": "512Mi"}})
    manifest = live(settings)
    container = manifest["spec"]["template"]["spec"]["containers"][1]
    container["resources"]["limits"]["cpu"] = "500m"
    for variable in container["env"]:
        if variable["name"] == "EMPTY":
            del variable["value"]
    assert not is_rewritten(blue(settings), manifest)


def test_what_admission_has_changed_and_added_is_named() -> None:
    template = live(service(), "mirror/org/backend:v1")["spec"]["template"]
    line = warn_template_rewritten("backend", Track.BLUE, blue(service())["spec"]["template"], template)
    assert line == (
        "backend: the cluster's admission has changed the pods of blue: "
        "container app: image org/backend:v1 => mirror/org/backend:v1, container proxy added (SY-S015)."
    )
    plain = deployment("backend", BLUE, service())["spec"]["template"]
    assert (
        warn_template_rewritten(
            "backend", Track.BLUE, plain, plain | {"spec": plain["spec"] | {"dnsPolicy": "Default"}}
        )
        is None
    )


def test_a_deployment_from_before_the_digest_is_not_kept() -> None:
    manifest = live(service(), "mirror/org/backend:v1")
    del manifest["metadata"]["annotations"][CONFIGURED_PODS]
    assert not is_rewritten(blue(service()), manifest)


def test_the_number_of_pods_is_no_part_of_the_digest() -> None:
    more = service(blue={"tag": "v1", "replicas": 5})
    assert blue(more)["metadata"]["annotations"] == blue(service())["metadata"]["annotations"]
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_kept_deployment_is_sent_with_its_live_template() -> None:
    manifest = live(service(), "mirror/org/backend:v1")
    sent = as_kept(blue(service(blue={"tag": "v1", "replicas": 5})), manifest)
    assert sent["spec"]["template"] == manifest["spec"]["template"]
    assert sent["spec"]["replicas"] == 5


def looked(monkeypatch: pytest.MonkeyPatch, answer: list[dict[str, Any]] | Exception) -> Any:
    class FakeCluster:
        async def own_deployments(self, namespace: str) -> list[dict[str, Any]]:
            assert namespace == "default"
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def own_rollouts(self, _: str) -> list[dict[str, Any]]:
            return []

    async def connect(_: ClusterAccess) -> Any:
        return FakeCluster()

    monkeypatch.setattr(Cluster, "connect", connect)
    return inspect_templates({"backend": service()}, ClusterAccess(), {})


def test_the_cluster_is_asked_once_for_all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, [live(service(), "mirror/org/backend:v1")]) == {"backend": {BLUE}}
    assert looked(monkeypatch, []) == {"backend": set()}


def test_an_unreachable_cluster_keeps_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, UnreachableError("silence")) == {}
    assert inspect_templates({}, ClusterAccess(), {}) == {}
