"""The settings of a canary, and its rendered objects."""

import copy
from typing import Any

import pytest

from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import CanarySettings
from switchyard.config.validation.canary import representable
from switchyard.manifests.analysis import HASH_PLACEHOLDER, metrics, templates
from switchyard.manifests.canary import rollout
from tests.support.configuration import BACKEND, error_lines, read

CANARY: dict[str, Any] = {"image": "ghcr.io/org/backend", "strategy": "canary", "tag": "v2.1.0"}
PAUSES_AND_COUNTS_SECONDS = 2 * 300 + 600 + 3 * 4 * 60
"""Duration of the default steps, with analyses of five measurements a minute apart."""


def changed(**canary: Any) -> dict[str, Any]:
    return {"backend": copy.deepcopy(CANARY) | {"canary": canary}}


def service(**more: Any) -> CanarySettings:
    return CanarySettings.model_validate(CANARY | more)


def test_the_defaults_are_rendered() -> None:
    spec = rollout("backend", service())["spec"]
    strategy = spec["strategy"]["canary"]
    assert (spec["replicas"], spec["revisionHistoryLimit"]) == (10, 5)
    assert [step["setWeight"] for step in strategy["steps"] if "setWeight" in step] == [10, 30, 50]
    assert [step["pause"] for step in strategy["steps"] if "pause" in step] == [
        {"duration": "300s"},
        {"duration": "300s"},
        {"duration": "600s"},
    ]
    assert sum("analysis" in step for step in strategy["steps"]) == 3
    [rate, latency] = [template["spec"]["metrics"][0] for template in templates("backend", service())]
    assert (rate["name"], rate["interval"], rate["failureLimit"]) == ("success-rate", "60s", 3)
    assert rate["successCondition"].endswith("result[0] >= 0.95")
    assert latency["successCondition"].endswith("result[0] < 0.5")
    assert rate["provider"]["prometheus"]["address"] == "http://prometheus:9090"


def test_a_rollout_is_deleted_at_once_so_that_the_provider_does_not_watch_it_change() -> None:
    annotations = rollout("backend", service())["metadata"]["annotations"]
    assert annotations["pulumi.com/deletionPropagationPolicy"] == "background"


def test_a_steps_analysis_ends_and_one_in_the_background_does_not() -> None:
    by_name = {
        template["metadata"]["name"]: template["spec"]["metrics"][0]
        for template in templates("backend", service(canary={"analysis": {"background": True}}))
    }
    assert by_name["backend-success-rate"]["count"] == 5
    assert "count" not in by_name["backend-success-rate-background"]
    spec = rollout("backend", service(canary={"analysis": {"background": True}}))["spec"]
    assert spec["strategy"]["canary"]["analysis"]["templates"][0] == {"templateName": "backend-success-rate-background"}


def test_every_query_is_about_the_pods_of_one_version() -> None:
    for metric in metrics("backend", Analysis()):
        selectors = metric.query.split("{service=")[1:]
        assert selectors
        assert all(f'rollouts_pod_template_hash="{HASH_PLACEHOLDER}"' in selector for selector in selectors)


def test_an_autoscaler_keeps_its_replicas() -> None:
    assert "replicas" not in rollout("backend", service(replicas=None))["spec"]


def test_the_keys_of_the_other_strategy_may_stay() -> None:
    both = BACKEND | CANARY
    assert isinstance(read({"backend": both}).services["backend"], CanarySettings)
    assert read({"backend": both | {"strategy": "blueGreen"}}).services["backend"].track == "blue"


