"""Pods of the old colour are replaced one at a time after a switch, and all at once after a rollback."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.kube.cluster import Cluster
from switchyard.release.drain import renewal
from switchyard.release.drain.drain import drain
from tests.support.fake_drain import PODS, FakeCluster

ROLLED_BACK = partial(drain, rolled_back=True)


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


def test_a_renewal_replaces_every_pod_and_waits_until_the_old_are_gone(cluster: FakeCluster) -> None:
    report = cluster.run(drain)
    [patch] = cluster.patches
    assert list(patch["spec"]["template"]["metadata"]["annotations"]) == ["switchyard/renewed-at"]
    assert (report.method, report.pods, report.reached) == (DrainMethod.RENEW, 3, PODS)
    assert (report.failed, report.connections_left, report.problem) == ((), 0, None)
    assert report.summary.startswith("3 of 3 pods of blue were replaced; no connection is left after ")


@pytest.mark.parametrize("act", [drain, ROLLED_BACK])
def test_an_evicted_pod_which_nothing_replaces_is_not_waited_for(
    cluster: FakeCluster, act: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_renewal_seconds", lambda _: 5.0)
    monkeypatch.setattr(renewal, "NODE_SECONDS", 1.0)
    cluster.evicted = ("backend-blue-evicted",)
    report = cluster.run(act)
    assert (report.pods, report.reached, report.failed, report.problem) == (3, PODS, (), None)
    assert "backend-blue-evicted" not in [pod for pod, _ in cluster.deleted]


def test_a_renewal_that_stalls_says_so_and_that_the_old_colour_is_complete(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_renewal_seconds", lambda _: 0.05)
    cluster.renews = False
    report = cluster.run(drain)
    assert (report.reached, report.failed, report.connections_left) == ((), PODS, None)
    assert "3 of 3 pods were not replaced" in str(report.problem)
    assert "blue is still complete. See: kubectl -n shop rollout status deployment backend-blue" in str(report.problem)


@pytest.mark.parametrize(("settings", "grace"), [({}, "2"), ({"rollbackSeconds": 7}, "7")])
def test_all_pods_of_a_version_that_was_rolled_back_are_deleted_with_a_short_grace_period(
    cluster: FakeCluster, settings: dict[str, Any], grace: str
) -> None:
    report = cluster.run(ROLLED_BACK, **settings)
    assert sorted(cluster.deleted) == [(pod, grace) for pod in PODS]
    assert (report.reached, report.connections_left, report.problem) == (PODS, 0, None)
    assert cluster.patches == []


def test_a_pod_that_has_ended_meanwhile_is_no_problem(cluster: FakeCluster) -> None:
    async def delete_first(cluster_: Cluster, namespace: str, pod: str, grace: int) -> None:
        cluster.pods = [name for name in cluster.pods if name != pod]
        await original(cluster_, namespace, pod, grace)

    original = renewal._delete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renewal, "_delete", delete_first)
        report = cluster.run(ROLLED_BACK)
    assert len(cluster.deleted) == 3
    assert (report.reached, report.problem) == (PODS, None)


def test_pods_of_a_version_that_was_rolled_back_are_renewed_where_that_is_configured(cluster: FakeCluster) -> None:
    report = cluster.run(ROLLED_BACK, rollbackSeconds=None)
    assert (len(cluster.patches), cluster.deleted, report.reached) == (1, [], PODS)


def test_pods_are_renewed_where_the_user_may_not_delete_them(cluster: FakeCluster) -> None:
    cluster.may_delete = False
    report = cluster.run(ROLLED_BACK)
    assert (len(cluster.patches), cluster.deleted, report.problem) == (1, [], None)
    assert "The renewal of 3 pods of blue has begun" in report.summary


def test_pods_that_do_not_end_after_a_rollback_are_named(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "KILL_SECONDS", -3)
    monkeypatch.setattr(renewal, "NODE_SECONDS", 1.05)
    cluster.renews = False
    report = cluster.run(ROLLED_BACK)
    assert (report.failed, report.connections_left) == (PODS, None)
    assert "3 of 3 pods were not replaced" in str(report.problem)


def test_no_pod_is_deleted_that_serves(cluster: FakeCluster) -> None:
    cluster.selected = "blue"
    report = cluster.run(ROLLED_BACK)
    assert (cluster.deleted, cluster.patches) == ([], [])
    assert "blue serves and its pods keep their connections" in str(report.problem)


def test_a_drain_of_no_time_has_begun_when_it_returns(cluster: FakeCluster) -> None:
    report = cluster.run(drain, Colour.BLUE, 0.0)
    assert len(cluster.patches) == 1
    assert (report.problem, report.connections_left) == (None, None)
