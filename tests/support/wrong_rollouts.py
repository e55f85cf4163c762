"""Configurations with errors in a service under a Rollout."""

import copy
from typing import Any

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.validation.services import SERVICES
from tests.support.configuration import EXISTING

ROLLOUT: dict[str, Any] = {"image": "ghcr.io/org/backend", "tag": "v2.1.0"}


def _service(base: dict[str, Any] = ROLLOUT, /, **values: Any) -> dict[str, Any]:
    return {CLUSTER: EXISTING, SERVICES: {"backend": copy.deepcopy(base) | values}}


def _canary(**canary: Any) -> dict[str, Any]:
    return _service(strategy="canary", canary=canary)


def _argo(**values: Any) -> dict[str, Any]:
    replicas = values.pop("replicas", 3)
    return _service(strategy="argoBlueGreen", replicas=replicas, argoBlueGreen=values)


_ROUTER_STEPS: list[dict[str, Any]] = [
    {"route": {"name": "early", "header": "X", "value": "b"}},
    {"weight": 10},
    {"analysis": True},
    {"scale": {}},
    {"scale": {"replicas": 1, "percent": 5}},
    {"route": {"name": "a", "header": "X", "cookie": "Y", "value": "z"}},
    {"route": {"name": "b", "header": "X"}},
    {"route": {"name": "never"}},
    {"route": {"name": "early", "value": "c"}},
    {"route": {"name": "c", "header": "X", "value": "*"}},
    {"route": {"name": "d", "cookie": "Y" * 90, "value": "v" * 90}},
]
"""Steps of a traffic router whose values are wrong, and whose types are right."""

_WRONG_TYPE: dict[str, Any] = {"scale": {"matchWeight": False}}


def _router(*steps: dict[str, Any]) -> dict[str, Any]:
    all_steps = [*_ROUTER_STEPS[:5], *steps, *_ROUTER_STEPS[5:]]
    return _canary(traffic="alb", dynamicStableScale=True, scaleDownDelaySeconds=5, steps=all_steps)


WRONG: dict[str, dict[str, Any]] = {
    "no pods of a canary": _canary() | {SERVICES: {"backend": ROLLOUT | {"strategy": "canary", "replicas": 0}}},
    "no tag of a canary": _service({"image": "ghcr.io/org/backend"}, strategy="canary"),
    "steps": _canary(
        wait="finished", steps=[{"weight": 10, "pause": 1}, {"pause": 0}, {"weight": 5}, {"weight": 15}, {}]
    ),
    "steps of another shape": _canary(
        steps=[{"weight": "x"}, {"analysis": "all"}, {"analysis": ["latency"]}, {"pause": -1}]
    ),
    "labels of a canary": _canary(canaryMetadata={"labels": {"app": "x"}}, stableMetadata={"labels": {"version": "x"}}),
    "no analysis": _canary(steps=[{"weight": 10}, {"analysis": True}], analysis=None),
    "an analysis of nothing": _canary(analysis={"successRate": {"enabled": False}, "latencyP95": {"enabled": False}}),
    "an analysis that is off": _canary(
        steps=[{"weight": 10}, {"analysis": ["latency-p95"]}], analysis={"latencyP95": {"enabled": False}}
    ),
    "an analysis that nobody asks for": _canary(steps=[{"weight": 10}]),
    "an analysis too short": _canary(analysis={"count": 2}),
    "numbers of an analysis": _canary(
        analysis={"successRate": {"min": True}, "latencyP95": {"maxSeconds": 0}, "prometheus": "prometheus:9090"}
    ),
    "more numbers of an analysis": _canary(analysis={"successRate": {"min": "1_0"}, "latencyP95": {"maxSeconds": [1]}}),
    "no router": _canary(
        steps=[{"route": {"name": "a", "header": "X", "value": "b"}}, {"scale": {"replicas": 1}}, {"weight": 10}],
        dynamicStableScale=True,
        scaleDownDelaySeconds=10,
        abortScaleDownDelaySeconds=5,
        analysis=None,
    ),
    "a router": _router(_WRONG_TYPE),
    "a router without a wrong type": _router(),
    "argo": _argo(
        replicas=0,
        autoPromotion={"enabled": False, "delaySeconds": 5},
        wait="finished",
        prePromotion={"background": True},
    ),
    "argo's preview": _argo(previewReplicaCount=5),
    "weights without an Ingress": _canary(traffic="alb"),
}
"""Configurations by their error."""
