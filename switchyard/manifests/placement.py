"""Server-side-apply patches that give each node its labels and taints."""

from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.config.models.nodes import CONTROL_PLANE, DEDICATED, WORKLOAD, NodeSettings, labels, taints
from switchyard.manifests.labels import APPLY

LiveTaint = Mapping[str, Any]
"""A taint as the API server has it."""

OWN_KEYS = frozenset({CONTROL_PLANE, DEDICATED})
"""Keys of the taints that placement sets and removes. Taints with any other key are foreign, and stay."""

OWN_LABELS = frozenset({CONTROL_PLANE, WORKLOAD})
"""Keys of the labels that placement sets and removes."""


def node_patch(name: str, node: NodeSettings, applied: Iterable[LiveTaint] | None) -> dict[str, Any]:
    """A patch with the labels and taints of a node, and nothing else.

    Args:
        name: the node's name.
        node: row of the node in the node table.
        applied: the whole list of taints; None to leave it out.
    """
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels(node), "annotations": dict(APPLY)},
        "spec": {} if applied is None else {"taints": [dict(taint) for taint in applied]},
    }


def has_configured_taints(node: NodeSettings, live: Iterable[LiveTaint]) -> bool:
    """Whether a node has exactly the taints of the node table among those with the program's keys."""
    return {_identity(taint) for taint in live if taint["key"] in OWN_KEYS} == {
        _identity(taint) for taint in _own_taints(node)
    }


def has_configured_labels(node: NodeSettings, live: Mapping[str, str]) -> bool:
    """Whether a node has exactly the labels of the node table among those with the program's keys."""
    return {key: value for key, value in live.items() if key in OWN_LABELS} == labels(node)


def taints_to_apply(node: NodeSettings, live: Iterable[LiveTaint]) -> list[LiveTaint]:
    """The whole list of taints for a node: those of the node table, and all foreign taints.

    The API server has one owner for the whole list, so that an apply of the first alone would remove taints that a
    person set for a maintenance, or the node controller because the node is not ready.
    """
    return [*_own_taints(node), *foreign_taints(live)]


def foreign_taints(live: Iterable[LiveTaint]) -> list[LiveTaint]:
    """The foreign taints, set by a person, by the node controller or by a cloud."""
    return [taint for taint in live if taint["key"] not in OWN_KEYS]


def lost_taints(live: Iterable[LiveTaint], applied: Iterable[LiveTaint]) -> list[str]:
    """The foreign taints that an apply of a list would remove, as kubectl writes them."""
    kept = {_identity(taint) for taint in applied}
    return [written(taint) for taint in foreign_taints(live) if _identity(taint) not in kept]


def written(taint: LiveTaint) -> str:
    """A taint as kubectl writes it, for example ``dedicated=redis:NoSchedule``."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _own_taints(node: NodeSettings) -> list[dict[str, Any]]:
    return [taint.model_dump(by_alias=True, exclude_none=True) for taint in taints(node)]


def _identity(taint: LiveTaint) -> tuple[str, str, str]:
    return taint["key"], taint.get("value", ""), taint["effect"]
