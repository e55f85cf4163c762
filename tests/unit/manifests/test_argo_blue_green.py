"""The settings of Argo Rollouts' blue/green, its rendered objects, and the refusals of its gates."""

import copy
from typing import Any

import pytest

from switchyard.config.models.service import ArgoBlueGreenSettings, CanarySettings, Track
from switchyard.gates.rules.rollout import refuse_unfinished
from switchyard.gates.rules.strategy_migration import (
    not_taken_over,
    refuse_mixed,
    refuse_other_rollout,
    refuse_taken_over,
)
from switchyard.kube.access import ClusterAccess
from switchyard.kube.live_rollouts import LiveRollout, read_live_rollouts
from switchyard.kube.objects import RunningPod, running_pods
from switchyard.kube.rollout import state_of
from switchyard.kube.selectors import controlled, serving_track
from switchyard.manifests.argo_blue_green import rollout, selected, templates
from switchyard.manifests.pods import active_service
from tests.support.configuration import BACKEND, error_lines, read

ARGO: dict[str, Any] = {"image": "org/backend", "strategy": "argoBlueGreen", "tag": "v1", "replicas": 3}
HASHED = {"app": "backend", "rollouts-pod-template-hash": "abc"}
BLUE = {"app": "backend", "version": "blue"}


def service(**argo: Any) -> ArgoBlueGreenSettings:
    return ArgoBlueGreenSettings.model_validate(ARGO | {"argoBlueGreen": argo})


def changed(**argo: Any) -> dict[str, Any]:
    return {"backend": copy.deepcopy(ARGO) | {"argoBlueGreen": argo}}


def strategy(**argo: Any) -> dict[str, Any]:
    rendered: dict[str, Any] = rollout("backend", service(**argo))["spec"]["strategy"]["blueGreen"]
    return rendered


def test_the_defaults_promote_by_themselves_measure_nothing_and_keep_the_old_pods_for_30_s() -> None:
    assert strategy() == {
        "activeService": "backend",
        "previewService": "backend-preview",
        "autoPromotionEnabled": True,
        "scaleDownDelaySeconds": 30,
        "abortScaleDownDelaySeconds": 30,
    }
    spec = rollout("backend", service())["spec"]
    assert (spec["replicas"], spec["progressDeadlineAbort"]) == (3, True)
    assert "paused" not in spec
    assert templates("backend", service()) == []
    annotations = rollout("backend", service())["metadata"]["annotations"]
    assert annotations["pulumi.com/deletionPropagationPolicy"] == "background"


def test_every_setting_is_rendered_into_the_rollout() -> None:
    given = strategy(
        autoPromotion={"delaySeconds": 60},
        previewReplicaCount=1,
        scaleDownDelaySeconds=600,
        abortScaleDownDelaySeconds=0,
        prePromotion={},
        postPromotion={"latencyP95": {"enabled": False}},
    )
    assert (given["autoPromotionSeconds"], given["previewReplicaCount"]) == (60, 1)
    assert (given["scaleDownDelaySeconds"], given["abortScaleDownDelaySeconds"]) == (600, 0)
    assert [analysis["templateName"] for analysis in given["prePromotionAnalysis"]["templates"]] == [
        "backend-success-rate-pre-promotion",
        "backend-latency-p95-pre-promotion",
    ]
    assert given["postPromotionAnalysis"]["templates"] == [{"templateName": "backend-success-rate-post-promotion"}]


def test_each_template_that_the_rollout_names_is_rendered_and_ends() -> None:
    settings = service(prePromotion={"count": 5}, postPromotion={"count": 7})
    counts = {
        template["metadata"]["name"]: template["spec"]["metrics"][0]["count"]
        for template in templates("backend", settings)
    }
    given = rollout("backend", settings)["spec"]["strategy"]["blueGreen"]
    named = {
        analysis["templateName"]: count
        for key, count in (("prePromotionAnalysis", 5), ("postPromotionAnalysis", 7))
        for analysis in given[key]["templates"]
    }
    assert counts == named


