"""A run that would move the stack ends before anything is registered."""

from typing import Any

import pulumi
import pytest

from components import relocation
from switchyard.kube.access import ClusterAccess
from tests.support.configuration import EXISTING, read
from tests.support.ec2_configuration import PRODUCTION, SERVICES

CREATED = {"cluster": {"identifier": "production", "uid": "uid-1"}, "identity": {"name": "production"}}
FOUND = {"cluster": {"identifier": "production", "uid": "uid-1"}}


@pytest.mark.parametrize(
    ("outputs", "cluster", "kind"),
    [
        (CREATED, EXISTING | {"identifier": "production", "nodes": {}}, "ec2"),
        (FOUND, PRODUCTION, "existing"),
    ],
)
def test_another_kind_of_cluster_is_refused(
    monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any], cluster: dict[str, Any], kind: str
) -> None:
    """Even with the name and the kubeconfig of the same cluster, with which nothing else is refused."""
    monkeypatch.setattr(relocation, "last_outputs", lambda: outputs)
    with pytest.raises(pulumi.RunError, match=r"switchyard:cluster\.kind: .* is refused \(SY-D018\)") as error:
        relocation.refuse_moves(read(SERVICES, cluster), ClusterAccess())
    assert f"pulumi config set --path 'switchyard:cluster.kind' {kind}" in str(error.value)
