"""A switch by weights: what is written, in which order, and what serves when a part of it is not done."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError, ApiStatusError, AwsError, GateRefusedError, UnreachableError
from switchyard.gates.load_balancer_weights import WeightedGates
from switchyard.gates.weighted_routing import switching_load_balancer
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.balancer_answer import BalancerAnswer
from switchyard.release.receipt.receipt import Receipt, lines
from switchyard.release.receipt.warnings import judged
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.switching import SelectorSwitching, switching_of
from switchyard.release.switch.weights import WeightsSwitching, with_weights
from switchyard.release_errors import WeightsNotWrittenError
from tests.support.fake_lane import Lane, Release, done
from tests.support.observed import observed, settings
from tests.support.weighted_service import ACTION, ingress, receivers, weighted

CONFLICT = ApiStatusError("patch", "ingresses/backend", 409, "the object has been modified")
DENIED = AccessDeniedError("patch", "ingresses", 403, "no")


@dataclass
class Api:
    """Keeps every write in order, and answers each kind of write with the errors that it is given."""

    errors: dict[str, list[Exception]] = field(default_factory=dict)
    now: dict[str, Any] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, _: str, resource: str, *__: str, params: dict[str, str], content: str, **___: Any) -> Any:
        write = f"{'would write' if 'dryRun' in params else 'writes'} {resource}"
        if self.errors.get(write):
            raise self.errors[write].pop(0)
        self.writes.append(write)
        self.sent.append(json.loads(content))
        return {}

    async def find(self, resource: str, *_: str) -> Any:
        return self.now.get(resource)


@dataclass
class Cluster:
    api: Api


def switching(api: Api, observation: Observation) -> WeightsSwitching:
    cluster: Any = Cluster(api)
    chosen = switching_of(cluster, observation)
    assert isinstance(chosen, WeightsSwitching)
    return chosen


def patch(api: Api, act: Act = Act.SWITCH, observation: Observation | None = None) -> None:
    observation = observation or weighted()
    asyncio.run(switching(api, observation).patch(Plan(act, observation, Colour.GREEN), AsyncMock()))


def test_a_service_without_such_a_load_balancer_is_switched_by_its_selector() -> None:
    cluster: Any = Cluster(Api())
    assert isinstance(switching_of(cluster, observed()), SelectorSwitching)
    assert switching_load_balancer(None, "backend", settings(switchEngine="albWeights", nodePort=30080)) is None


def test_only_the_weights_change_of_what_the_program_has_applied_to_the_ingress() -> None:
    manifest = with_weights(ingress(Colour.BLUE), "backend", "new")
    assert manifest["metadata"] == {
        "name": "backend",
        "namespace": "default",
        "resourceVersion": "7",
        "annotations": {ACTION: "new", "alb.ingress.kubernetes.io/group.name": "test"},
    }
    assert manifest["spec"] == ingress(Colour.BLUE)["spec"]


def test_the_ingress_is_asked_for_before_the_service_is_written_and_written_after_it() -> None:
    api = Api()
    patch(api)
    assert api.writes == ["would write ingresses", "writes services", "writes ingresses"]
    assert receivers(api.sent[-1]) == ["backend-green"]
    assert api.sent[1]["spec"]["selector"]["version"] == "green"


@pytest.mark.parametrize("write", ["would write ingresses", "writes ingresses"])
def test_an_ingress_whose_controller_has_written_its_status_meanwhile_is_written_as_it_is_now(write: str) -> None:
    api = Api({write: [CONFLICT]}, {"ingresses": ingress(Colour.BLUE, "8")})
    patch(api)
    assert api.sent[-1]["metadata"]["resourceVersion"] == "8"


def test_weights_that_somebody_else_has_changed_stop_the_command_before_anything_is_written() -> None:
    api = Api({"would write ingresses": [CONFLICT]}, {"ingresses": ingress(Colour.GREEN, "8")})
    with pytest.raises(GateRefusedError, match="SY-P031"):
        patch(api)
    assert api.writes == []


def test_an_ingress_without_target_groups_of_the_colours_is_refused_before_anything_is_written() -> None:
    api, observation = Api(), weighted()
    plain = ingress(Colour.BLUE)
    plain["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["name"] = "http"
    with pytest.raises(GateRefusedError, match="SY-L003"):
        patch(api, Act.ROLLBACK, replace(observation, ingresses=(plain,)))
    assert api.writes == []


def test_what_the_api_server_would_not_permit_leaves_the_service_alone() -> None:
    api = Api({"would write ingresses": [DENIED]})
    with pytest.raises(AccessDeniedError):
        patch(api)
    assert api.writes == []


def test_a_switch_whose_weights_cannot_be_written_takes_the_selector_back() -> None:
    api = Api({"writes ingresses": [UnreachableError("no answer")]}, {"services": weighted(Colour.GREEN).live})
    with pytest.raises(WeightsNotWrittenError) as error:
        patch(api)
    assert api.writes == ["would write ingresses", "writes services", "writes services"]
    assert api.sent[-1]["spec"]["selector"]["version"] == "blue"
    assert "Service backend selects blue again, as before, and so does the load balancer." in str(error.value)
    assert isinstance(error.value.__cause__, UnreachableError)  # by which another attempt is decided
    assert "(SY-P035)" in error.value.summary


def test_a_switch_that_completes_another_one_is_not_reverted() -> None:
    api = Api({"writes ingresses": [UnreachableError("no answer")]}, {"services": weighted(Colour.GREEN).live})
    with pytest.raises(WeightsNotWrittenError, match="Service backend selects green; the load balancer may still"):
        patch(api, observation=weighted(Colour.BLUE, Colour.GREEN))
    assert api.writes == ["would write ingresses", "writes services"]


def test_a_rollback_whose_weights_cannot_be_written_keeps_the_selector_and_says_who_serves() -> None:
    api = Api({"writes ingresses": [UnreachableError("no answer")]})
    with pytest.raises(WeightsNotWrittenError) as error:
        patch(api, Act.ROLLBACK)
    assert api.writes == ["would write ingresses", "writes services"]
    assert "Service backend selects green; the load balancer may still send to blue." in str(error.value)
    assert "When the cause is removed: switchyard rollback backend" in str(error.value)


def test_a_colour_serves_when_selector_and_weights_say_so() -> None:
    assert weighted().is_at(Colour.BLUE)
    assert not weighted(Colour.GREEN, Colour.BLUE).is_at(Colour.GREEN)
    assert not weighted(Colour.GREEN, Colour.BLUE).is_at(Colour.BLUE)
    assert observed().is_at(Colour.BLUE)


def test_a_switch_cut_off_between_both_writes_is_finished_by_itself_and_undone_by_a_rollback() -> None:
    between = weighted(Colour.GREEN, Colour.BLUE, active=Colour.BLUE)
    cut_off = Release("switch", "blue", "green", from_tag="v1", tag="v2", result="running")
    lane: FastLane = Lane(latest=cut_off).lane
    again = done(lane.plan_switch(between, Colour.GREEN))
    assert (again.target, again.patch, again.completes) == (Colour.GREEN, True, True)
    back = done(lane.plan_rollback(between))
    assert (back.target, back.patch, back.completes) == (Colour.BLUE, True, False)


def test_a_rollback_that_was_cut_off_between_both_is_finished_by_itself() -> None:
    between = weighted(Colour.BLUE, Colour.GREEN, active=Colour.GREEN)
    cut_off = Release("rollback", "green", "blue", from_tag="v2", tag="v1", result="running")
    plan = done(Lane(latest=cut_off).lane.plan_rollback(between))
    assert (plan.target, plan.patch, plan.completes) == (Colour.BLUE, True, True)


@pytest.mark.parametrize(
    ("answers", "follows", "asked"),
    [
        (["a rule sends 100 to backend-blue", None], True, 2),
        ([AwsError("no credentials")], None, 3),
        ([AwsError("throttled"), None], True, 2),
        (["a rule sends 100 to backend-blue"], False, None),
    ],
)
def test_aws_is_asked_until_it_reports_the_new_rule_or_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], follows: bool | None, asked: int | None
) -> None:
    calls: list[Any] = []

    async def unforwarded(*_: object) -> str | None:
        answer: str | Exception | None = answers[min(len(calls), len(answers) - 1)]
        calls.append(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(WeightedGates, "unforwarded", unforwarded)
    monkeypatch.setattr("switchyard.release.switch.weights.POLL_SECONDS", 0.001)
    observation = weighted()
    answer = asyncio.run(switching(Api(), observation).follow(Plan(Act.SWITCH, observation, Colour.GREEN), 0.05))
    assert answer is not None
    assert (answer.service, answer.follows) == ("backend-green", follows)
    assert asked in {None, len(calls)}


def of(answer: BalancerAnswer) -> Receipt:
    plan = Plan(Act.SWITCH, weighted(), Colour.GREEN)
    return judged(plan, Receipt("2026-01-02T03:04:05Z", 0.4, 0.5, 3, balancer=answer))


def test_a_load_balancer_that_does_not_follow_is_a_doubt_and_one_that_was_not_seen_is_none() -> None:
    behind = of(BalancerAnswer("backend-green", False, "a rule sends 100 to backend-blue"))
    assert "the switch of the load balancer to Service backend-green is not finished" in str(behind.doubt)
    assert "the load balancer" in behind.may_send_to_old
    unseen = of(BalancerAnswer("backend-green", None, "AWS does not answer"))
    assert unseen.doubt is None
    assert "whether the load balancer follows the switch to green (AWS does not answer)" in str(unseen.not_seen)
    follows = of(BalancerAnswer("backend-green", True, after=2.5))
    assert follows.doubt is None
    assert "load balancer" not in str(follows.not_seen)


def test_the_receipt_says_what_aws_reports() -> None:
    text = lines(of(BalancerAnswer("backend-green", True, after=2.5)))
    assert "selector      and weights accepted by the API server after 0.40 s" in text
    assert "balancer      every rule sends all requests to backend-green, as AWS reports after 2.50 s" in text
