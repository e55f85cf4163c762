"""The number of pods of each track under an autoscaler."""

from typing import Any

import pytest

from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, Track
from switchyard.gates.rules.autoscaling import (
    kept_numbers,
    not_sized,
    refuse_fixed_number,
    refuse_fixed_number_above_max,
    refuse_lower_max,
    refuse_other_autoscalers,
)
from switchyard.gates.rules.release import refuse_fewer_replicas, wanted_ready
from switchyard.gates.rules.sizes import Replicas, Sizing, autoscaler_of, needed_to_retire, of_service, planned
from switchyard.manifests.autoscaling import autoscaler

BLUE, GREEN, ROLLOUT = Track.BLUE, Track.GREEN, Track.ROLLOUT


def colours(active: str = "blue", scaling: dict[str, Any] | None = None, **more: Any) -> BlueGreenSettings:
    settings: dict[str, Any] = {
        "image": "org/backend",
        "active": active,
        "blue": {"tag": "v1", "replicas": 3},
        "green": {"tag": "v2", "replicas": 0},
        "autoscaling": {"min": 3, "max": 10} if scaling is None else scaling or None,
        **more,
    }
    return BlueGreenSettings.model_validate(settings)


def canary(**more: Any) -> CanarySettings:
    return CanarySettings.model_validate({"image": "org/backend", "strategy": "canary", "tag": "v1", **more})


def hpa(name: str, kind: str, target: str, **more: Any) -> dict[str, Any]:
    api = "apps/v1" if kind == "Deployment" else "argoproj.io/v1alpha1"
    reference = {"apiVersion": api, "kind": kind, "name": target}
    return {
        "metadata": {"name": name, "labels": {}},
        "spec": {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 9},
        **more,
    }


def own(service: BlueGreenSettings | CanarySettings) -> dict[str, Any]:
    assert service.autoscaling is not None
    return autoscaler("backend", service, service.autoscaling)


FOREIGN = of_service("backend", [hpa("backend-blue", "Deployment", "backend-blue")])
OWN = of_service("backend", [own(colours())])


@pytest.mark.parametrize("live", [1, 3, 8, 12])
def test_serving_colour_keeps_its_number(live: int) -> None:
    sizing = Sizing(OWN, {BLUE: live, GREEN: 0}, BLUE, live, 0)
    assert planned(colours(), BLUE, sizing) == Replicas(max(live, 3), kept=True)


@pytest.mark.parametrize(
    ("serving", "configured", "warmed"),
    [(5, 0, 5), (2, 0, 3), (5, 4, 5), (2, 4, 4), (12, 0, 10)],
)
def test_colour_to_switch_to_gets_what_serves_within_the_limits(serving: int, configured: int, warmed: int) -> None:
    service = colours("green", green={"tag": "v2", "replicas": configured})
    sizing = Sizing(OWN, {BLUE: serving, GREEN: 0}, BLUE, serving, serving)
    assert planned(service, GREEN, sizing) == Replicas(warmed)


def test_colour_to_switch_to_keeps_pods_that_it_has_already() -> None:
    sizing = Sizing(OWN, {BLUE: 4, GREEN: 7}, BLUE, 4, 4)
    assert planned(colours("green"), GREEN, sizing) == Replicas(7, kept=True)


@pytest.mark.parametrize(
    ("blue", "live", "plan"),
    [
        ({"tag": "v1", "replicas": 3}, 8, Replicas(8, kept=True)),
        ({"tag": "v1"}, 8, Replicas(8, kept=True)),
        ({"tag": "v1", "replicas": 0}, 8, Replicas(0)),
        ({"tag": "v1", "replicas": 3}, 0, Replicas(3)),
        ({"tag": "v1", "replicas": 3}, None, Replicas(3)),
        ({"tag": "v1"}, None, Replicas(0)),
    ],
)
def test_idle_colour_stays_for_a_rollback_until_it_is_set_to_0(
    blue: dict[str, Any], live: int | None, plan: Replicas
) -> None:
    sizing = Sizing(OWN, {} if live is None else {BLUE: live}, GREEN, 8, 0)
    assert planned(colours("green", blue=blue), BLUE, sizing) == plan


def test_first_update_starts_with_the_configured_number_within_the_limits() -> None:
    assert planned(colours(), BLUE, Sizing()) == Replicas(3)
    assert planned(colours(blue={"tag": "v1", "replicas": 6}), BLUE, Sizing()) == Replicas(6)
    assert planned(colours(blue={"tag": "v1", "replicas": 60}), BLUE, Sizing()) == Replicas(10)


def test_fixed_numbers_stay_fixed() -> None:
    sizing = Sizing((), {BLUE: 8}, BLUE, 8, 0)
    assert planned(colours(scaling={}), BLUE, sizing) == Replicas(3)


