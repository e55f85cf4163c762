"""Ends an update of single resources that would switch a service."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.failures import end_if_refused
from components.relocation import last_outputs
from components.services.base import BLUE_GREEN_TYPE
from switchyard.config.kubernetes import APPS
from switchyard.config.loader import StackSettings
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.gates.rules.relocation import SERVICES_OUTPUT
from switchyard.gates.rules.single_resources import refuse_partial_switch
from switchyard.operation import Selection, is_update, selection


def refuse_partial_switches(settings: StackSettings) -> None:
    """Ends an update that is limited to single resources and would switch a service by a part of its objects.

    Raises:
        pulumi.RunError: the update would switch a service.
    """
    limited = selection()
    if limited is None or limited.dependents or not is_update():
        return
    before = last_outputs()
    end_if_refused(
        refuse_partial_switch(key, _active(before, key), service.active)
        for key, service in settings.services.items()
        if isinstance(service, BlueGreenSettings) and not _covers(limited, key)
    )


def _active(outputs: Mapping[str, Any], key: str) -> str:
    """The colour that served after the last update; empty if its outputs do not have it."""
    services = outputs.get(SERVICES_OUTPUT)
    entry = services.get(key) if isinstance(services, Mapping) else None
    return str(entry.get("active") or "") if isinstance(entry, Mapping) else ""


def _covers(limited: Selection, key: str) -> bool:
    """Whether an update includes the Service and both Deployments of a service, whose order a switch reverses."""
    of_service = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{BLUE_GREEN_TYPE}$kubernetes:"
    names = [f"core/v1:Service::{key}", *(f"{APPS}:Deployment::{key}-{colour}" for colour in Colour)]
    return all(limited.covers(of_service + name) for name in names)
