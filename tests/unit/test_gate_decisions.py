"""What the gates refuse, from what was seen."""

import pytest

from gate.cluster import ProxyAnswer, pod_state
from gate.decisions import (
    Endpoint,
    refuse_fewer_replicas,
    refuse_in_place,
    refuse_retire,
    refuse_smoke,
    refuse_switch,
    wanted_ready,
    why_not_ready,
)
from gate.smoke import mismatch
from settings.service import Colour, ServiceSettings, SmokeCheck

BLUE, GREEN = Colour.BLUE, Colour.GREEN


def service(percent: int = 100, green: int = 3, *, in_place: bool = False) -> ServiceSettings:
    return ServiceSettings.model_validate(
        {
            "image": "org/backend",
            "active": "green",
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": green},
            "gate": {"minReadyPercentOfServing": percent},
            "allowInPlaceUpdate": in_place,
        }
    )


def pods(colour: str, ready: int, not_ready: int = 0) -> list[Endpoint]:
    states = [True] * ready + [False] * not_ready
    return [Endpoint(f"backend-{colour}-{number}", "worker", state) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("percent", "replicas", "serving", "wanted"), [(100, 3, 3, 3), (100, 3, 5, 5), (50, 2, 3, 2), (0, 1, 9, 1)]
)
def test_a_colour_needs_what_it_was_asked_for_and_its_share_of_what_serves(
    percent: int, replicas: int, serving: int, wanted: int
) -> None:
    assert wanted_ready(service(percent, replicas), GREEN, serving) == wanted


def test_a_switch_to_too_few_ready_endpoints_is_refused_and_says_where_to_look() -> None:
    text = str(refuse_switch("backend", service(), GREEN, pods("green", 2, not_ready=1), 3))
    assert "the switch to green is refused: Service backend-green has 2 ready endpoints; it needs 3" in text
    assert "kubectl -n default get pods -l app=backend,version=green" in text


def test_a_switch_to_enough_ready_endpoints_is_not_refused() -> None:
    assert refuse_switch("backend", service(), GREEN, pods("green", 3), 3) is None


def test_a_switch_to_fewer_replicas_than_serve_is_refused_from_the_configuration_alone() -> None:
    assert "green.replicas is 2" in str(refuse_fewer_replicas("backend", service(green=2), GREEN, BLUE, 3))
    assert refuse_fewer_replicas("backend", service(50, green=2), GREEN, BLUE, 3) is None


def test_a_failed_smoke_test_is_refused_with_every_failure() -> None:
    text = str(refuse_smoke("backend", service(), GREEN, ["one", "two"]))
    assert "the smoke test failed: one, two" in text
    assert refuse_smoke("backend", service(), GREEN, []) is None


def test_pods_that_serve_are_not_changed_in_place_unless_that_is_allowed() -> None:
    assert "green is serving" in str(refuse_in_place("backend", service(), GREEN, GREEN))
    assert refuse_in_place("backend", service(), GREEN, BLUE) is None
    assert refuse_in_place("backend", service(), GREEN, None) is None
    assert refuse_in_place("backend", service(in_place=True), GREEN, GREEN) is None


def test_the_idle_colour_keeps_its_pods_while_the_cluster_selects_it() -> None:
    refusal = refuse_retire("backend", service(), BLUE, BLUE, pods("blue", 3), pods("blue", 3))
    assert "selects blue, not green as the stack has it" in str(refusal)


def test_the_idle_colour_keeps_its_pods_while_they_are_endpoints() -> None:
    behind = [*pods("green", 3), *pods("blue", 1)]
    assert "1 of its pods are still endpoints" in str(
        refuse_retire("backend", service(), BLUE, GREEN, behind, pods("blue", 3))
    )


def test_the_idle_colour_keeps_its_pods_until_the_active_one_serves_with_all_of_its() -> None:
    assert "has 2 ready endpoints" in str(
        refuse_retire("backend", service(), BLUE, GREEN, pods("green", 2), pods("blue", 3))
    )
    assert refuse_retire("backend", service(), BLUE, GREEN, pods("green", 3), pods("blue", 3)) is None


def test_the_cause_of_unready_pods_is_counted_and_named() -> None:
    line = why_not_ready("backend", service(), GREEN, ["a", "b", "b"], BLUE)
    assert "pods of green: 2 b; 1 a. blue goes on serving." in line
    assert "there are none. serving: nothing." in why_not_ready("backend", service(), GREEN, [], None)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "ready"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}]},
            "ImagePullBackOff (0 restarts)",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled"}}, "restartCount": 2}]},
            "OOMKilled (2 restarts)",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}]},
            "Unschedulable: no",
        ),
        ({"phase": "Running"}, "running, but its readiness probe does not succeed"),
        ({"phase": "Pending"}, "Pending"),
        ({}, "Unknown"),
    ],
)
def test_a_pod_is_described_by_the_nearest_cause(status: dict[str, object], state: str) -> None:
    assert pod_state({"status": status}) == state


@pytest.mark.parametrize(
    ("check", "answer", "found"),
    [
        (SmokeCheck(path="/ready"), ProxyAnswer(200, "ok"), None),
        (SmokeCheck(path="/ready"), ProxyAnswer(503, "a  b"), "GET /ready answered 503, expected 200: 'a b'"),
        (SmokeCheck(path="/", status=301), ProxyAnswer(301, ""), None),
        (SmokeCheck(path="/", body_matches="v[23]"), ProxyAnswer(200, "is v2"), None),
        (SmokeCheck(path="/", body_matches="^v2"), ProxyAnswer(200, "v1"), "GET / has no match for '^v2' in: 'v1'"),
    ],
)
def test_an_answer_is_compared_with_what_the_check_expects(
    check: SmokeCheck, answer: ProxyAnswer, found: str | None
) -> None:
    assert mismatch(check, answer) == found