def test_number_of_somebody_elses_autoscaler_is_kept() -> None:
    service = colours(scaling={})
    assert planned(service, BLUE, Sizing(FOREIGN, {BLUE: 7}, BLUE, 7, 0)) == Replicas(7, kept=True)
    assert planned(service, GREEN, Sizing(FOREIGN, {BLUE: 7, GREEN: 0}, BLUE, 7, 0)) == Replicas(0)
    retired = colours("green", scaling={}, blue={"tag": "v1"}, green={"tag": "v2", "replicas": 7})
    assert planned(retired, BLUE, Sizing(FOREIGN, {BLUE: 7, GREEN: 7}, GREEN, 7, 0)) == Replicas(0)


@pytest.mark.parametrize("service", [canary(replicas=None), canary(autoscaling={"min": 2, "max": 10})])
def test_rollout_of_an_autoscaler_keeps_its_number_and_starts_with_what_serves(service: CanarySettings) -> None:
    assert planned(service, ROLLOUT, Sizing((), {ROLLOUT: 5}, ROLLOUT, 5, 0)) == Replicas(5, kept=True)
    assert planned(service, ROLLOUT, Sizing((), {}, BLUE, 5, 5)) == Replicas(5)


def test_rollout_with_a_number_and_an_autoscaler_of_somebody_else_keeps_what_it_has() -> None:
    autoscalers = of_service("backend", [hpa("theirs", "Rollout", "backend")])
    assert planned(canary(replicas=10), ROLLOUT, Sizing(autoscalers, {ROLLOUT: 4}, ROLLOUT, 4, 0)) == Replicas(
        4, kept=True
    )
    assert planned(canary(replicas=10), ROLLOUT, Sizing((), {ROLLOUT: 4}, ROLLOUT, 4, 0)) == Replicas(10)


def test_number_that_is_not_applied_is_named() -> None:
    [line] = kept_numbers("backend", colours(scaling={}), Sizing(FOREIGN, {BLUE: 7}, BLUE, 7, 0))
    assert "HorizontalPodAutoscaler backend-blue sizes blue, so that its 7 pods are kept" in line
    assert "services.backend.blue.replicas: 3 is not applied" in line
    assert not list(kept_numbers("backend", colours(scaling={}), Sizing(FOREIGN, {BLUE: 3}, BLUE, 3, 0)))
    assert not list(kept_numbers("backend", colours(), Sizing(FOREIGN, {BLUE: 7}, BLUE, 7, 0)))
    theirs = of_service("backend", [hpa("theirs", "Rollout", "backend")])
    assert not list(kept_numbers("backend", canary(replicas=None), Sizing(theirs, {ROLLOUT: 4}, ROLLOUT, 4, 0)))


def test_gates_count_what_serves_and_never_more_than_the_maximum_allows() -> None:
    service = colours("green")
    assert wanted_ready(service, GREEN, 7) == 7
    assert wanted_ready(service, GREEN, 1) == 3
    assert refuse_fewer_replicas("backend", service, GREEN, BLUE, 10) is None
    text = str(refuse_fewer_replicas("backend", service, GREEN, BLUE, 11))
    assert "autoscaling.max is 10, but blue serves with 11 ready pods; it needs at least 11" in text
    assert refuse_fewer_replicas("backend", canary(replicas=None), ROLLOUT, BLUE, 50) is None


@pytest.mark.parametrize(("live", "leaving", "needed"), [(None, 8, 3), (8, 8, 8), (4, 8, 4), (10, 5, 5), (2, 1, 3)])
def test_retirement_needs_what_the_autoscaler_has_left(live: int | None, leaving: int, needed: int) -> None:
    assert needed_to_retire(colours("blue"), Sizing(OWN), live, leaving) == needed


def test_retirement_under_somebody_elses_autoscaler_does_not_ask_for_the_configured_number() -> None:
    service = colours("green", scaling={}, green={"tag": "v2", "replicas": 7})
    autoscalers = of_service("backend", [hpa("theirs", "Deployment", "backend-green")])
    assert needed_to_retire(service, Sizing(autoscalers), 3, 7) == 3
    assert needed_to_retire(service, Sizing(), None, 7) == 7


def test_autoscaler_is_read_by_its_target_and_its_mark() -> None:
    mine = autoscaler_of("backend", own(colours()))
    assert (mine.track, mine.own, mine.min, mine.max) == (BLUE, True, 3, 10)
    theirs = autoscaler_of("backend", hpa("backend", "Deployment", "backend-blue"))
    assert (theirs.track, theirs.own, theirs.inactive) == (BLUE, False, None)
    condition = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "FailedGetResourceMetric",
        "message": "no metrics",
    }
    silent = autoscaler_of("backend", hpa("x", "Rollout", "backend", status={"conditions": [condition]}))
    assert (silent.track, silent.inactive) == (ROLLOUT, "FailedGetResourceMetric: no metrics")
    assert of_service("backend", [hpa("x", "Deployment", "other-blue"), hpa("y", "StatefulSet", "backend-blue")]) == ()


