"""Pods and Services of a realistic service: every key, by the value that it renders."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from devtools.toolchain.versions import KUBERNETES
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, Colour, Track
from switchyard.manifests import argo_blue_green, blue_green, canary, pods
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import canary_name, selector
from switchyard.manifests.pods import Manifest
from switchyard.manifests.rollout import version_service
from tests.support.full_service import ARGO_BLUE_GREEN, CANARY, DIGEST, TWO_COLOURS

TMP = "/tmp"  # noqa: S108 - a path in a container
MINIMAL: dict[str, Any] = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 2}}


def service(**more: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(MINIMAL | more)


def pod(colour: Colour = Colour.BLUE, **more: Any) -> Manifest:
    template: Manifest = blue_green.deployment("shop", colour, service(**more))["spec"]["template"]
    return template


def app(**more: Any) -> Manifest:
    container: Manifest = pod(**more)["spec"]["containers"][0]
    return container


def templates() -> Iterator[tuple[str, Manifest]]:
    """The pod template of every strategy, with nearly every key."""
    two_colours = BlueGreenSettings.model_validate(TWO_COLOURS)
    for colour in Colour:
        yield colour, blue_green.deployment("shop", colour, two_colours, "configmap/a=1")["spec"]["template"]
    stepwise = CanarySettings.model_validate(CANARY)
    yield "canary", canary.rollout("shop", stepwise, "configmap/a=1")["spec"]["template"]
    at_once = ArgoBlueGreenSettings.model_validate(ARGO_BLUE_GREEN)
    yield "argoBlueGreen", argo_blue_green.rollout("shop", at_once, "configmap/a=1")["spec"]["template"]


@pytest.mark.parametrize(("name", "template"), list(templates()))
def test_a_pod_with_every_key_is_valid_in_every_strategy(name: str, template: Manifest) -> None:
    manifest = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "it"}, "template": template}
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    assert template["metadata"]["annotations"]["switchyard/content-hash"] == "configmap/a=1"
    assert template["spec"]["containers"][0]["name"] == "app"


def test_objects_with_every_key_are_valid() -> None:
    two_colours, stepwise = BlueGreenSettings.model_validate(TWO_COLOURS), CanarySettings.model_validate(CANARY)
    manifests = [
        pods.service_account("shop", two_colours),
        pods.active_service("shop", two_colours),
        blue_green.deployment("shop", Colour.BLUE, two_colours),
        blue_green.colour_service("shop", Colour.GREEN, two_colours),
        disruption_budget("shop", Colour.GREEN, two_colours),
        version_service("shop", canary_name("shop"), stepwise),
        disruption_budget("shop", stepwise.track, stepwise),
    ]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert manifest["metadata"]["labels"] == {
            "app": "shop",
            "app.kubernetes.io/managed-by": "switchyard",
            "example.org/team": "shop",
        }


def test_labels_of_pods_do_not_change_what_selects_them() -> None:
    settings = service(podLabels={"tier": "web"})
    deployment = blue_green.deployment("shop", Colour.BLUE, settings)
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"] == selector("shop", Track.BLUE) | {"tier": "web"}
    assert deployment["spec"]["selector"]["matchLabels"] == selector("shop", Track.BLUE)
    [spread] = template["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == selector("shop", Track.BLUE)


@pytest.mark.parametrize(
    ("tag", "image"),
    [
        ("v1", "org/backend:v1"),
        (f"v1@{DIGEST}", f"org/backend:v1@{DIGEST}"),
        (f"@{DIGEST}", f"org/backend@{DIGEST}"),
    ],
)
def test_an_image_is_named_by_tag_by_digest_or_by_both(tag: str, image: str) -> None:
    assert app(blue={"tag": tag, "replicas": 1})["image"] == image


def test_volumes_are_mounted_beside_the_one_for_temporary_files() -> None:
    template = pod(
        volumes={"config": {"configMap": {"name": "c"}}, "keys": {"secret": {"name": "s"}}},
        mounts=[
            {"volume": "config", "path": "/etc/c", "readOnly": True},
            {"volume": "keys", "path": "/k", "subPath": "k"},
        ],
    )
    assert template["spec"]["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "config", "configMap": {"name": "c"}},
        {"name": "keys", "secret": {"secretName": "s"}},
    ]
    assert template["spec"]["containers"][0]["volumeMounts"] == [
        {"name": "tmp", "mountPath": TMP},
        {"name": "config", "mountPath": "/etc/c", "readOnly": True},
        {"name": "keys", "mountPath": "/k", "subPath": "k"},
    ]


def test_a_volume_at_tmp_takes_the_place_of_the_default_one() -> None:
    container = app(volumes={"scratch": {"emptyDir": {}}}, mounts=[{"volume": "scratch", "path": TMP}])
    assert container["volumeMounts"] == [{"name": "scratch", "mountPath": TMP}]


def test_a_volume_of_a_colour_takes_the_place_of_the_services_one() -> None:
    more = {
        "volumes": {"config": {"configMap": {"name": "config-v1"}}},
        "green": {"tag": "v2", "volumes": {"config": {"configMap": {"name": "config-v2"}}}},
    }
    for colour, name in ((Colour.BLUE, "config-v1"), (Colour.GREEN, "config-v2")):
        assert {"name": "config", "configMap": {"name": name}} in pod(colour, **more)["spec"]["volumes"]


def test_environment_comes_from_whole_objects_and_from_keys() -> None:
    container = app(
        envFrom=[{"configMap": "flags", "prefix": "F_", "optional": True}, {"secret": "tokens"}],
        configEnv={"A": {"configMap": "c", "key": "a"}, "B": {"configMap": "c", "key": "b", "optional": True}},
        env={"spring.profiles.active": "prod", "x-y": "z"},
    )
    assert container["envFrom"] == [
        {"prefix": "F_", "configMapRef": {"name": "flags", "optional": True}},
        {"secretRef": {"name": "tokens"}},
    ]
    assert container["env"] == [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "b", "optional": True}}},
        {"name": "VERSION", "value": "blue"},
        {"name": "spring.profiles.active", "value": "prod"},
        {"name": "x-y", "value": "z"},
    ]


def test_further_ports_are_on_the_pods_and_those_with_a_service_port_on_every_service() -> None:
    ports = {
        "metrics": {"containerPort": 9090, "servicePort": 9100, "nodePort": 30100},
        "debug": {"containerPort": 6060, "protocol": "UDP"},
    }
    settings = service(ports=ports)
    metrics = {"name": "metrics", "port": 9100, "targetPort": 9090, "protocol": "TCP"}
    assert pods.active_service("shop", settings)["spec"]["ports"][1:] == [metrics | {"nodePort": 30100}]
    assert blue_green.colour_service("shop", Colour.GREEN, settings)["spec"]["ports"][1:] == [metrics]
    assert app(ports=ports)["ports"][1:] == [
        {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
        {"name": "debug", "containerPort": 6060, "protocol": "UDP"},
    ]


TIMES = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 30}


@pytest.mark.parametrize(
    ("startup", "handler"),
    [
        ({}, {"httpGet": {"path": "/health", "port": "http"}}),
        (
            {"path": "/up", "port": 9090, "scheme": "HTTPS", "headers": {"X-A": "b"}},
            {
                "httpGet": {
                    "path": "/up",
                    "port": 9090,
                    "scheme": "HTTPS",
                    "httpHeaders": [{"name": "X-A", "value": "b"}],
                }
            },
        ),
        ({"tcpSocket": {"port": "http"}}, {"tcpSocket": {"port": "http"}}),
        ({"grpc": {"port": 9000}}, {"grpc": {"port": 9000}}),
        ({"grpc": {"port": 9000, "service": "up"}}, {"grpc": {"port": 9000, "service": "up"}}),
        ({"exec": ["cat", "/srv/up"]}, {"exec": {"command": ["cat", "/srv/up"]}}),
    ],
)
def test_a_probe_does_one_of_four_things(startup: dict[str, Any], handler: dict[str, Any]) -> None:
    assert app(startup=startup)["startupProbe"] == handler | TIMES


def test_liveness_may_be_switched_off() -> None:
    assert "livenessProbe" not in app(liveness=None)


def test_a_readiness_probe_may_ask_for_several_successes() -> None:
    assert app(readiness={"successThreshold": 3})["readinessProbe"]["successThreshold"] == 3


def test_sidecars_start_before_the_application_and_init_containers_after_them() -> None:
    spec = pod(
        initContainers=[{"name": "migrate", "image": "org/m:v1", "args": ["up"]}],
        sidecars=[
            {"name": "proxy", "image": "org/p:v1", "ports": {"p": {"containerPort": 15000}}, "readiness": {}},
            {"name": "agent", "image": "org/a:v1", "native": False},
        ],
    )["spec"]
    assert [(container["name"], container.get("restartPolicy")) for container in spec["initContainers"]] == [
        ("proxy", "Always"),
        ("migrate", None),
    ]
    assert [container["name"] for container in spec["containers"]] == ["app", "agent"]
    beside = [*spec["initContainers"], spec["containers"][1]]
    assert all(container["securityContext"] == spec["containers"][0]["securityContext"] for container in beside)
    assert spec["initContainers"][0]["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 15000}
    # It ends at the same time as the application, and so waits as long as that does.
    assert spec["containers"][1]["lifecycle"] == spec["containers"][0]["lifecycle"]


def test_pods_use_an_existing_service_account_and_keep_their_own() -> None:
    settings = service(serviceAccount={"name": "shared", "automountToken": True})
    spec = blue_green.deployment("shop", Colour.BLUE, settings)["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("shared", True)
    assert pods.service_account("shop", settings)["metadata"]["name"] == "shop"


def test_the_own_service_account_has_annotations_for_a_role() -> None:
    settings = service(serviceAccount={"annotations": {"eks.amazonaws.com/role-arn": "arn:x"}})
    assert pods.service_account("shop", settings)["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == "arn:x"


@pytest.mark.parametrize(
    ("options", "spec"),
    [
        ({"type": "ClusterIP"}, {"type": "ClusterIP"}),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinitySeconds": 60},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}},
        ),
        ({"externalTrafficPolicy": "Local"}, {"externalTrafficPolicy": "Local"}),
        ({"type": "LoadBalancer", "loadBalancerClass": "a/b"}, {"type": "LoadBalancer", "loadBalancerClass": "a/b"}),
    ],
)
def test_service_options_are_set_on_the_active_service(options: dict[str, Any], spec: dict[str, Any]) -> None:
    rendered = pods.active_service("shop", service(service=options))["spec"]
    assert spec.items() <= rendered.items()
    assert blue_green.colour_service("shop", Colour.BLUE, service(service=options))["spec"]["type"] == "ClusterIP"


def test_a_container_may_have_no_cpu_limit_and_may_ask_for_devices() -> None:
    resources = {"limits": {"cpu": None, "ephemeralStorage": "1Gi"}, "extended": {"nvidia.com/gpu": 1}}
    assert app(resources=resources)["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi", "nvidia.com/gpu": "1"},
        "limits": {"memory": "512Mi", "ephemeral-storage": "1Gi", "nvidia.com/gpu": "1"},
    }


def test_a_spread_may_be_soft_and_over_zones() -> None:
    spread = {"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"}
    [constraint] = pod(spread=spread)["spec"]["topologySpreadConstraints"]
    assert spread.items() <= constraint.items()


def test_a_patch_is_merged_by_name_as_kubernetes_does() -> None:
    template = pod(
        podAnnotations={"a": "1", "b": "2"},
        podPatch={
            "metadata": {"annotations": {"a": None, "c": "3"}},
            "spec": {
                "shareProcessNamespace": True,
                "containers": [
                    {"name": "app", "env": [{"name": "X", "value": "y"}], "imagePullPolicy": "Always"},
                    {"name": "extra", "image": "org/extra:v1"},
                ],
                "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
            },
        },
    )
    assert template["metadata"]["annotations"] == {"b": "2", "c": "3"}
    spec = template["spec"]
    assert spec["shareProcessNamespace"] is True
    assert [container["name"] for container in spec["containers"]] == ["app", "extra"]
    container = spec["containers"][0]
    assert container["env"] == [{"name": "VERSION", "value": "blue"}, {"name": "X", "value": "y"}]
    assert (container["image"], container["imagePullPolicy"]) == ("org/backend:v1", "Always")
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]


def test_a_rollout_has_the_time_for_which_pods_must_be_ready() -> None:
    settings = CanarySettings.model_validate(CANARY)
    assert canary.rollout("shop", settings)["spec"]["minReadySeconds"] == 3
    assert blue_green.deployment("shop", Colour.BLUE, service(minReadySeconds=5))["spec"]["minReadySeconds"] == 5
