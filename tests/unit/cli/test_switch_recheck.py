"""`switchyard status` asks the nodes again where a switch was in doubt, and nobody where none was."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from switchyard.cli.release_text import doubt_line
from switchyard.cli.service_status import ServiceStatus
from switchyard.cli.switch_recheck import recheck_doubtful_switches
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.service import Colour, Track
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.phases import Result
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.balancer_answer import BalancerAnswer
from switchyard.release.receipt.receipt import ALL_NODES, NodeAnswer, Receipt
from switchyard.release.record.latest import LatestRelease
from tests.support.observed import NAME, observed, settings
from tests.support.release_records import record

CLUSTER = ExistingCluster(kind="existing")
THEN = "backend: 1 of 2 nodes do not follow the switch to green (SY-P140). Restart kube-proxy."
IN_DOUBT = record(kind="switch", result=Result.SUCCEEDED, receipt={"started": "2030-01-31T12:00:00Z", "doubt": THEN})
FOLLOWS = Receipt("", endpoints_after=0.1, ready_endpoints=3, nodes=(NodeAnswer("node-1", True, answered_after=0.2),))


def status(release: LatestRelease | None) -> ServiceStatus:
    tracks = (Track.GREEN, Track.GREEN)
    return ServiceStatus(NAME, "default", SwitchEngine.SELECTOR, *tracks, {}, 30080, False, release=release)


def asked(
    monkeypatch: pytest.MonkeyPatch, release: LatestRelease | None, answer: Receipt | Exception
) -> tuple[LatestRelease | None, list[Colour]]:
    """The release after the nodes were asked again, and the colours that they were asked about."""
    targets: list[Colour] = []

    async def connect(_: ClusterAccess) -> None:
        pass

    async def observe(*_: object) -> Observation:
        if isinstance(answer, GateRefusedError):
            raise answer
        return observed(Colour.GREEN)

    async def recheck_following(_: object, plan: Plan) -> Receipt:
        targets.append(plan.target)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Cluster, "connect", connect)
    monkeypatch.setattr("switchyard.cli.release_cluster.observe_service", observe)
    monkeypatch.setattr("switchyard.release.switch.following.recheck_following", recheck_following)
    services: Any = {"backend": settings("green")}
    [after] = asyncio.run(recheck_doubtful_switches(ClusterAccess(), "test", services, [status(release)], CLUSTER))
    return after.release, targets


@pytest.mark.parametrize(
    "nodes",
    [
        FOLLOWS.nodes,
        (NodeAnswer("node-1", True, "its kube-proxy reports that it follows"),),  # no NodePort can be asked here
    ],
)
def test_a_doubt_ends_once_every_node_follows(monkeypatch: pytest.MonkeyPatch, nodes: tuple[NodeAnswer, ...]) -> None:
    release, targets = asked(monkeypatch, LatestRelease(IN_DOUBT), replace(FOLLOWS, nodes=nodes))
    assert release is not None
    assert (release.doubt, doubt_line("backend", release), release.to_json()["doubt"]) == (None, None, None)
    assert targets == [Colour.GREEN]


def test_a_node_that_does_not_follow_now_is_named_with_the_time_of_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = replace(FOLLOWS, nodes=(*FOLLOWS.nodes, NodeAnswer("node-7", False, "its NodePort answers with blue")))
    release, _ = asked(monkeypatch, LatestRelease(IN_DOUBT), behind)
    assert release is not None
    line = doubt_line("backend", release) or ""
    assert line.startswith("backend: its switch at 2030-01-31T12:00:00Z is in doubt: 1 of 2 nodes do not follow")
    assert "node-7" in line


@pytest.mark.parametrize(
    "answer",
    [
        replace(FOLLOWS, nodes=(NodeAnswer(ALL_NODES, None, "not seen: may not get nodes/proxy"),)),
        replace(FOLLOWS, balancer=BalancerAnswer("backend-green", None, "AWS does not answer")),
        UnreachableError("no answer"),
        GateRefusedError("of another stack"),
    ],
)
def test_what_cannot_be_seen_now_leaves_the_doubt(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    release, _ = asked(monkeypatch, LatestRelease(IN_DOUBT), answer)
    assert release is not None
    assert release.doubt == THEN


@pytest.mark.parametrize("release", [None, LatestRelease(record(kind="switch", result=Result.SUCCEEDED))])
def test_without_a_doubt_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, release: LatestRelease | None) -> None:
    assert asked(monkeypatch, release, UnreachableError("was asked")) == (release, [])