def test_autoscaler_of_the_same_name_for_other_pods_is_not_overwritten() -> None:
    theirs = of_service("backend", [hpa("backend", "Deployment", "backend")])
    text = str(refuse_other_autoscalers("backend", colours(), Sizing(theirs)))
    assert "namespace default has a HorizontalPodAutoscaler backend, which sizes other pods" in text
    assert planned(colours(scaling={}), BLUE, Sizing(theirs, {BLUE: 3}, BLUE, 3, 0)) == Replicas(3)


def test_second_autoscaler_on_the_same_pods_is_refused() -> None:
    text = str(refuse_other_autoscalers("backend", colours(), Sizing(FOREIGN)))
    assert "HorizontalPodAutoscaler backend-blue in namespace default already sizes pods of this service" in text
    assert "kubectl -n default delete hpa backend-blue" in text
    assert refuse_other_autoscalers("backend", colours(), Sizing(OWN)) is None
    assert refuse_other_autoscalers("backend", colours(scaling={}), Sizing(FOREIGN)) is None


def test_maximum_below_what_serves_is_refused() -> None:
    text = str(refuse_lower_max("backend", colours(scaling={"min": 2, "max": 4}), 6))
    assert "autoscaling.max is 4, but 6 ready pods serve" in text
    assert refuse_lower_max("backend", colours(scaling={"min": 2, "max": 6}), 6) is None
    half = colours(scaling={"min": 2, "max": 4}, gate={"minReadyPercentOfServing": 50})
    assert refuse_lower_max("backend", half, 6) is None


def test_removing_the_autoscaler_does_not_scale_down_what_serves() -> None:
    fixed = colours(scaling={})
    text = str(refuse_fixed_number("backend", fixed, Sizing(OWN, {BLUE: 6}, BLUE, 6, 0)))
    assert "blue.replicas is 3, but 6 ready pods serve" in text
    assert "`pulumi config set --path 'switchyard:services.backend.blue.replicas' 6`" in text
    assert refuse_fixed_number("backend", fixed, Sizing(OWN, {BLUE: 3}, BLUE, 3, 0)) is None
    assert refuse_fixed_number("backend", fixed, Sizing((), {}, BLUE, 6, 0)) is None
    assert refuse_fixed_number("backend", canary(replicas=None), Sizing(OWN, {}, ROLLOUT, 6, 0)) is None
    assert refuse_fixed_number("backend", colours(), Sizing(OWN, {BLUE: 6}, BLUE, 6, 0)) is None


def test_the_autoscaler_is_not_replaced_with_more_pods_than_its_maximum() -> None:
    """It is deleted last, and would remove the pods for which the update waits."""
    fixed, serving = colours(scaling={}, blue={"tag": "v1", "replicas": 12}), {BLUE: 6}
    text = str(refuse_fixed_number_above_max("backend", fixed, Sizing(OWN, serving, BLUE, 6, 0)))
    assert "(SY-A003): blue.replicas is 12, and the maximum of the autoscaler is 10" in text
    assert "`pulumi config set --path 'switchyard:services.backend.blue.replicas' 10`, and raise it afterwards" in text
    switched = colours("green", {}, green={"tag": "v2", "replicas": 12})
    most = colours(scaling={}, blue={"tag": "v1", "replicas": 10})
    for service, sizing in (
        (most, Sizing(OWN, serving, BLUE, 6, 0)),
        (fixed, Sizing((), serving, BLUE, 6, 0)),
        (colours(), Sizing(OWN, serving, BLUE, 6, 0)),
        (switched, Sizing(OWN, serving, BLUE, 6, 0)),  # it sizes the other colour
        (fixed, Sizing(OWN, {BLUE: 11}, BLUE, 11, 0)),  # somebody has lowered its maximum: the next number is enough
    ):
        assert refuse_fixed_number_above_max("backend", service, sizing) is None


def test_autoscaler_that_is_missing_or_sizes_the_idle_colour_is_a_problem() -> None:
    assert not_sized("backend", colours(), OWN) is None
    assert "sizes blue, so that green serves with a fixed number" in str(not_sized("backend", colours("green"), OWN))
    assert "does not exist on the cluster" in str(not_sized("backend", colours(), ()))


def test_preview_version_of_argo_may_have_as_many_pods_as_the_maximum() -> None:
    service = ArgoBlueGreenSettings.model_validate(
        {"image": "x", "strategy": "argoBlueGreen", "tag": "v1", "autoscaling": {"min": 2, "max": 4}}
    )
    assert (service.replicas_of(ROLLOUT), service.most_replicas_of(ROLLOUT)) == (2, 4)