def test_the_users_service_selects_no_label_that_the_rollouts_pods_do_not_have() -> None:
    spec = active_service("backend", service(), selected("backend"))["spec"]
    pods = rollout("backend", service())["spec"]["template"]["metadata"]["labels"]
    assert spec["type"] == "NodePort"
    assert spec["selector"] == {"app": "backend"}
    assert spec["selector"].items() <= pods.items()


def test_the_keys_of_all_strategies_may_stand_side_by_side() -> None:
    both = BACKEND | ARGO | {"canary": {}}
    assert isinstance(read({"backend": both}).services["backend"], ArgoBlueGreenSettings)
    assert isinstance(
        read({"backend": both | {"strategy": "canary", "replicas": 10}}).services["backend"], CanarySettings
    )
    assert read({"backend": both | {"strategy": "blueGreen"}}).services["backend"].track == "blue"


@pytest.mark.parametrize(
    ("argo", "line"),
    [
        (
            {"autoPromotion": {"enabled": False, "delaySeconds": 5}},
            "autoPromotion.delaySeconds: 5: nothing is promoted by itself",
        ),
        (
            {"autoPromotion": {"enabled": False}, "wait": "finished"},
            "autoPromotion.enabled: False: waits for a person to promote, while the update waits",
        ),
        ({"previewReplicaCount": 4}, "previewReplicaCount: 4: must not be above replicas, 3"),
        ({"previewReplicaCount": 0}, "previewReplicaCount: 0: must be >= 1"),
        (
            {"prePromotion": {"failureLimit": 5}},
            "prePromotion.count: 5: must be above failureLimit and",
        ),
        ({"postPromotion": {"count": 3}}, "postPromotion.count: 3: must be above failureLimit and"),
        ({"postPromotion": {"background": True}}, "postPromotion.background: True: the analysis of a promotion has an"),
        (
            {"prePromotion": {"successRate": {"enabled": False}, "latencyP95": {"enabled": False}}},
            "prePromotion: neither successRate nor latencyP95: an analysis measures something",
        ),
        ({"scaleDownDelaySeconds": -1}, "scaleDownDelaySeconds: -1: must be >= 0"),
        ({"autoPromotion": True}, "autoPromotion"),
        ({"activeService": "mine"}, "argoBlueGreen.activeService: unknown key: only known keys are allowed"),
    ],
)
def test_an_error_in_a_release_gets_a_line(argo: dict[str, Any], line: str) -> None:
    lines = error_lines(changed(**argo))
    assert any(line in problem for problem in lines), lines


def test_a_service_needs_a_tag_room_for_both_versions_and_a_name_that_fits_its_preview_service() -> None:
    untagged = {key: value for key, value in ARGO.items() if key != "tag"}
    assert "tag: missing: the key has no default" in error_lines({"backend": untagged})[0]
    assert "replicas: 0: a service needs pods" in error_lines({"backend": ARGO | {"replicas": 0}})[0]
    [problem] = error_lines({"backend": ARGO | {"replicas": 15}})
    assert "30 pods (replicas, of the old and of the new version)" in problem
    [problem] = error_lines({"backend": ARGO, "backend-preview": ARGO})
    assert "is also the name of backend's preview Service" in problem
    [problem] = error_lines({"a" * 56: ARGO})
    assert "at most 55" in problem


@pytest.mark.parametrize(
    ("labels", "track"),
    [
        (HASHED, Track.ROLLOUT),
        ({"app": "backend"}, None),
        (HASHED | {"app": "other"}, None),
        (HASHED | {"version": "blue"}, None),
        (HASHED | {"zone": "a"}, None),
    ],
)
def test_the_rollout_serves_when_the_controller_has_added_its_hash_and_nobody_anything_else(
    labels: dict[str, str], track: Track | None
) -> None:
    assert serving_track("backend", labels) == track
    assert controlled("backend", labels) is (track is Track.ROLLOUT)
    assert LiveRollout("blueGreen", labels).hashed("backend") == (labels if track else None)


def pod(name: str, version: str, tag: str = "v1") -> RunningPod:
    return RunningPod(name, version, (f"org/backend:{tag}",))


