"""Observations of a service in two colours, as a command of a release reads them, for tests."""

from typing import Any

from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.config.models.service_name import ServiceName
from switchyard.manifests.labels import selector
from switchyard.release.plan import ColourState, Observation

NAME = ServiceName("backend", "backend")
BLUE = ColourState(Colour.BLUE, "v1", 3, 3)
GREEN = ColourState(Colour.GREEN, "v2", 3, 3)


def settings(active: str = "blue", **more: object) -> BlueGreenSettings:
    """Settings with three pods in both colours."""
    colours = {"blue": {"tag": "v1", "replicas": 3}, "green": {"tag": "v2", "replicas": 3}}
    return BlueGreenSettings.model_validate({"image": "org/backend", "active": active, **colours, **more})


def live(colour: Colour) -> dict[str, Any]:
    """The Service, which selects a colour."""
    metadata = {"name": "backend", "namespace": "default", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"selector": selector("backend", colour)}}


def observed(
    serving: Colour = Colour.BLUE,
    blue: ColourState = BLUE,
    green: ColourState = GREEN,
    active: Colour | None = None,
    **more: object,
) -> Observation:
    """The service; the configuration has what serves unless `active` says otherwise."""
    colours = {Colour.BLUE: blue, Colour.GREEN: green}
    return Observation(NAME, settings((active or serving).value, **more), live(serving), serving, colours)
