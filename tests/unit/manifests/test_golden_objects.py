"""A service that uses no optional key renders the objects of the release before, but for one annotation.

`switchyard/configured-pods` came with the comparison of what runs with what is configured. It stands on Deployments
and Rollouts, and not on their pods, so that an upgrade rolls nothing.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, Colour
from switchyard.manifests import argo_blue_green, blue_green, canary, pods
from switchyard.manifests.analysis import templates
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import CONFIGURED_PODS, canary_name, preview_name, stable_name
from switchyard.manifests.pods import Manifest
from switchyard.manifests.rollout import version_service

GOLDEN = Path(__file__).parent / "golden" / "objects.jsonl"
"""One object a line, as rendered before services had volumes, sidecars, probes of every kind and so on."""

TWO_COLOURS: dict[str, Any] = {
    "image": "ghcr.io/org/backend",
    "active": "blue",
    "blue": {"tag": "v1.0.0", "replicas": 3},
    "green": {"tag": "v2.0.0", "replicas": 0},
}
OLD_KEYS: dict[str, Any] = TWO_COLOURS | {
    "namespace": "shop",
    "nodePort": 30080,
    "port": 8080,
    "env": {"LOG_LEVEL": "info"},
    "secretEnv": {"PASSWORD": {"secret": "shop-secrets", "key": "password"}},
    "fieldEnv": {"NODE_NAME": "spec.nodeName"},
    "resources": {"requests": {"cpu": 0.05, "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "1Gi"}},
    "liveness": {"path": "/alive", "initialDelaySeconds": 3},
    "readiness": {"periodSeconds": 2, "failureThreshold": 1},
    "nodeSelector": {},
    "tolerations": [{"key": "dedicated", "value": "shop"}, {"operator": "Exists"}],
    "drain": {"preStopSeconds": 5, "terminationGracePeriodSeconds": 10},
    "security": {"runAsUser": 1000, "readOnlyRootFilesystem": False},
    "podDisruptionBudget": {"maxUnavailable": 2},
    "podAnnotations": {"example.org/team": "shop"},
    "imagePullPolicy": "Always",
    "imagePullSecrets": ["registry"],
    "progressDeadlineSeconds": 60,
    "revisionHistoryLimit": 2,
}
ROLLOUT: dict[str, Any] = {"image": "ghcr.io/org/backend", "tag": "v1.0.0"}


def of_two_colours(raw: dict[str, Any]) -> Iterator[Manifest]:
    service = BlueGreenSettings.model_validate(raw)
    yield pods.service_account("backend", service)
    yield pods.active_service("backend", service)
    for colour in Colour:
        yield blue_green.deployment("backend", colour, service)
        yield blue_green.colour_service("backend", colour, service)
        yield disruption_budget("backend", colour, service)


def of_a_canary(raw: dict[str, Any]) -> Iterator[Manifest]:
    service = CanarySettings.model_validate(ROLLOUT | {"strategy": "canary"} | raw)
    yield pods.service_account("backend", service)
    yield pods.active_service("backend", service)
    for version in (stable_name("backend"), canary_name("backend")):
        yield version_service("backend", version, service)
    yield disruption_budget("backend", service.track, service)
    yield from templates("backend", service)
    yield canary.rollout("backend", service)


def of_argos_blue_green(raw: dict[str, Any]) -> Iterator[Manifest]:
    service = ArgoBlueGreenSettings.model_validate(ROLLOUT | {"strategy": "argoBlueGreen"} | raw)
    yield pods.active_service("backend", service, argo_blue_green.selected("backend"))
    yield version_service("backend", preview_name("backend"), service)
    yield from argo_blue_green.templates("backend", service)
    yield argo_blue_green.rollout("backend", service)


def rendered() -> Iterator[Manifest]:
    yield from of_two_colours(TWO_COLOURS)
    yield from of_two_colours(OLD_KEYS)
    yield from of_two_colours(TWO_COLOURS | {"switchEngine": "albTargets"})
    yield from of_a_canary({})
    yield from of_a_canary({"replicas": None, "canary": {"traffic": "alb", "alb": {"ingress": "shop"}}})
    yield from of_argos_blue_green({})
    yield from of_argos_blue_green({"argoBlueGreen": {"prePromotion": {}}})


def test_a_service_without_optional_keys_renders_the_objects_of_before() -> None:
    lines = GOLDEN.read_text().splitlines()
    assert [json.dumps(_without_digest(manifest)) for manifest in rendered()] == lines


def _without_digest(manifest: Manifest) -> Manifest:
    """The object without the one annotation that is new since the golden file, which every workload must have."""
    if manifest["kind"] not in {"Deployment", "Rollout"}:
        return manifest
    head = manifest["metadata"]
    assert head["annotations"][CONFIGURED_PODS]
    annotations = {key: value for key, value in head["annotations"].items() if key != CONFIGURED_PODS}
    others = {key: value for key, value in head.items() if key != "annotations"}
    return manifest | {"metadata": others | ({"annotations": annotations} if annotations else {})}
