"""Which version answers at the NodePort of each node, over a new connection each time."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

import switchyard.release.receipt.node_ports as ports
from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError, UnreachableError
from switchyard.kube.api import ProxyAnswer, ProxyRequest
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import NodeAnswer, Receipt, lines
from switchyard.release.receipt.warnings import not_followed
from tests.support.observed import observed

OLD, NEW = ProxyAnswer(404, "", {"x-version": "v1"}), ProxyAnswer(404, "", {"x-version": "v2"})
NOBODY = UnreachableError("no answer in 1 s")
Answer = ProxyAnswer | Exception


def status(code: int, message: str) -> ProxyAnswer:
    """An answer of the API server itself."""
    return ProxyAnswer(code, json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}), {"audit-id": "a"})


@dataclass
class FakeNodes:
    """Pods that say their version, and nodes with an answer for each request; the last one is repeated."""

    nodes: Mapping[str, list[Answer]] = field(default_factory=dict)
    pods: Mapping[str, Answer] = field(default_factory=lambda: {"blue": OLD, "green": NEW})
    asked: list[tuple[str, str, ProxyRequest]] = field(default_factory=list)

    async def find_all(self, _kind: str, _namespace: str | None, labels: Mapping[str, str]) -> Any:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        names = [f"{labels['version']}-{number}" for number in (1, 2)] if labels["version"] in self.pods else []
        return {"items": [{"metadata": {"name": name}, "status": ready} for name in names]}

    async def get_through_proxy(
        self, resource: str, _namespace: str | None, target: str, request: ProxyRequest
    ) -> ProxyAnswer:
        name = target.partition(":")[0]
        before = sum(kind == resource and asked == name for kind, asked, _ in self.asked)
        self.asked.append((resource, name, request))
        await asyncio.sleep(0)
        answers = [self.pods[name.partition("-")[0]]] if resource == "pods" else self.nodes[name]
        answer = answers[min(before, len(answers) - 1)]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "EVERY_SECONDS", 0)


def plan(**receipt: str) -> Plan:
    observation = observed(release={"receipt": receipt})
    observation.live["spec"]["ports"] = [{"port": 8000, "nodePort": 30080}]
    return Plan(Act.SWITCH, observation, Colour.GREEN)


def followed(api: FakeNodes, ticks: Iterator[float] | None = None) -> dict[str, NodeAnswer]:
    async def run() -> list[NodeAnswer]:
        port = await ports.node_port(api, plan())  # type: ignore[arg-type]
        assert not isinstance(port, str), port
        clock = ticks or count(0.0, 0.01)
        return await ports.follow_nodes(api, port, list(api.nodes), lambda: next(clock))  # type: ignore[arg-type]

    return {node.node: node for node in asyncio.run(run())}


def test_a_node_follows_once_the_new_version_has_answered_over_several_connections() -> None:
    api = FakeNodes({"a": [OLD, OLD, NEW, NEW, NEW], "b": [NEW]})
    nodes = followed(api)
    assert [node.follows for node in nodes.values()] == [True, True]
    assert (nodes["a"].probes, nodes["b"].probes) == (5, ports.IN_A_ROW)
    assert nodes["a"].last_old_after is not None
    assert nodes["a"].answered_after is not None
    assert nodes["a"].last_old_after < nodes["a"].answered_after
    assert nodes["b"].last_old_after is None
    assert {request.headers["Connection"] for _, _, request in api.asked} == {"Upgrade, close"}


def test_a_node_where_both_versions_answer_does_not_follow_until_the_old_one_is_gone() -> None:
    node = followed(FakeNodes({"a": [NEW, NEW, OLD, NEW, NEW, NEW]}))["a"]
    assert (node.follows, node.probes) == (True, 6)
    assert node.answered_after is not None
    assert node.last_old_after is not None
    assert node.answered_after > node.last_old_after


def test_a_node_that_answers_with_the_old_version_to_the_end_is_named_and_never_follows() -> None:
    nodes = followed(FakeNodes({"good": [NEW], "stalled": [OLD]}), count(0.0, 0.1))
    assert nodes["stalled"].follows is False
    receipt = Receipt("now", 0.5, 0.6, 3, tuple(nodes.values()))
    assert receipt.followed is False
    assert receipt.to_json()["followed"] is False
    text = "\n".join(lines(receipt))
    assert "1 of 2 answered with the new version" in text
    assert "stalled: its NodePort still answers with blue after" in text
    warning = not_followed(plan(), receipt)
    assert warning is not None
    assert "1 of 2 nodes do not follow the switch to green (stalled:" in warning
    assert "(SY-P140)" in warning
    assert "spec.nodeName=stalled" in warning


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([status(500, "invalid upgrade response: status code 200")], "answered with 200, not with 400 or more"),
        ([ProxyAnswer(404, "", {"x-version": "v2", "audit-id": "a"})], "takes the header Connection away"),
    ],
)
def test_a_node_that_cannot_be_seen_is_asked_once_and_not_said_to_follow(answers: list[Answer], says: str) -> None:
    api = FakeNodes({"a": answers})
    node = followed(api)["a"]
    assert node.follows is None
    assert says in str(node.problem)
    assert [name for kind, name, _ in api.asked if kind == "nodes"] == ["a"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (NOBODY, "no answer in 1 s"),
        (status(503, "dial tcp: i/o timeout"), "the API server does not reach it (503)"),
        (AccessDeniedError("get", "nodes/proxy", 403, "no"), "may not get nodes/proxy"),
    ],
)
def test_a_node_that_does_not_answer_at_all_is_asked_a_few_times(answer: Answer, says: str) -> None:
    api = FakeNodes({"a": [answer]})
    node = followed(api)["a"]
    assert node.follows is None
    assert says in str(node.problem)
    assert sum(kind == "nodes" for kind, _, _ in api.asked) == ports.UNANSWERED
    assert followed(FakeNodes({"a": [answer, NEW]}))["a"].follows is True


def test_where_no_node_answers_the_others_are_not_asked_once_the_time_is_over() -> None:
    names = [f"n{number}" for number in range(100)]
    api = FakeNodes({name: [NOBODY] for name in names})
    nodes = followed(api, count(0.0, 0.1))
    assert {node.follows for node in nodes.values()} == {None}
    assert 0 < sum(kind == "nodes" for kind, _, _ in api.asked) < len(names)
    assert sum(node.probes for node in nodes.values()) == sum(kind == "nodes" for kind, _, _ in api.asked)
    assert "no answer in 1 s" in str(nodes["n0"].problem)
    assert "no node has answered in 5 s" in str(nodes["n99"].problem)
    # One that answers shows that NodePorts can be asked: then each of the others is.
    api = FakeNodes({"n": [NEW], **{name: [NOBODY] for name in names}})
    nodes = followed(api, count(0.0, 0.1))
    assert nodes["n"].follows is True
    assert min(nodes[name].probes for name in names) > 0


def test_a_node_with_answers_of_neither_version_at_the_end_is_not_said_to_follow() -> None:
    node = followed(FakeNodes({"a": [OLD, ProxyAnswer(502, "", {"server": "proxy"})]}), count(0.0, 0.5))["a"]
    assert node.follows is None
    assert "x-version: none is neither version's" in str(node.problem)


def test_a_lost_answer_at_the_end_takes_nothing_back() -> None:
    node = followed(FakeNodes({"a": [OLD, NOBODY]}), count(0.0, 0.5))["a"]
    assert node.follows is False
    assert "still answers with blue" in str(node.problem)


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        ({"blue": OLD, "green": OLD}, "no header of their answers is the tag or the colour"),
        ({"blue": OLD, "green": NOBODY}, "no pod of green could be asked: no answer in 1 s"),
        ({"blue": NOBODY, "green": NEW}, "no pod of blue could be asked"),
        ({"blue": OLD}, "no pod of green could be asked: it has none"),
    ],
)
def test_why_no_version_can_be_told_is_said(pods: dict[str, Answer], says: str) -> None:
    answer = asyncio.run(ports.node_port(FakeNodes(pods=pods), plan()))  # type: ignore[arg-type]
    assert isinstance(answer, str)
    assert says in answer


def test_a_service_without_a_node_port_is_not_asked() -> None:
    it = plan()
    it.observation.live["spec"]["ports"] = [{"port": 8000}]
    api = FakeNodes()
    assert asyncio.run(ports.node_port(api, it)) == "Service backend has no NodePort"  # type: ignore[arg-type]
    assert api.asked == []


def test_the_header_and_the_path_of_the_settings_are_used() -> None:
    pods: dict[str, Answer] = {
        "blue": ProxyAnswer(404, "", {"x-build": "17"}),
        "green": ProxyAnswer(404, "", {"x-build": "18"}),
    }
    api = FakeNodes(pods=pods)
    port = asyncio.run(ports.node_port(api, plan(header="X-Build", path="/none")))  # type: ignore[arg-type]
    assert not isinstance(port, str), port
    assert (port.number, port.header.name, port.header.new, port.header.old) == (30080, "x-build", "18", "17")
    assert {request.path for _, _, request in api.asked} == {"/none"}
