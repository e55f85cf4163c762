"""A serving colour gets no other port by a rolling update, which its Service would follow too late."""

import asyncio

import pytest

from switchyard.config.models.service import Colour
from switchyard.kube.objects import PodsChange
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal


def test_a_rolling_update_of_what_serves_to_another_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    change = PodsChange(template=True, before=3, after=3)
    served = FakeCluster(selected=selector("backend", Colour.BLUE), change=change)
    it = gates_on(monkeypatch, served, allowInPlaceUpdate=True, port=9000)
    text = refusal(it.gates.before_pods_change(Colour.BLUE, {}, preview=False))
    assert "its new pods would listen on port 9000 in place of 8000" in text
    it = gates_on(monkeypatch, served, allowInPlaceUpdate=True)
    asyncio.run(it.gates.before_pods_change(Colour.BLUE, {}, preview=False))
