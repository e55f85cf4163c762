"""What the tests of the services' components share."""

from typing import Any

import pytest

from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.gates.rollout import RolloutGates
from switchyard.gates.rules.reports import ServingReport
from switchyard.gates.service import Gates
from switchyard.kube.rollout import RolloutState, state_of


@pytest.fixture
def healthy_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blue serves as configured, and a Rollout is healthy: no gate asks a cluster."""

    async def as_configured(_: Gates[Any]) -> ServingReport:
        return ServingReport("blue")

    async def healthy(_: Gates[Any]) -> RolloutState:
        return state_of({"metadata": {"generation": 1}, "spec": {"strategy": {}}, "status": {"phase": "Healthy"}})

    for gates in (Gates, ArgoBlueGreenGates):
        monkeypatch.setattr(gates, "inspect", as_configured)
    for followed in (RolloutGates, ArgoBlueGreenGates):
        monkeypatch.setattr(followed, "follow", healthy)
