"""Nodes keep the label by which the load balancer finds them."""

from typing import Any

import pytest

from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings
from switchyard.gates.rules.target_nodes import refuse_lost_targets
from tests.support.weighted_balancer import written


def nodes(**workloads: str | None) -> dict[str, NodeSettings]:
    """The node table with another workload for some nodes, whose names have `_` for `-`."""
    changed = {name.replace("_", "-"): workload for name, workload in workloads.items()}
    return {
        name: node.model_copy(update={"workload": changed.get(name, node.workload)})
        for name, node in DEFAULT_NODES.items()
    }


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        (nodes(), False),
        (nodes(k8s_worker_1="web"), False),
        (nodes(k8s_worker_1="web", k8s_worker_2="web"), True),
        (nodes(k8s_worker_1=None, k8s_worker_2=None), True),
        ({}, True),
    ],
)
def test_the_label_of_all_targets_is_not_changed(table: dict[str, NodeSettings], *, refused: bool) -> None:
    refusal = refuse_lost_targets("backend", [written("selector")], table)
    assert (refusal is not None) is refused
    if refused:
        assert "sends its requests to nodes with workload=application, and no node of switchyard:cluster.nodes" in str(
            refusal
        )


def test_only_the_ingresses_of_the_service_count() -> None:
    table = nodes(k8s_worker_1="web", k8s_worker_2="web")
    without: dict[str, Any] = written("selector")
    without["metadata"]["annotations"] = {}
    assert refuse_lost_targets("other", [written("selector")], table) is None
    assert refuse_lost_targets("backend", [without], table) is None
    assert refuse_lost_targets("backend", [], table) is None
