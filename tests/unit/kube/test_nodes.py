"""Decisions from one read of the nodes: a wrong table is refused, a lost node is not, and no taint is lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.commands import clear_map
from switchyard.config.models.nodes import CONTROL_PLANE, DEFAULT_NODES
from switchyard.kube.nodes import LiveNode, live_node, lost_nodes, stale_nodes, unknown_nodes, wrong_by_now
from switchyard.manifests.ownership_marks import Mark

FRESH, PLACED = LiveNode(), LiveNode(placed=True)
MAINTENANCE = {"key": "maintenance", "value": "disk", "effect": "NoExecute"}
DEDICATED = {"key": "dedicated", "value": "redis", "effect": "NoSchedule"}


def node(fields: dict[str, Any], manager: str = "switchyard") -> dict[str, Any]:
    return {
        "metadata": {
            "managedFields": [{"manager": "kubelet"} | {"fieldsV1": {}}, {"manager": manager, "fieldsV1": fields}]
        },
        "spec": {"taints": [DEDICATED]},
    }


def test_a_table_of_another_cluster_is_refused_with_all_its_nodes_and_those_that_there_are() -> None:
    problem = unknown_nodes(["a", "b"], {"kind-worker": PLACED, "kind-control-plane": FRESH})
    assert str(problem) == (
        "switchyard:cluster.nodes: a, b: no such nodes on the cluster; it has kind-control-plane, kind-worker. "
        f"Correct switchyard:cluster.nodes, or do not manage nodes: {clear_map('switchyard:cluster.nodes')}"
    )


def test_one_misspelt_node_is_refused_before_the_table_is_first_used() -> None:
    problem = unknown_nodes(["worker", "wroker"], {"worker": FRESH})
    assert problem is not None
    assert problem.value == "wroker"


def test_a_table_is_right_when_all_its_nodes_are_there() -> None:
    live = {"worker": FRESH, "somebody-elses": FRESH}
    assert unknown_nodes(["worker"], live) is None
    assert lost_nodes(["worker"], live) is None


def test_a_missing_node_beside_managed_ones_is_reported_as_lost_and_blocks_nothing() -> None:
    table, live = ["worker", "redis", "postgresql"], {"worker": PLACED}
    assert unknown_nodes(table, live) is None
    warning = lost_nodes(table, live)
    assert warning is not None
    assert warning.startswith("switchyard:cluster.nodes: redis, postgresql: not on the cluster, left out (SY-K015).")


def test_a_node_that_another_stack_placed_otherwise_does_not_prove_that_the_table_is_right() -> None:
    table, live = ["worker", "redis"], {"worker": PLACED}
    problem = unknown_nodes(table, live, foreign={"worker"})
    assert problem is not None
    assert problem.value == "redis"


def test_a_node_says_which_stack_has_placed_it_and_with_which_labels() -> None:
    mark, labels = Mark("shop", "production", "1"), {"workload": "payments", "team": "shop"}
    live = live_node({"metadata": {"labels": labels, "annotations": mark.annotations}, "spec": {}})
    assert (live.owner, live.labels) == (mark, labels)


@pytest.mark.parametrize(
    ("labels", "taints", "placed"),
    [
        ({"workload": "redis", "team": "shop"}, (DEDICATED, MAINTENANCE), True),
        ({"workload": "payments"}, (DEDICATED,), False),
        ({}, (DEDICATED,), False),
        ({"workload": "redis", CONTROL_PLANE: ""}, (DEDICATED,), False),
        ({"workload": "redis"}, (MAINTENANCE,), False),
        ({"workload": "redis"}, (DEDICATED | {"value": "payments"},), False),
    ],
)
def test_a_node_is_placed_as_a_row_has_it_whatever_labels_and_taints_others_have_set(
    labels: dict[str, str], taints: tuple[dict[str, str], ...], placed: bool
) -> None:
    assert LiveNode(taints, labels=labels).is_placed_as(DEFAULT_NODES["k8s-redis"]) is placed


def test_a_node_is_managed_once_this_program_has_applied_anything_to_it() -> None:
    assert live_node(node({"f:metadata": {}})) == LiveNode((DEDICATED,), placed=True, owns_taints=False)
    assert live_node(node({"f:spec": {"f:taints": {}}})) == LiveNode((DEDICATED,), placed=True, owns_taints=True)
    assert live_node(node({"f:spec": {"f:taints": {}}}, "kubectl")) == LiveNode((DEDICATED,))
    assert live_node({"metadata": {}, "spec": {}}) == LiveNode()


def test_a_node_says_when_it_registered() -> None:
    live = live_node({"metadata": {"creationTimestamp": "2026-01-31T12:00:00Z"}, "spec": {}})
    assert live.created == datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_a_patch_that_would_remove_a_new_taint_is_not_sent() -> None:
    reason = wrong_by_now([DEDICATED, MAINTENANCE], [DEDICATED], live_wins=False)
    assert reason == (
        "its patch would remove maintenance=disk:NoExecute, added while the update ran. Run `pulumi up` again."
    )


def test_a_patch_that_keeps_the_taints_of_others_is_sent() -> None:
    added = MAINTENANCE | {"timeAdded": "2026-11-24T00:00:00Z"}
    assert wrong_by_now([added, DEDICATED | {"value": "other"}], [DEDICATED, MAINTENANCE], live_wins=False) is None


def test_a_patch_for_the_labels_is_sent_whatever_taints_there_are() -> None:
    assert wrong_by_now([MAINTENANCE], [DEDICATED], live_wins=True) is None
    assert wrong_by_now([], [], live_wins=True) is None


def test_a_taint_that_only_the_state_has_is_not_restored() -> None:
    reason = wrong_by_now([], [MAINTENANCE], live_wins=True)
    assert reason == (
        "its patch would restore maintenance=disk:NoExecute, which the stack remembers. Run `pulumi up --refresh`."
    )


def test_a_node_that_is_registered_as_the_machine_before_is_reported() -> None:
    live = {
        "k8s-redis": LiveNode(provider_id="aws:///ap-northeast-2c/i-1"),
        "k8s-worker-1": LiveNode(provider_id="aws:///ap-northeast-2b/i-2"),
        "k8s-worker-2": LiveNode(),
    }
    [line] = stale_nodes(live, {"k8s-redis": "i-9", "k8s-worker-1": "i-2", "k8s-worker-2": "i-3"})
    assert line.startswith(
        "switchyard:cluster.nodes.k8s-redis: is registered as i-1, and its machine is i-9 (SY-K016). "
    )
