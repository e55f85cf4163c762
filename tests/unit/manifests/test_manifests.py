"""Rendered manifests: valid to the API of the pinned version, and consistent with each other."""

from typing import Any

import kubernetes_validate
import pytest

from devtools.toolchain.versions import KUBERNETES
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.manifests import blue_green as render
from switchyard.manifests import pods
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import colour_name, selector
from switchyard.manifests.placement import has_configured_taints, node_patch, taints_to_apply
from switchyard.manifests.pods import Manifest

MINIMAL: dict[str, Any] = {"image": "ghcr.io/org/backend", "active": "green", "green": {"tag": "v2", "replicas": 2}}
FULL: dict[str, Any] = MINIMAL | {
    "nodePort": 30080,
    "namespace": "shop",
    "env": {"LOG_LEVEL": "info", "SHARED": "service", "TOKEN": "for trials"},
    "secretEnv": {"PASSWORD": {"secret": "shop-secrets", "key": "password"}},
    "fieldEnv": {"NODE_NAME": "spec.nodeName"},
    "blue": {
        "tag": "v1",
        "replicas": 3,
        "env": {"SHARED": "colour"},
        "secretEnv": {"TOKEN": {"secret": "shop-secrets", "key": "token"}},
    },
    "tolerations": [{"key": "dedicated", "value": "shop"}],
    "imagePullSecrets": ["registry"],
    "podAnnotations": {"example.org/team": "shop"},
}
REDIS = DEFAULT_NODES["k8s-redis"]
OF_REDIS = {"key": "dedicated", "value": "redis", "effect": "NoSchedule"}
OF_ANOTHER_PLACE = {"key": "dedicated", "value": "postgresql", "effect": "NoSchedule"}
MAINTENANCE = {"key": "maintenance", "effect": "NoExecute"}
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-11-24T00:00:00Z"}


def service(raw: dict[str, Any]) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(raw)


def manifests(raw: dict[str, Any]) -> list[Manifest]:
    settings = service(raw)
    shared = [pods.service_account("shop", settings), pods.active_service("shop", settings)]
    for colour in Colour:
        shared += [
            render.deployment("shop", colour, settings),
            render.colour_service("shop", colour, settings),
            disruption_budget("shop", colour, settings),
        ]
    return shared


@pytest.mark.parametrize("raw", [MINIMAL, FULL], ids=["minimal", "full"])
def test_every_manifest_is_valid_to_the_pinned_kubernetes_version_with_no_unknown_field(raw: dict[str, Any]) -> None:
    for manifest in manifests(raw):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_every_node_patch_is_valid() -> None:
    for name, node in DEFAULT_NODES.items():
        for applied in (None, taints_to_apply(node, [NOT_READY])):
            kubernetes_validate.validate(node_patch(name, node, applied), KUBERNETES, strict=True)


def test_a_patch_has_the_taints_of_the_place_and_then_those_of_others_as_they_are() -> None:
    live = [MAINTENANCE, OF_ANOTHER_PLACE, NOT_READY]
    assert taints_to_apply(REDIS, live) == [OF_REDIS, MAINTENANCE, NOT_READY]
    assert taints_to_apply(DEFAULT_NODES["k8s-worker-1"], live) == [MAINTENANCE, NOT_READY]


def test_a_patch_that_leaves_the_taints_alone_does_not_have_them() -> None:
    assert node_patch("k8s-redis", REDIS, None)["spec"] == {}
    assert node_patch("k8s-redis", REDIS, [])["spec"] == {"taints": []}


@pytest.mark.parametrize(
    ("live", "right"),
    [
        ([OF_REDIS], True),
        ([NOT_READY, OF_REDIS, MAINTENANCE], True),
        ([], False),
        ([MAINTENANCE], False),
        ([OF_ANOTHER_PLACE], False),
        ([OF_REDIS, OF_ANOTHER_PLACE], False),
        ([OF_REDIS | {"effect": "NoExecute"}], False),
    ],
)
def test_taints_are_right_when_those_of_the_place_are_whatever_others_there_are(
    live: list[dict[str, str]], right: bool
) -> None:
    assert has_configured_taints(REDIS, live) is right


def test_a_taint_of_the_control_plane_has_no_value_and_is_right_without_one() -> None:
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert taints_to_apply(DEFAULT_NODES["k8s-master"], []) == [taint]
    assert has_configured_taints(DEFAULT_NODES["k8s-master"], [taint])


def test_deployment_service_and_disruption_budget_of_a_colour_select_the_same_pods() -> None:
    settings = service(FULL)
    for colour in Colour:
        labels = selector("shop", colour)
        deployment = render.deployment("shop", colour, settings)
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        assert deployment["spec"]["template"]["metadata"]["labels"] == labels
        assert render.colour_service("shop", colour, settings)["spec"]["selector"] == labels
        assert disruption_budget("shop", colour, settings)["spec"]["selector"]["matchLabels"] == labels


def test_the_active_service_selects_the_active_colour_on_the_fixed_port() -> None:
    spec = pods.active_service("shop", service(FULL))["spec"]
    assert spec["selector"] == {"app": "shop", "version": "green"}
    assert spec["ports"] == [{"name": "http", "port": 8000, "targetPort": 8000, "protocol": "TCP", "nodePort": 30080}]


def test_without_a_fixed_port_kubernetes_chooses() -> None:
    [port] = pods.active_service("shop", service(MINIMAL))["spec"]["ports"]
    assert "nodePort" not in port


def test_a_colour_without_a_tag_is_rendered_with_that_of_the_active_one_and_without_pods() -> None:
    spec = render.deployment("shop", Colour.BLUE, service(MINIMAL))["spec"]
    assert spec["replicas"] == 0
    assert spec["template"]["spec"]["containers"][0]["image"] == "ghcr.io/org/backend:v2"


def test_the_environment_of_a_colour_wins_over_that_of_the_service_and_version_is_the_colour() -> None:
    [container] = render.deployment("shop", Colour.BLUE, service(FULL))["spec"]["template"]["spec"]["containers"]
    assert [(entry["name"], entry["value"]) for entry in container["env"] if "value" in entry] == [
        ("LOG_LEVEL", "info"),
        ("SHARED", "colour"),
        ("VERSION", "blue"),
    ]


def test_a_secret_variable_names_its_secret_and_has_no_value() -> None:
    [container] = render.deployment("shop", Colour.BLUE, service(FULL))["spec"]["template"]["spec"]["containers"]
    assert [entry for entry in container["env"] if "secretKeyRef" in entry.get("valueFrom", {})] == [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "shop-secrets", "key": key}}}
        for name, key in (("PASSWORD", "password"), ("TOKEN", "token"))
    ]


def test_a_field_variable_reads_a_field_of_its_own_pod() -> None:
    [container] = render.deployment("shop", Colour.BLUE, service(FULL))["spec"]["template"]["spec"]["containers"]
    node = {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}
    assert {"name": "NODE_NAME", "valueFrom": node} in container["env"]


def test_a_switch_changes_the_selector_of_one_service_and_nothing_else() -> None:
    before, after = manifests(FULL), manifests(FULL | {"active": "blue"})
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    [(old, new)] = different
    assert (old["kind"], old["metadata"]["name"]) == ("Service", "shop")
    new["spec"]["selector"]["version"] = "green"
    assert old == new


def test_the_names_of_colours_are_those_of_their_objects() -> None:
    assert [colour_name("shop", colour) for colour in Colour] == ["shop-blue", "shop-green"]