@pytest.mark.parametrize(
    ("canary", "line"),
    [
        ({"steps": [{"weight": 30}, {"weight": 10}]}, "steps.1.weight: 10: must be above 30, that of the step before"),
        ({"steps": [{"weight": 30}, {"weight": 30}]}, "steps.1.weight: 30: must be above 30, that of the step before"),
        ({"steps": [{"weight": 101}]}, "steps.0.weight: 101: must be <= 100"),
        ({"steps": [{"weight": 0}]}, "steps.0.weight: 0: must be >= 1"),
        ({"steps": [{"weight": 15}]}, "steps.0.weight: 15: 10 pods cannot make this share; they can make 10, 20, 30"),
        ({"steps": [{"weight": 10, "pause": 5}]}, "steps.0: weight and pause: a step is exactly one of"),
        ({"steps": [{}]}, "steps.0: nothing: a step is exactly one of"),
        ({"steps": [{"pause": None}]}, "steps.0: nothing: a step is exactly one of"),
        ({"steps": [{"pause": 0}], "wait": "finished"}, "steps.0.pause: 0: waits for a person to promote, while"),
        (
            {"steps": [{"analysis": False}]},
            "steps.0.analysis: False: must be true, or a list of success-rate and latency-p95",
        ),
        (
            {"analysis": None, "steps": [{"weight": 10}, {"analysis": True}]},
            "steps.1.analysis: True: there is no analysis: canary.analysis is empty",
        ),
        ({"steps": [{"weight": 10}]}, "canary.analysis: never runs: no step asks for the analysis"),
        (
            {"analysis": {"successRate": {"enabled": False}, "latencyP95": {"enabled": False}}},
            "canary.analysis: neither successRate nor latencyP95: an analysis measures something",
        ),
        (
            {"analysis": {"failureLimit": 4}},
            "analysis.count: 5: must be above failureLimit and inconclusiveLimit together",
        ),
        ({"analysis": {"count": 4}}, "analysis.count: 4: must be above failureLimit and inconclusiveLimit together, 4"),
        (
            {
                "traffic": "alb",
                "alb": {"ingress": "public"},
                "steps": [{"weight": 5}, {"route": {"name": "b", "cookie": "c", "value": "a*"}}],
            },
            "steps.1.route.value: a*: * and ? stand for any characters",
        ),
        (
            {
                "traffic": "alb",
                "alb": {"ingress": "public"},
                "steps": [{"weight": 5}, {"route": {"name": "b", "cookie": "c" * 60, "value": "v" * 90}}],
            },
            "compares 128 characters at most, and this needs 153",
        ),
        ({"analysis": {"successRate": {"min": 95}}}, "successRate.min: 95: must be <= 1"),
        ({"analysis": {"successRate": {"min": 0}}}, "successRate.min: 0: must be > 0"),
        ({"analysis": {"latencyP95": {"maxSeconds": 500}}}, "latencyP95.maxSeconds: 500: must be <= 60"),
        ({"analysis": {"prometheus": "prometheus:9090"}}, "prometheus: 'prometheus:9090': must be an http or https"),
        ({"analysis": {"prometheus": "http://me:secret@host"}}, "must be an http or https address, without a user"),
        ({"analysis": {"hashLabel": "pod-hash"}}, "hashLabel: 'pod-hash': must be the name of a metric or a label"),
        ({"analysis": {"template": "mine"}}, "analysis.template: unknown key: only known keys are allowed"),
        ({"steps": [{"analysis": ["mine"]}]}, "steps.0.analysis.0: 'mine': allowed: success-rate, latency-p95"),
        (
            {"steps": [{"analysis": ["latency-p95"]}], "analysis": {"latencyP95": {"enabled": False}}},
            "steps.0.analysis: latency-p95: is not enabled; enabled: success-rate",
        ),
        ({"analysis": {"labels": {"a-b": "c"}}}, "labels.a-b: 'a-b': must be the name of a metric or a label"),
        ({"traffic": "nginx"}, "traffic: 'nginx': allowed: replicas, alb, istio"),
        ({"traffic": "alb"}, "canary.alb.ingress: missing: traffic alb sets the weights of an Ingress"),
        (
            {"steps": [{"route": {"name": "b", "header": "X", "value": "y"}}]},
            "steps.0.route: given: traffic is replicas",
        ),
        ({"steps": [{"scale": {"replicas": 1}}]}, "steps.0.scale: given: traffic is replicas: the number of pods is"),
        ({"dynamicStableScale": True}, "canary.dynamicStableScale: True: traffic is replicas"),
        ({"scaleDownDelaySeconds": 5}, "canary.scaleDownDelaySeconds: 5: traffic is replicas"),
        (
            {"traffic": "istio", "dynamicStableScale": True, "scaleDownDelaySeconds": 5},
            "scaleDownDelaySeconds: 5: with dynamicStableScale the old version has no pods left",
        ),
        (
            {"traffic": "istio", "steps": [{"scale": {"replicas": 1, "percent": 10}}]},
            "steps.0.scale: replicas and percent: a scale is exactly one of replicas, percent, matchWeight",
        ),
        (
            {
                "traffic": "istio",
                "steps": [{"weight": 5}, {"route": {"name": "b", "header": "X", "cookie": "Y", "value": "z"}}],
            },
            "steps.1.route: header and cookie: a route matches a header or a cookie, not both",
        ),
        (
            {"traffic": "istio", "steps": [{"weight": 5}, {"route": {"name": "b", "header": "X"}}]},
            "steps.1.route.value: missing: a route by a header needs the value",
        ),
        (
            {"traffic": "istio", "steps": [{"weight": 5}, {"route": {"name": "b"}}]},
            "steps.1.route: b: without header and cookie it removes a route",
        ),
        (
            {"traffic": "istio", "steps": [{"weight": 5}, {"route": {"name": "b", "header": "X Y", "value": "z"}}]},
            "steps.1.route.header: 'X Y': must be the name of an HTTP header",
        ),
        (
            {"traffic": "istio", "steps": [{"route": {"name": "b", "header": "X", "value": "z"}}, {"weight": 5}]},
            "steps.0.route: b: the new version has no pods yet, and a route to none is dropped",
        ),
        ({"traffic": "istio", "istio": {"hosts": ["a b"]}}, "istio.hosts.0: 'a b': must be a host name"),
        ({"stableMetadata": {"labels": {"version": "x"}}}, "stableMetadata.labels.version: 'version': is reserved: "),
        (
            {"canaryMetadata": {"labels": {"rollouts-pod-template-hash": "x"}}},
            "canaryMetadata.labels.rollouts-pod-template-hash: 'rollouts-pod-template-hash': is reserved: ",
        ),
        (
            {"canaryMetadata": {"annotations": {"version": "x", "switchyard/x": "y"}}},
            "canaryMetadata.annotations.switchyard/x: 'switchyard/x': is reserved: switchyard/*",
        ),
    ],
)
def test_an_error_in_a_canary_gets_a_line(canary: dict[str, Any], line: str) -> None:
    lines = error_lines(changed(**canary))
    assert any(line in problem for problem in lines), lines


