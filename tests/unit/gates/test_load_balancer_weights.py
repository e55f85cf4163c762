"""The gates before and after a switch by the load balancer, on a fake cluster and a fake AWS."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import Track
from switchyard.errors import AwsError
from switchyard.gates.load_balancer_weights import target_groups_in_use
from switchyard.manifests.labels import selector
from tests.support.weighted_balancer import (
    BLUE,
    GREEN,
    OTHERS,
    TO_BLUE,
    TO_GREEN,
    TO_SERVICE,
    FakeBalancer,
    gates_on,
    ready,
    service,
    switched,
    written,
)
from tests.unit.gates.test_service import DENIED, refusal

__all__ = ["gates_on"]


def test_the_first_weights_need_no_check(gates_on: Any) -> None:
    it = gates_on(FakeBalancer())
    asyncio.run(it.gates.before_weights())
    assert it.cluster.asked == []


def test_weights_that_already_route_to_the_active_colour_need_no_check(gates_on: Any) -> None:
    it = gates_on(ready(there=[written()]))
    asyncio.run(it.gates.before_weights())
    assert it.cluster.asked == []


def test_both_writes_of_an_update_follow_one_check_of_pods_and_targets(gates_on: Any) -> None:
    it = gates_on(ready())
    asyncio.run(it.gates.before_switch(creating=False, preview=False))
    asyncio.run(it.gates.before_weights())
    assert it.cluster.asked.count("watch backend-green") == 1
    assert it.cluster.asked.count("health of arn:g") == 1


def test_weights_alone_pass_the_same_gate_after_an_interrupted_update(gates_on: Any) -> None:
    it = gates_on(ready(selected=selector("backend", GREEN)))
    asyncio.run(it.gates.before_switch(creating=False, preview=False))
    assert "watch backend-green" not in it.cluster.asked
    asyncio.run(it.gates.before_weights())
    assert {"watch backend-green", "health of arn:g"} <= set(it.cluster.asked)

    it = gates_on(ready(selected=selector("backend", GREEN), watched=frozenset()))
    assert "the switch to green is refused (SY-S001): Service backend-green has 0 ready endpoints" in refusal(
        it.gates.before_weights()
    )


def test_neither_write_happens_while_no_target_is_healthy(gates_on: Any) -> None:
    reason = "the target group of backend-green has 0 healthy targets of 2"
    assert reason in refusal(gates_on(ready(targets=0)).gates.before_switch(creating=False, preview=False))
    assert reason in refusal(gates_on(ready(targets=0)).gates.before_weights())


def test_a_preview_of_other_weights_calls_no_aws_api_and_refuses_by_the_settings(gates_on: Any) -> None:
    it = gates_on(ready(), preview=True)
    asyncio.run(it.gates.before_weights())
    it = gates_on(ready(), service(green={"tag": "v2", "replicas": 2}), preview=True)
    text = refusal(it.gates.before_weights())
    assert "green.replicas is 2, but Service backend serves with 3 ready pods" in text
    it = gates_on(ready(there=[written("selector")]), preview=True)
    assert "has no target group for Service backend-green" in refusal(it.gates.before_weights())
    assert not [asked for asked in it.cluster.asked if "health" in asked or asked == "rules"]


def test_a_colour_with_requests_from_the_load_balancer_is_not_changed_in_place(gates_on: Any) -> None:
    """The Service alone does not show it, because it selects the other colour."""
    it = gates_on(ready(there=[written()], change=OTHERS), preview=True)
    text = refusal(it.gates.before_pods_change(GREEN, {}, preview=True))
    assert "a change of the pods of green is refused (SY-S004): green is serving" in text
    it = gates_on(ready(there=[written()], change=OTHERS), service(allowInPlaceUpdate=True))
    asyncio.run(it.gates.before_pods_change(GREEN, {}, preview=False))
    it = gates_on(ready(change=OTHERS))
    asyncio.run(it.gates.before_pods_change(GREEN, {}, preview=False))


def test_the_old_colour_is_scaled_down_when_the_load_balancer_follows(gates_on: Any) -> None:
    it = gates_on(switched())
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert it.cluster.asked[-1] == "rules"


def test_the_wait_for_the_load_balancer_is_reported_once_for_each_thing_that_is_seen(gates_on: Any) -> None:
    patient = service()
    patient = patient.model_copy(update={"gate": patient.gate.model_copy(update={"timeout_seconds": 5})})
    it = gates_on(switched(rules=[[], [TO_BLUE], [TO_BLUE], [TO_GREEN]]), patient)
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert it.said == [
        "backend: waiting for the load balancer: the load balancer has no rule with the weights of both colours yet",
        "backend: waiting for the load balancer: a rule of the load balancer sends 0 to backend, 100 to backend-blue, "
        "0 to backend-green",
    ]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"rules": [[TO_BLUE]]}, "a rule of the load balancer sends 0 to backend, 100 to backend-blue"),
        ({"rules": [[]]}, "no rule with the weights of both colours yet"),
        ({"rules": [[TO_GREEN, TO_BLUE]]}, "100 to backend-blue"),
        ({"there": []}, "its Ingress does not exist"),
        ({"there": [written(active="blue")]}, "Ingress backend on the cluster routes to backend-blue"),
        ({"aws": AwsError("AWS does not say it (ClientError: ExpiredToken)")}, "AWS does not say it (ClientError: Exp"),
        (
            {"rules": [[TO_BLUE]], "complaint": "FailedDeployModel: no"},
            "last warning of the controller: FailedDeployModel: no)",
        ),
        ({"rules": [[TO_BLUE]], "complaint": DENIED}, "100 to backend-blue"),
    ],
)
def test_the_old_colour_stays_and_the_update_fails_while_the_load_balancer_may_need_it(
    gates_on: Any, seen: dict[str, Any], expected: str
) -> None:
    it = gates_on(switched(**seen))
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert "a change of the idle colour blue is refused (SY-L006): " in text
    assert expected in text
    assert "blue keeps its pods" in text

    it = gates_on(switched(**seen))
    problem = asyncio.run(it.gates.inspect()).problem
    assert problem is not None
    assert problem.startswith("backend: the switch of the load balancer to Service backend-green is not finished: ")
    assert expected in problem


def test_an_update_succeeds_when_service_and_load_balancer_agree(gates_on: Any) -> None:
    seen = asyncio.run(gates_on(switched()).gates.inspect())
    assert (seen.serving, seen.problem) == (Track.GREEN, None)


def test_a_preview_that_would_write_the_weights_does_not_call_them_unfinished(gates_on: Any) -> None:
    it = gates_on(switched(there=[written(active="blue")]), preview=True)
    asyncio.run(it.gates.before_weights())
    assert asyncio.run(it.gates.inspect()).problem is None
    it = gates_on(switched(there=[written(active="blue")]), preview=True)
    assert asyncio.run(it.gates.inspect()).problem is not None


def test_between_two_switch_engines_the_load_balancer_routes_to_the_service(gates_on: Any) -> None:
    between = service("albTargets")
    it = gates_on(switched(there=[written("albTargets")], rules=[[TO_SERVICE]]), between)
    assert asyncio.run(it.gates.inspect()).problem is None
    for rules in ([TO_GREEN], [{"arn:s": 1}]):
        it = gates_on(switched(there=[written("albTargets")], rules=[rules]), between)
        assert "to Service backend is not finished" in str(asyncio.run(it.gates.inspect()).problem)
    it = gates_on(switched(there=[written("selector")]), between)
    asyncio.run(it.gates.before_weights())
    assert "health of arn:s" not in it.cluster.asked
    it = gates_on(switched(there=[written()], of_colour=("green-0", "green-1", "green-2")), between)
    asyncio.run(it.gates.before_weights())
    assert "health of arn:s" in it.cluster.asked


@pytest.mark.parametrize(
    ("there", "rules", "aws", "expected"),
    [
        ([], [TO_GREEN], None, None),
        ([written("selector")], [{"arn:s": 1}], None, None),
        ([written("albTargets")], [TO_SERVICE], None, None),
        # Cut off after the Ingress was written, and before the controller had looked.
        ([written("albTargets")], [{"arn:s": 1}], None, None),
        (
            [written()],
            [TO_GREEN],
            None,
            "Ingress backend on the cluster routes to backend-green, but the stack has backend",
        ),
        ([written("albTargets")], [TO_GREEN], None, "sends 0 to backend, 0 to backend-blue, 100 to backend-green"),
        ([written("albTargets")], [TO_SERVICE], AwsError("AWS does not say it"), "AWS does not say it"),
    ],
)
def test_target_groups_of_colours_are_removed_only_without_requests(
    gates_on: Any,
    there: list[dict[str, Any]],
    rules: list[Mapping[str, int]],
    aws: Exception | None,
    expected: str | None,
) -> None:
    it = gates_on(FakeBalancer(there=there, rules=[rules], aws=aws))
    reason = asyncio.run(target_groups_in_use(it.cluster, "ap-northeast-2", "backend", "default"))
    assert reason is None if expected is None else expected in (reason or "")
