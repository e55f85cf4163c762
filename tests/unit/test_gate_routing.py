"""Whether a node has followed a switch, from what its kube-proxy says."""

import pytest

from gate.routing import Routing, age_in, behind, can_be_asked, refuse_unfollowed, warn_unfollowed
from settings.service import Colour

ANSWER = '{"lastUpdated": "2026-11-25T00:00:10.5Z","currentTime": "2026-11-25T00:00:14.0Z", "nodeEligible": true}'


def test_the_age_of_the_rules_is_by_the_clock_of_the_node_itself() -> None:
    assert age_in(ANSWER) == pytest.approx(3.5)


@pytest.mark.parametrize("body", ["", "ok", "[]", "{}", '{"lastUpdated": 1, "currentTime": 2}', '{"kind": "Status"}'])
def test_an_answer_of_something_else_is_none(body: str) -> None:
    assert age_in(body) is None


def test_a_node_that_wrote_its_rules_after_the_switch_has_followed() -> None:
    assert behind([Routing("a", True, 0.4), Routing("b", True, 0.9)], since_switch=1.0) == []


def test_a_node_that_wrote_them_before_the_switch_has_not() -> None:
    [reason] = behind([Routing("a", True, 0.4), Routing("b", True, 42.0)], since_switch=1.0)
    assert "kube-proxy on b last wrote its rules 42 s ago, before the switch" in reason


def test_a_node_that_does_not_answer_has_not_whenever_the_switch_was() -> None:
    nodes = [Routing("a", True, 0.4), Routing("b", True, None)]
    for since in (1.0, None):
        assert behind(nodes, since) == ["kube-proxy on b does not answer"]


def test_old_rules_are_no_reason_when_this_update_did_not_switch() -> None:
    assert behind([Routing("a", True, 3600.0)], since_switch=None) == []


def test_a_node_that_is_not_ready_holds_nothing_up() -> None:
    assert behind([Routing("a", True, 0.4), Routing("lost", False, None)], since_switch=1.0) == []


def test_where_no_kube_proxy_answers_at_all_nothing_can_be_known() -> None:
    nodes = [Routing("a", True, None), Routing("b", True, None)]
    assert not can_be_asked(nodes)
    assert behind(nodes, since_switch=1.0) == []


def test_what_is_said_names_the_node_the_colour_and_where_to_look() -> None:
    reasons = ["kube-proxy on b does not answer"]
    refusal = str(refuse_unfollowed("backend", Colour.BLUE, reasons))
    assert "a change of the idle colour blue is refused: kube-proxy on b does not answer" in refusal
    assert "kubectl -n kube-system get pods" in refusal
    assert refuse_unfollowed("backend", Colour.BLUE, []) is None
    warning = warn_unfollowed("backend", Colour.GREEN, reasons)
    assert "switched to green" in warning
    assert "still go to blue" in warning
