"""The table of the kinds of cluster, which somebody who adds one could fill by half."""

from typing import get_args

from switchyard.config.loader import KINDS


def test_each_kind_of_cluster_has_its_own_model() -> None:
    assert {kind: get_args(model.model_fields["kind"].annotation) for kind, model in KINDS.items()} == {
        kind: (kind,) for kind in KINDS
    }
    assert len(set(KINDS.values())) == len(KINDS)
