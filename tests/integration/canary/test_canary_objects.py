"""Every object of a canary with every setting given, before a strict API server and the plugin's linter."""

import copy
from pathlib import Path

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import define_istio
from switchyard.config.models.service import CanarySettings
from switchyard.manifests import canary as render
from switchyard.manifests.analysis import templates
from tests.support.rollouts import Rollouts


def everything(stack: Stack, traffic: str) -> CanarySettings:
    """The service with every setting of a canary given."""
    raw = copy.deepcopy(stack.config["config"]["switchyard:services"]["backend"])
    raw["canary"] |= {
        "steps": [{"weight": 20}, {"pause": 0}, {"weight": 60}, {"pause": 30}, {"analysis": True}],
        "maxSurge": 2,
        "antiAffinity": True,
        "rollbackWindowRevisions": 3,
        "canaryMetadata": {"labels": {"role": "canary"}, "annotations": {"example.org/role": "canary"}},
        "stableMetadata": {"labels": {"role": "stable"}},
    }
    raw["canary"]["analysis"] |= {"background": True, "labels": {"namespace": "default"}}
    if traffic != "replicas":
        by_header = {"name": "header", "header": "X-Group", "value": "beta"}
        by_cookie = {"name": "cookie", "cookie": "group", "value": "beta"}
        raw["canary"] |= {
            "traffic": traffic,
            "alb": {"ingress": "public", "stickinessSeconds": 60},
            "istio": {"hosts": ["api.example.org"], "gateways": ["istio-system/public"]},
            "scaleDownDelaySeconds": 60,
            "abortScaleDownDelaySeconds": 60,
        }
        raw["canary"]["steps"] += [
            {"scale": {"replicas": 2}},
            *({"route": route} for route in (by_header, by_cookie, {"name": "cookie"})),
            {"scale": {"percent": 50}},
            {"scale": {"matchWeight": True}},
            {"analysis": ["latency-p95"]},
        ]
    return CanarySettings.model_validate(raw)


@pytest.mark.parametrize("traffic", ["replicas", "alb", "istio"])
def test_every_object_is_accepted_by_a_strict_api_server_and_the_linter(
    canary: Stack, sandbox: Sandbox, rollouts: Rollouts, tmp_path: Path, traffic: str
) -> None:
    """With every setting given."""
    service = everything(canary, traffic)
    manifests = [render.rollout("backend", service), *templates("backend", service)]
    if traffic == "istio":
        define_istio(sandbox)
        manifests.append(render.virtual_service("backend", service))
    rollouts.expect_valid(manifests, tmp_path)
