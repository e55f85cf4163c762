"""A run that would move the stack ends before anything is registered."""

import asyncio
from datetime import timedelta
from typing import Any

import pulumi
import pytest

from components import relocation
from switchyard.errors import AccessDeniedError
from switchyard.gates.rules.relocation import StackLocation
from switchyard.kube.access import ClusterAccess
from tests.support.configuration import EXISTING, read
from tests.support.ec2_configuration import PRODUCTION, SERVICES
from tests.support.fake_record import Record
from tests.support.release_records import START

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


HELD = {"holderIdentity": "ada@laptop/7/1f0c", "leaseDurationSeconds": 15, "renewTime": START.isoformat()}
EXPIRED = HELD | {"renewTime": (START - timedelta(seconds=17)).isoformat()}


@pytest.mark.parametrize(
    ("lease", "refused"),
    [
        (HELD, True),
        (EXPIRED, False),
        (HELD | {"holderIdentity": ""}, False),
        (None, False),
        (AccessDeniedError("get", "leases", 403, ""), False),
    ],
)
def test_a_service_is_not_removed_while_a_command_releases_it(
    lease: dict[str, Any] | Exception | None, *, refused: bool
) -> None:
    settings = read({"backend": {"remove": True, "namespace": "shop"}}, EXISTING)
    api: Any = Record(lease={"spec": lease} if isinstance(lease, dict) else lease)
    last = StackLocation("test", "uid-1", {"backend": "shop"})
    texts = [str(refusal) for refusal in asyncio.run(relocation._moved(settings, api, last)) if refusal is not None]
    assert len(texts) == refused
    for text in texts:
        assert (
            "backend: its removal from namespace shop is refused (SY-P001): ada@laptop (process 7) is running" in text
        )
        assert "kubectl -n shop get lease backend-release -o yaml" in text
