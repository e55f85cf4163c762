"""Pods condemn a version by restarts and lost readiness, and not by what belongs to any release."""

from typing import Any

import pytest

from switchyard.config.models.watch import Watch
from switchyard.release.watch.pod_health import PodHealth, WatchedPod, watched_pods

WATCH = Watch(max_restarts=1, unready_seconds=10)


def pod(name: str, *, ready: bool = True, restarts: int = 0, reason: str = "", ending: bool = False) -> WatchedPod:
    return WatchedPod(name, name, ready, ending, restarts, reason)


def after(*observations: list[WatchedPod], every: float = 1.0) -> PodHealth:
    health = PodHealth(WATCH)
    for number, pods in enumerate(observations):
        health.add(pods, number * every, first=not number)
    return health


def test_restarts_from_before_the_watch_do_not_count() -> None:
    health = after([pod("a", restarts=7)], [pod("a", restarts=7)])
    assert (health.restarts, health.problem) == (0, None)


def test_more_restarts_than_tolerated_condemn_with_the_last_reason() -> None:
    assert after([pod("a")], [pod("a", restarts=1, reason="Error")]).problem is None
    problem = after([pod("a"), pod("b")], [pod("a", restarts=1, reason="Error"), pod("b", restarts=1)]).problem
    assert problem is not None
    assert "2 restarts of containers since the watch began" in problem
    assert "1 are tolerated" in problem


def test_restarts_of_a_pod_that_is_gone_still_count() -> None:
    health = after([pod("a"), pod("b")], [pod("a", restarts=1), pod("b")], [pod("b", restarts=1)])
    assert health.restarts == 2
    assert health.problem is not None


def test_one_restart_because_of_the_memory_limit_condemns() -> None:
    health = after([pod("a")], [pod("a", restarts=1, reason="OOMKilled")])
    assert health.problem == "pod a has reached its memory limit (OOMKilled) and was restarted"
    assert after([pod("a", restarts=1, reason="OOMKilled")], [pod("a", restarts=1, reason="OOMKilled")]).problem is None


def test_lost_readiness_of_most_pods_condemns_after_its_time() -> None:
    good, bad = [pod("a"), pod("b"), pod("c")], [pod("a"), pod("b", ready=False), pod("c", ready=False)]
    assert after(good, *[bad] * 10).problem is None
    assert after(good, *[bad] * 11).problem == "1 of 3 pods are ready for 10 s"
    assert after(good, *[bad] * 9, good, *[bad] * 9).problem is None


def test_one_pod_that_is_not_ready_does_not_condemn_and_does_not_pass() -> None:
    health = after([pod("a"), pod("b")], *[[pod("a"), pod("b", ready=False)]] * 60)
    assert health.problem is None
    assert health.unready == "1 of 2 pods are ready"


def test_pods_that_an_autoscaler_adds_are_not_ready_at_first_and_no_fault() -> None:
    health = after([pod("a")], *[[pod("a"), pod("b", ready=False), pod("c", ready=False)]] * 60)
    assert (health.problem, health.unready) == (None, "")


def test_pods_that_are_being_deleted_need_not_be_ready() -> None:
    health = after([pod("a"), pod("b")], *[[pod("a"), pod("b", ready=False, ending=True)]] * 60)
    assert (health.problem, health.unready) == (None, "")


def test_a_pod_that_was_evicted_and_replaced_neither_condemns_nor_keeps_a_version_from_passing() -> None:
    def read(name: str, phase: str, ready: str) -> dict[str, Any]:
        conditions = [{"type": "Ready", "status": ready}]
        return {"metadata": {"uid": name, "name": name}, "status": {"phase": phase, "conditions": conditions}}

    before = watched_pods([read("a", "Running", "True"), read("b", "Running", "True")])
    evicted, other = read("b", "Failed", "False"), read("c", "Running", "True")
    health = after(before, *[watched_pods([read("a", "Running", "True"), evicted, other])] * 60)
    assert (health.problem, health.unready) == (None, "")
    health = after(before, *[watched_pods([evicted, read("a", "Failed", "False")])] * 60)
    assert health.problem == "0 of 0 pods are ready for 59 s"


def test_no_pod_at_all_condemns_after_its_time() -> None:
    assert after([pod("a")], *[[]] * 11).problem == "0 of 0 pods are ready for 10 s"


def test_a_pod_of_the_api_is_read_with_its_restarts_and_its_last_reason() -> None:
    status: dict[str, Any] = {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {"restartCount": 2, "state": {"running": {}}, "lastState": {"terminated": {"reason": "OOMKilled"}}},
            {"restartCount": 1, "state": {"running": {}}, "lastState": {}},
        ],
    }
    [read] = watched_pods([{"metadata": {"uid": "1", "name": "a", "deletionTimestamp": "x"}, "status": status}])
    assert read == WatchedPod("1", "a", ready=True, ending=True, restarts=3, reason="OOMKilled", reachable=True)


def ended(reason: str, at: str, restarts: int) -> dict[str, Any]:
    """A container that runs, and has ended before."""
    terminated = {"reason": reason, "finishedAt": f"2030-01-31T12:00:{at}Z"}
    return {"restartCount": restarts, "state": {"running": {}}, "lastState": {"terminated": terminated}}


@pytest.mark.parametrize(("oom", "crash", "reason"), [("05", "30", "Error"), ("30", "05", "OOMKilled")])
def test_a_restart_has_the_reason_of_the_last_end_and_not_one_of_another_container_before(
    oom: str, crash: str, reason: str
) -> None:
    containers = [ended("OOMKilled", oom, 1), ended("Error", crash, 1)]
    [read] = watched_pods([{"metadata": {"uid": "1", "name": "a"}, "status": {"containerStatuses": containers}}])
    assert read.reason == reason


@pytest.mark.parametrize("status", [{}, {"phase": "Pending"}, {"phase": "Running"}, {"phase": "Failed", "podIP": "1"}])
def test_a_pod_without_an_address_is_not_asked(status: dict[str, Any]) -> None:
    [read] = watched_pods([{"metadata": {"uid": "1", "name": "a"}, "status": status}])
    assert not read.reachable
