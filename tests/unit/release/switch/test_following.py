"""Whether the nodes that did not follow a switch follow now: the old pods stay until they do."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError, UnreachableError
from switchyard.kube.kube_proxy import Routing
from switchyard.kube.objects import Pod
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt, lines
from switchyard.release.switch.following import Following, still_behind
from tests.support.fake_lane import FakeCluster
from tests.support.observed import observed

PLAN = Plan(Act.SWITCH, observed(), Colour.GREEN)
FOLLOWS = {"node": "a", "follows": True}
DENIED = {"node": "all", "follows": None, "problem": "not seen: may not get nodes/proxy"}
BEHIND = {"node": "b", "follows": False}
UNANSWERED = {"node": "b", "follows": None}


def behind(receipt: dict[str, Any] | None, *statuses: int | None, **cluster: Any) -> tuple[str, ...]:
    """The nodes that are behind, of which each has a health of its kube-proxy now."""
    nodes = tuple(Routing(name, ready=True, status=status) for name, status in zip("ab", statuses, strict=False))
    fake: Any = FakeCluster(nodes=nodes, **cluster)
    return asyncio.run(still_behind(fake, PLAN, receipt))


def following(cluster: Any) -> Following:
    return Following(cluster, PLAN, lambda: 0.0)


@pytest.mark.parametrize("node", [FOLLOWS, DENIED], ids=["follows", "denied"])
def test_what_followed_or_may_not_be_asked_is_not_asked_again(node: dict[str, Any]) -> None:
    assert behind({"endpointsAfter": 0.3, "nodes": [node]}, 503, 503) == ()


@pytest.mark.parametrize(
    "receipt", [None, {}, {"nodes": []}, {"nodes": [FOLLOWS]}, {"endpointsAfter": None, "nodes": [FOLLOWS]}]
)
def test_what_was_not_seen_to_follow_is_asked_again(receipt: dict[str, Any] | None) -> None:
    assert behind(receipt, 503, 200) == ("a",)
    assert behind(receipt, 200, 200) == ()


@pytest.mark.parametrize(
    "cluster", [{"behind": ("green-1", "blue-1")}, {"denied": UnreachableError("no answer in 5 s")}], ids=str
)
def test_nodes_of_which_nothing_is_seen_may_send_to_the_old_colour(cluster: dict[str, Any]) -> None:
    assert behind(None, 200, 200, **cluster) == ("nodes that were not seen to get the new endpoints",)


@pytest.mark.parametrize("node", [BEHIND, UNANSWERED], ids=["behind", "no answer"])
@pytest.mark.parametrize(("status", "expected"), [(200, ()), (503, ("b",)), (None, ("b",))])
def test_a_node_that_did_not_follow_is_asked_again(
    node: dict[str, Any], status: int | None, expected: tuple[str, ...]
) -> None:
    assert behind({"endpointsAfter": 0.3, "nodes": [FOLLOWS, node]}, 200, status) == expected


@pytest.mark.parametrize(
    ("error", "unread"),
    [(UnreachableError("no answer in 5 s"), True), (AccessDeniedError("list", "nodes", 403, "no"), False)],
)
def test_only_nodes_that_may_be_read_count_as_unread(error: Exception, unread: bool) -> None:
    cluster: Any = FakeCluster(denied=error)
    receipt = asyncio.run(Following(cluster, PLAN, lambda: 0.0).nodes(Receipt("now")))
    assert receipt.nodes_unread is unread
    assert receipt.followed is None


def test_the_receipt_names_each_node_that_does_not_follow() -> None:
    nodes = (
        Routing("a", ready=True, status=200),
        Routing("b", ready=True, status=503),
        Routing("c", ready=True, status=None),
        Routing("lost", ready=False, status=None),
    )
    receipt = asyncio.run(following(FakeCluster(nodes=nodes)).nodes(Receipt("")))
    assert [(node.node, node.follows) for node in receipt.nodes] == [("a", True), ("b", False), ("c", None)]
    text = "\n".join(lines(receipt))
    assert "1 of 3 report that they follow" in text
    assert "b: kube-proxy is behind (503)" in text
    assert "c: kube-proxy does not answer" in text


@pytest.mark.parametrize("others", [("b",), ("a", "b")], ids=["one of two", "all"])
def test_a_node_on_which_no_pod_of_the_service_may_run_is_asked_too(others: tuple[str, ...]) -> None:
    """Its own pods are clients, and its node port answers like any other."""
    assert behind(None, 200, 503, others=others) == ("b",)
    assert behind(None, 200, 200, others=others) == ()


def test_a_pod_of_the_new_colour_that_came_after_the_switch_is_one_of_its_endpoints() -> None:
    class Renewed(FakeCluster):
        asked = 0

        async def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
            self.asked += labels["version"] == "green"
            late = [Pod("green-3", ready=True, state="")] if labels["version"] == "green" and self.asked > 1 else []
            return [*await super().pods(namespace, labels), *late]

    cluster = Renewed(behind=("green-2", "green-3"))
    receipt = asyncio.run(following(cluster).endpoints(Receipt("")))
    assert (receipt.endpoints_after, receipt.ready_endpoints, cluster.asked) == (0.0, 2, 2)
    stranger = Renewed(behind=("green-2", "red-1"))
    assert asyncio.run(following(stranger).endpoints(Receipt(""))).endpoints_after is None


def test_endpoints_of_the_old_colour_are_not_reported_as_followed() -> None:
    receipt = asyncio.run(following(FakeCluster(behind=("green-1", "blue-1"))).endpoints(Receipt("")))
    assert receipt.endpoints_after is None
    assert "not those of the serving colour alone in time" in "\n".join(lines(receipt))
