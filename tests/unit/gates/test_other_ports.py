"""A serving colour gets no other port without its Service, and its Service none without its pods."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.gates import blue_green
from switchyard.kube.objects import PodsChange
from switchyard.kube.serving import NamespaceView
from switchyard.manifests.blue_green import colour_service, deployment
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal, service

BLUE, GREEN = Colour.BLUE, Colour.GREEN


def serving(**more: Any) -> FakeCluster:
    """Blue serves on port 8000."""
    live = {"selected": selector("backend", BLUE), "owned": deployment("backend", BLUE, service())}
    return FakeCluster(**live | more)


def routed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """An Ingress routes to these Services of colours, each with a pod."""
    labels = {colour: selector("backend", colour) for colour in Colour}
    pods = tuple({"metadata": {"name": f"{colour}-0", "labels": labels[colour]}, "spec": {}} for colour in Colour)
    paths = [{"backend": {"service": {"name": name}}} for name in names]
    ingress = {"metadata": {"name": "web"}, "spec": {"rules": [{"http": {"paths": paths}}]}}
    services = tuple(colour_service("backend", colour, service()) for colour in Colour)
    view = NamespaceView(services=services, pods=pods, ingresses=(ingress,))

    async def read(*_: object) -> NamespaceView:
        return view

    monkeypatch.setattr(blue_green, "read_namespace", read)


def test_a_rolling_update_of_what_serves_to_another_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    change = PodsChange(template=True, before=3, after=3)
    served = FakeCluster(selected=selector("backend", BLUE), change=change)
    it = gates_on(monkeypatch, served, allowInPlaceUpdate=True, port=9000)
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert "its new pods would listen on port 9000 in place of 8000" in text
    it = gates_on(monkeypatch, served, allowInPlaceUpdate=True)
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False))


@pytest.mark.parametrize("preview", [True, False])
def test_a_port_of_the_service_alone_is_refused(monkeypatch: pytest.MonkeyPatch, *, preview: bool) -> None:
    """An update of single resources, such as the Service, leaves the pods as they are."""
    it = gates_on(monkeypatch, serving(), port=9000)
    text = refusal(it.gates.before_switch(creating=False, preview=preview))
    assert "backend: a change of the ports of Service backend is refused (SY-S020)" in text
    assert "blue is serving, and its pods do not listen on port 9000, but on 8000" in text
    assert "in the update that makes green active" in text


def test_a_port_that_the_pods_have_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has changed the port of the Service by hand, and the update restores it."""
    new = service(port=9000)
    it = gates_on(monkeypatch, serving(owned=deployment("backend", BLUE, new)), port=9000)
    asyncio.run(it.gates.before_switch(creating=False, preview=False))


def test_a_port_that_changes_together_with_the_pods_is_left_to_their_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, serving(selected=selector("backend", GREEN)), port=9000)
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=True))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_the_service_of_a_colour_with_requests_keeps_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    routed(monkeypatch, "backend-blue")
    it = gates_on(monkeypatch, serving(), port=9000)
    text = refusal(it.gates.before_colour_service(BLUE))
    assert "a change of the ports of Service backend-blue is refused (SY-S020)" in text
    assert "Ingress web sends requests to Service backend-blue" in text
    assert "Route these requests to Service backend first." in text
    asyncio.run(it.gates.before_colour_service(GREEN))


def test_the_remedy_under_weights_is_the_selector_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    routed(monkeypatch, "backend-blue")
    it = gates_on(monkeypatch, serving(), port=9000, switchEngine="albWeights")
    text = refusal(it.gates.before_colour_service(BLUE))
    for engine in ("albTargets", "albWeights"):
        assert f"pulumi config set --path 'switchyard:services.backend.switchEngine' {engine}" in text


def test_the_service_of_a_colour_without_requests_changes_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    routed(monkeypatch)
    it = gates_on(monkeypatch, serving(), port=9000)
    for colour in Colour:
        asyncio.run(it.gates.before_colour_service(colour))
