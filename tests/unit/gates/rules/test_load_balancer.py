"""Whether a load balancer has reconciled its Ingresses: verdicts of given observations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchyard.aws.elbv2 import ListenerRule
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates.rules.load_balancer import (
    ControllerEvent,
    ExpectedRule,
    RouteObservation,
    RouteState,
    RouteVerdict,
    configured_ingresses,
    expected_rules,
    last_event,
    listener_port,
    members,
    missing_rules,
    refusal,
    verdict,
    written_by_program,
)
from switchyard.manifests.ingress import group_ingress, ingress
from switchyard.manifests.ingress_routes import parts
from tests.support.balanced import CERTIFICATE, GROUP, cluster, service

ROUTES = [{"service": "backend"}, {"service": "shop", "host": "shop.example.org", "path": "/cart/"}]
SERVICES = {"backend": service(), "shop": service(namespace="shop", nodePort=30081)}
API = ExpectedRule("default/backend", None, "/api", frozenset({("default", "backend")}))
FAILED = ControllerEvent(10, failed=True, text="FailedDeployModel: 400", ingress="default/backend")
DONE = ControllerEvent(10, failed=False, text="SuccessfullyReconciled: done", ingress="default/backend")


def settings(**alb: Any) -> Ec2Cluster:
    return cluster(ROUTES, **alb)


def written(services: dict[str, BlueGreenSettings] | None = None) -> dict[str, Any]:
    """The Ingresses of the group on the cluster, by namespace and name."""
    own, services = settings(), services or SERVICES
    assert own.load_balancer is not None
    every = [ingress(own, part, services[part.service]) for part in parts(own.load_balancer.routes)]
    return dict(members(own.name, [*every, group_ingress(own, GROUP, "")]))


def expected(services: dict[str, BlueGreenSettings] | None = None) -> list[ExpectedRule]:
    return expected_rules(written(services).values())


def test_each_route_has_one_rule_with_the_patterns_that_the_controller_makes_of_its_prefix() -> None:
    shop, backend = expected()
    assert (shop.ingress, shop.host) == ("shop/shop", "shop.example.org")
    assert shop.patterns == {"/cart", "/cart/*"}
    assert (backend.ingress, backend.host) == ("default/backend", None)
    assert backend.patterns == {"/*"}
    assert backend.services == {("default", "backend")}


@pytest.mark.parametrize(("engine", "name"), [("albTargets", "backend"), ("albWeights", "backend-blue")])
def test_under_weights_only_services_with_a_weight_get_requests(engine: str, name: str) -> None:
    [_, backend] = expected(SERVICES | {"backend": service(switchEngine=engine)})
    assert backend.services == {("default", name)}


def test_rules_are_on_the_listener_with_the_certificate() -> None:
    for certificate, port in ((CERTIFICATE, 443), (None, 80)):
        alb = settings(certificate=certificate).load_balancer
        assert alb is not None
        assert listener_port(alb) == port


TARGETS = {"arn:backend": ("default", "backend"), "arn:other": ("default", "other")}


@pytest.mark.parametrize(
    ("rule", "there"),
    [
        (ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:backend": 1}), True),
        (ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:backend": 100, "arn:other": 0}), True),
        (ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:backend": 50, "arn:other": 50}), False),
        (ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:other": 1}), False),
        (ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:nobodys": 1}), False),
        (ListenerRule(443, frozenset(), frozenset({"/api", "/api/*"}), {"arn:backend": 1}), False),
        (ListenerRule(80, frozenset({"a.io"}), frozenset({"/api", "/api/*"}), {"arn:backend": 1}), False),
        (ListenerRule(80, frozenset(), frozenset({"/api"}), {"arn:backend": 1}), False),
    ],
)
def test_a_route_has_its_rule_when_host_paths_listener_and_service_are_the_same(
    rule: ListenerRule, there: bool
) -> None:
    assert missing_rules([API], [rule], 80, TARGETS) == ([] if there else [API])


def test_a_group_has_its_ingresses_and_ours_are_those_that_this_program_wrote() -> None:
    own = settings()
    assert own.load_balancer is not None
    somebodys = {
        "metadata": {"namespace": "x", "name": "y", "annotations": {f"{ALB_ANNOTATIONS}/group.name": own.name}}
    }
    another = {"metadata": {"namespace": "x", "name": "z", "annotations": {}}}
    ingresses = members(own.name, [*written().values(), somebodys, another])
    assert ingresses.keys() == {"shop/shop", "default/backend", "default/load-balancer.group", "x/y"}
    assert written_by_program(ingresses).keys() == ingresses.keys() - {"x/y"}
    assert configured_ingresses(parts(own.load_balancer.routes), SERVICES) == written_by_program(ingresses).keys()


def event(version: int, reason: str, kind: str = "Warning", name: str = "backend") -> dict[str, Any]:
    return {
        "metadata": {"resourceVersion": str(version)},
        "involvedObject": {"kind": "Ingress", "namespace": "default", "name": name},
        "type": kind,
        "reason": reason,
        "message": f"{reason} due to 400",
    }


def test_the_last_event_counts_also_when_two_have_the_same_second() -> None:
    events = [
        event(9, "FailedDeployModel"),
        event(12, "SuccessfullyReconciled", "Normal"),
        event(11, "FailedBuildModel"),
        event(13, "Other", "Normal"),
        event(14, "FailedDeployModel", name="of-another-group"),
    ]
    event_ = last_event(["default/backend"], events)
    assert event_ is not None
    assert (event_.version, event_.failed) == (12, False)
    assert last_event(["default/backend"], []) is None


@pytest.mark.parametrize(
    ("word", "changed", "missing", "written", "state"),
    [
        (DONE, 9, [], True, RouteState.DONE),
        (DONE, 11, [], True, RouteState.QUIET),
        (None, 11, [], True, RouteState.QUIET),
        (FAILED, 9, [], True, RouteState.FAILING),
        (FAILED, 9, [API], True, RouteState.FAILING),
        (FAILED, 11, [], True, RouteState.QUIET),
        (FAILED, 11, [API], True, RouteState.WAITING),
        (DONE, 9, [API], True, RouteState.WAITING),
        (None, 9, None, True, RouteState.WAITING),
        (DONE, 9, None, True, RouteState.DONE),
        (DONE, 11, None, True, RouteState.WAITING),
        (FAILED, 11, [], False, RouteState.FAILING),
        (FAILED, 11, None, False, RouteState.FAILING),
        (None, 11, [], False, RouteState.DONE),
        (None, 11, None, False, RouteState.DONE),
        (DONE, 9, [API], False, RouteState.WAITING),
    ],
)
def test_a_verdict_needs_an_event_later_than_the_write_and_the_rules_at_aws(
    word: ControllerEvent | None, changed: int, missing: list[ExpectedRule] | None, written: bool, state: RouteState
) -> None:
    assert verdict(RouteObservation(changed, word, missing, "no credentials"), written=written).state is state


def test_a_warning_that_was_not_repeated_is_resolved_once_all_rules_exist() -> None:
    now = datetime.now(UTC)
    [event_] = [last_event(["default/backend"], [event(9, "FailedDeployModel") | {"lastTimestamp": f"{now:%FT%TZ}"}])]
    assert event_ is not None
    assert (event_.is_old(now), event_.is_old(now + timedelta(minutes=21))) == (False, True)
    assert not FAILED.is_old(now)
    assert verdict(RouteObservation(11, FAILED, [], old=True), written=False).state is RouteState.DONE
    assert verdict(RouteObservation(11, FAILED, [API], old=True), written=False).state is RouteState.FAILING
    assert verdict(RouteObservation(11, FAILED, None, old=True), written=False).state is RouteState.FAILING


def test_a_refusal_has_the_controllers_sentence_what_serves_and_where_to_look() -> None:
    observation = RouteObservation(1, FAILED, [API])
    said = refusal("production", observation, verdict(observation, written=True), 15)
    assert said.startswith(
        "load balancer of production: its controller refuses the Ingresses of the group, after 15 s: "
        "FailedDeployModel: 400 (SY-L001). every host /api (Ingress default/backend) has no rule at AWS; the other "
        "routes serve. "
    )
    assert "kubectl -n default describe ingress backend; kubectl -n aws-load-balancer-controller logs" in said


def test_a_refusal_without_an_event_names_the_routes_up_to_a_limit() -> None:
    many = [ExpectedRule("default/backend", None, f"/{number}", API.services) for number in range(5)]
    observation = RouteObservation(1, None, many)
    said = refusal("it", observation, verdict(observation, written=True), 120)
    assert "the load balancer has no such rule for every host /0 (Ingress default/backend); " in said
    assert "; and 2 more, after 120 s" in said
    unknown = RouteObservation(1, None, None, "AWS does not say it")
    said = refusal("it", unknown, RouteVerdict(RouteState.WAITING, "it has not said that it is done"), 0)
    assert "The load balancer continues to serve with its present rules" in said
