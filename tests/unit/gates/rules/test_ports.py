"""A Service and the pods behind it change their ports at once, or not at all."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, CanarySettings, Colour, Track
from switchyard.gates.rules.ports import refuse_other_port, refuse_other_port_in_place
from switchyard.gates.rules.reports import changed_ports
from switchyard.kube.objects import application, ports_of, targets_of
from switchyard.manifests.blue_green import deployment
from switchyard.manifests.labels import selector
from switchyard.manifests.pods import active_service
from tests.support.configuration import BACKEND

FURTHER: dict[str, Any] = {
    "metrics": {"containerPort": 9090, "servicePort": 9100},
    "inside": {"containerPort": 9200},
    "dns": {"containerPort": 8053, "servicePort": 53, "protocol": "UDP"},
}


def canary(port: int = 8000, **ports: Any) -> CanarySettings:
    return CanarySettings.model_validate(
        BACKEND | {"strategy": "canary", "tag": "v1.0.0", "port": port, "ports": FURTHER | ports}
    )


def colours(port: int = 8000, **ports: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(BACKEND | {"port": port, "ports": FURTHER | ports})


def on_the_cluster() -> dict[str, int | str]:
    return targets_of(active_service("backend", canary()))


@pytest.mark.parametrize("targets", [{}, on_the_cluster(), {"http": 8000}, {"": 80, "somebodys": 15000}])
def test_a_serving_rollout_may_keep_its_ports_and_get_further_ones(targets: dict[str, int | str]) -> None:
    assert refuse_other_port("backend", canary(), targets) is None
    assert refuse_other_port("backend", canary(inside={"containerPort": 9201}), targets) is None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (canary(9000), "a change of its port to 9000 is refused (SY-R018): Service backend targets port 8000 of"),
        (
            canary(metrics={"containerPort": 9091, "servicePort": 9100}),
            "a change of its port metrics to 9091 is refused (SY-R018): Service backend targets port 9090 of",
        ),
        (
            canary(9000, dns={"containerPort": 53, "servicePort": 53, "protocol": "UDP"}),
            "a change of its port to 9000, port dns to 53 is refused (SY-R018): "
            "Service backend targets port 8000, 8053 of",
        ),
    ],
)
def test_a_serving_rollout_keeps_every_port_that_the_service_targets(settings: CanarySettings, text: str) -> None:
    assert text in str(refuse_other_port("backend", settings, on_the_cluster()))


def test_an_update_in_place_to_another_port_is_refused_although_updates_in_place_are_allowed() -> None:
    selected, targets = selector("backend", Track.BLUE), on_the_cluster()
    for settings, port in (
        (colours(9000), "9000 in place of 8000"),
        (colours(metrics={"containerPort": 1, "servicePort": 2}), "1 in place of 9090"),
    ):
        text = str(refuse_other_port_in_place("backend", settings, Colour.BLUE, selected, targets))
        assert f"blue is serving, and its new pods would listen on port {port}; a rolling update" in text
        assert "in the same update that makes green active" in text


@pytest.mark.parametrize(
    ("live", "text"),
    [
        ({}, None),
        ({"http": "http", "metrics": "metrics"}, None),
        ({"somebodys": 1}, None),
        ({"metrics": 9091}, "targets port 9091 of its pods, which listen on 9090 (SY-S010). It was changed by hand."),
        ({"metrics": None, "http": "https"}, "targets port https of its pods, which listen on 8000, has no port 9100"),
    ],
)
def test_ports_that_somebody_has_changed_are_named_at_the_end(
    live: dict[str, int | str | None], text: str | None
) -> None:
    targets = {name: port for name, port in (on_the_cluster() | live).items() if port is not None}
    report = changed_ports("backend", colours(), targets)
    assert report is None if text is None else text in str(report)


@pytest.mark.parametrize(
    ("settings", "selected"),
    [
        (colours(), selector("backend", Track.BLUE)),
        (colours(9000), selector("backend", Track.GREEN)),
        (colours(9000), None),
    ],
)
def test_pods_that_do_not_serve_or_keep_their_ports_may_change(
    settings: BlueGreenSettings, selected: dict[str, str] | None
) -> None:
    assert refuse_other_port_in_place("backend", settings, Colour.BLUE, selected, on_the_cluster()) is None


def test_a_port_of_a_sidecar_is_none_of_the_application() -> None:
    proxy = {"name": "proxy", "image": "a/b:v1", "native": False, "ports": {"http": {"containerPort": 15000}}}
    service = BlueGreenSettings.model_validate(BACKEND | {"sidecars": [proxy], "ports": FURTHER})
    pods = deployment("backend", Colour.BLUE, service)["spec"]["template"]["spec"]
    assert ports_of(application(pods)) == {("http", 8000), ("metrics", 9090), ("inside", 9200), ("dns", 8053)}