def test_a_canary_needs_a_tag_and_pods_that_find_room() -> None:
    assert "tag: missing: the key has no default" in error_lines({"backend": {"image": "a/b", "strategy": "canary"}})[0]
    assert "replicas: 0: a canary needs pods that serve" in error_lines({"backend": CANARY | {"replicas": 0}})[0]
    [problem] = error_lines({"backend": CANARY | {"replicas": 30}})
    assert "31 pods (replicas, and those of the new version beside them)" in problem
    assert "find no room on k8s-worker-1, k8s-worker-2" in problem


def test_the_shares_that_pods_can_make() -> None:
    assert representable(3) == (33, 67, 100)
    assert representable(10) == tuple(range(10, 101, 10))


def test_the_remedy_names_as_many_pods_as_the_share_needs() -> None:
    [problem] = error_lines(
        {"backend": CANARY | {"replicas": 3, "canary": {"steps": [{"weight": 10}, {"analysis": True}]}}}
    )
    assert "3 pods cannot make this share; they can make 33, 67, 100" in problem
    assert "'switchyard:services.backend.replicas' 10" in problem


def test_a_whole_canary_takes_less_than_43_minutes_without_the_pods_own_time() -> None:
    canary = service().canary
    assert canary.analysis is not None
    analyses = sum(step.analysis is not None for step in canary.steps)
    measuring = (canary.analysis.count - 1) * canary.analysis.interval_seconds
    assert sum(step.pause or 0 for step in canary.steps) + analyses * measuring == PAUSES_AND_COUNTS_SECONDS
    assert PAUSES_AND_COUNTS_SECONDS < 43 * 60


def test_canary_without_analysis_goes_by_pauses_alone() -> None:
    by_pauses = service(canary={"analysis": None})
    steps = rollout("backend", by_pauses)["spec"]["strategy"]["canary"]["steps"]
    assert [next(iter(step)) for step in steps] == ["setWeight", "pause"] * 3
    assert templates("backend", by_pauses) == []
    read({"backend": CANARY | {"canary": {"analysis": None}}})


def test_canary_without_analysis_keeps_the_steps_that_are_given() -> None:
    given = [{"weight": 50}, {"pause": 60}]
    steps = rollout("backend", service(canary={"analysis": None, "steps": given}))["spec"]["strategy"]["canary"][
        "steps"
    ]
    assert steps == [{"setWeight": 50}, {"pause": {"duration": "60s"}}]
    [line] = error_lines(changed(analysis=None, steps=[{"weight": 50}, {"analysis": ["success-rate"]}]))
    assert "steps.1.analysis: success-rate: there is no analysis" in line
