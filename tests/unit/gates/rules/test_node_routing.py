"""Whether the nodes can follow a switch, from the health of their kube-proxies."""

from switchyard.config.models.service import Colour, Track
from switchyard.gates.rules.node_routing import not_following, refuse_unfollowed, warn_unfollowed
from switchyard.kube.api import ProxyAnswer, is_status
from switchyard.kube.kube_proxy import Routing, routing_of


def test_nodes_with_a_healthy_kube_proxy_follow() -> None:
    assert not_following([Routing("a", True, 200), Routing("b", True, 200)]) == []


def test_a_node_whose_kube_proxy_does_not_answer_is_named() -> None:
    assert not_following([Routing("a", True, 200), Routing("b", True, None)]) == ["kube-proxy on b does not answer"]


def test_a_node_whose_kube_proxy_has_fallen_behind_is_named() -> None:
    assert not_following([Routing("a", True, 503)]) == ["kube-proxy on a is not healthy (503)"]


def test_a_node_that_is_not_ready_does_not_block() -> None:
    assert not_following([Routing("lost", False, None)]) == []


def test_when_no_kube_proxy_answers_none_of_the_nodes_follows() -> None:
    assert len(not_following([Routing("a", True, None), Routing("b", True, None)])) == 2


def test_a_node_is_ready_when_its_condition_says_so() -> None:
    node = {"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert routing_of(node, 200) == Routing("a", False, 200)
    node["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert routing_of(node, None) == Routing("a", True, None)


def test_an_error_of_the_api_server_is_not_an_answer_of_kube_proxy() -> None:
    nobody = '{"kind": "Status", "apiVersion": "v1", "message": "error trying to reach service: connection refused"}'
    assert is_status(ProxyAnswer(503, nobody))
    assert not is_status(ProxyAnswer(503, '{"lastUpdated": "2026-11-25T00:00:10.5Z"}'))
    assert not is_status(ProxyAnswer(200, "ok"))


def test_a_warning_names_the_node_the_colour_and_what_to_do() -> None:
    reasons = ["kube-proxy on b does not answer"]
    refusal = str(refuse_unfollowed("backend", Colour.BLUE, reasons))
    assert "a change of the idle colour blue is refused (SY-S008): kube-proxy on b does not answer" in refusal
    assert "kubectl -n kube-system get pods" in refusal
    assert "services.backend.gate.checkNodes' false" in refusal
    assert refuse_unfollowed("backend", Colour.BLUE, []) is None
    warning = warn_unfollowed("backend", Track.GREEN, reasons)
    assert "switched to green" in warning
    assert "may still go to the pods that served before" in warning
