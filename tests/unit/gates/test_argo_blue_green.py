"""The gates of strategy argoBlueGreen against a fake cluster."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import ArgoBlueGreenSettings
from switchyard.errors import GateRefusedError
from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.live_rollouts import LiveRollout
from tests.support.configuration import BACKEND


class ClusterWithoutArgo:
    """A cluster on which blue serves, and that does not know Rollouts."""

    async def service_selector(self, *_: str) -> Mapping[str, str]:
        return {"app": "backend", "version": "blue"}

    async def service_targets(self, *_: str) -> dict[str, int | str]:
        return {"http": 8000, "metrics": 9090}

    async def has_argo_rollouts(self, _: str) -> bool:
        return False


@pytest.mark.parametrize("preview", [True, False])
def test_the_service_is_not_changed_for_a_rollout_that_cannot_exist(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    async def connect(_: ClusterAccess) -> Any:
        return ClusterWithoutArgo()

    monkeypatch.setattr(Cluster, "connect", connect)
    further = {"metrics": {"containerPort": 9090, "servicePort": 9100}}  # which is no reason to refuse it
    service = ArgoBlueGreenSettings.model_validate(
        BACKEND | {"strategy": "argoBlueGreen", "tag": "v1.0.0", "ports": further}
    )
    gates = ArgoBlueGreenGates("backend", service, ClusterAccess(), print, live=LiveRollout(), preview=preview)
    with pytest.raises(GateRefusedError, match="the cluster has no Argo Rollouts"):
        asyncio.run(gates.before_switch(creating=False, preview=preview))