def test_a_strategy_migration_keeps_the_version_that_serves() -> None:
    serving = [pod("a", "blue"), pod("b", "blue")]
    assert refuse_mixed("backend", service(), BLUE, serving) is None
    refusal = refuse_mixed("backend", service(), BLUE, [*serving, pod("c", "blue", "v0")])
    assert refusal is not None
    assert "pods of the application run org/backend:v0" in refusal.observed
    refusal = refuse_mixed("backend", service(), BLUE, [*serving, pod("c", "green")])
    assert refusal is not None
    assert "the idle colour green has pods" in refusal.observed
    assert "services.backend.green.replicas' 0" in refusal.remedy
    # What is left of a Rollout of another version would join.
    assert refuse_mixed("backend", service(), BLUE, [*serving, pod("c", "rollout", "v0")]) is not None
    assert refuse_mixed("backend", service(), BLUE, [*serving, pod("c", "rollout")]) is None


def test_a_rollout_that_serves_alone_may_have_another_version() -> None:
    assert refuse_mixed("backend", service(), selected("backend"), [pod("a", "rollout", "v0")]) is None
    assert refuse_mixed("backend", service(), None, []) is None
    # In the middle of a strategy migration the colour's pods still take traffic.
    assert refuse_mixed("backend", service(), selected("backend"), [pod("a", "blue", "v0")]) is not None


def test_pods_that_are_being_deleted_are_not_counted() -> None:
    labels = {"labels": {"version": "blue"}}
    spec = {"containers": [{"image": "org/backend:v1"}]}
    pods = [
        {"metadata": {"name": "a", **labels}, "spec": spec},
        {"metadata": {"name": "b", "deletionTimestamp": "now", **labels}, "spec": spec},
        {"metadata": {"name": "c"}, "spec": spec},
    ]
    assert running_pods(pods) == [pod("a", "blue"), pod("c", "")]


def test_the_two_rollout_strategies_do_not_migrate_into_each_other() -> None:
    canary = CanarySettings.model_validate({"image": "org/backend", "strategy": "canary", "tag": "v1"})
    assert refuse_other_rollout("backend", service(), LiveRollout("blueGreen")) is None
    assert refuse_other_rollout("backend", service(), LiveRollout()) is None
    assert refuse_other_rollout("backend", canary, LiveRollout("canary")) is None
    there = str(refuse_other_rollout("backend", service(), LiveRollout("canary")))
    back = str(refuse_other_rollout("backend", canary, LiveRollout("blueGreen")))
    assert "to argoBlueGreen is refused (SY-R006): its Rollout on the cluster has strategy canary" in there
    assert "to canary is refused (SY-R006): its Rollout on the cluster has strategy argoBlueGreen" in back
    assert "services.backend.strategy' blueGreen" in back
    assert "\n" not in there + back


def test_without_a_service_of_the_strategy_the_cluster_is_not_read() -> None:
    assert read_live_rollouts({}, ClusterAccess("/nowhere")) == {}


def test_a_message_about_a_blue_green_rollout_names_no_steps() -> None:
    live = {
        "metadata": {"generation": 1},
        "spec": {"replicas": 3, "strategy": {"blueGreen": {}}},
        "status": {"observedGeneration": "1", "phase": "Progressing", "message": "cutover pending"},
    }
    text = not_taken_over("backend", service(), state_of(live))
    assert "the Rollout is Progressing (cutover pending), with 0 of 3 pods available" in text
    unfinished = str(refuse_unfinished("backend", service(wait="finished", waitSeconds=7), state_of(live)))
    assert "for at most 7 s (argoBlueGreen.waitSeconds)" in unfinished
    taken_over = refuse_taken_over("backend", LiveRollout("blueGreen", BLUE), HASHED)
    assert "app=backend,rollouts-pod-template-hash=abc now" in str(taken_over)
    assert refuse_taken_over("backend", LiveRollout("blueGreen", HASHED), HASHED) is None
    invalid = {"observedGeneration": "1", "phase": "Degraded", "message": "InvalidSpec: Service has unmatch label"}
    assert state_of(live | {"status": invalid}).invalid
