"""Registers one service with the component of its strategy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from switchyard.config.models.releases import Releases
from switchyard.config.models.service import (
    ArgoBlueGreenSettings,
    BlueGreenSettings,
    CanarySettings,
    RolloutSettings,
    ServiceSettings,
)
from switchyard.gates.rules.relocation import NAME_OUTPUT
from switchyard.gates.rules.sizes import AUTOSCALED_OUTPUT

if TYPE_CHECKING:
    from components.platform import ClusterPlatform
    from components.services.rollout import RolloutService


@dataclass(frozen=True)
class RegisteredService:
    """One service of the stack.

    Attributes:
        component: the component resource that everything of the service is a child of.
        outputs: outputs of the stack for this service.
    """

    component: pulumi.ComponentResource
    outputs: dict[str, Any]


def register_service(
    key: str, service: ServiceSettings, platform: "ClusterPlatform", releases: Releases
) -> RegisteredService:
    """Registers one service.

    Args:
        key: the key of the service.
        service: settings of the service.
        platform: the cluster that the service runs on.
        releases: settings for the releases of all services.
    """
    location = {"namespace": service.namespace} | ({} if service.name is None else {NAME_OUTPUT: service.name})
    if isinstance(service, BlueGreenSettings):
        registered = _blue_green(key, service, platform, releases)
    elif isinstance(service, RolloutSettings):
        registered = _rollout(key, service, platform)
    else:
        raise TypeError(f"no component for {type(service).__name__}")
    sized = {} if service.autoscaling is None else {AUTOSCALED_OUTPUT: True}
    return RegisteredService(registered.component, location | sized | registered.outputs)


# Each strategy is imported where a service has it: the gates and renderers of the others take time to import.


def _blue_green(
    key: str, service: BlueGreenSettings, platform: "ClusterPlatform", releases: Releases
) -> RegisteredService:
    from components.services.blue_green import BlueGreenService  # noqa: PLC0415

    component = BlueGreenService(
        key,
        service=service,
        access=platform.access,
        routing=platform.routing(key),
        observed=platform.observed(key),
        freezes=releases.freeze,
        opts=platform.opts,
    )
    return RegisteredService(
        component, {"active": component.active, "colours": component.colours, "urls": component.urls}
    )


def _rollout(key: str, service: RolloutSettings, platform: "ClusterPlatform") -> RegisteredService:
    component = _rollout_component(key, service, platform)
    # At least so many pods under `autoscaling`; None where others decide on the number.
    replicas = service.replicas_of(service.track) if service.autoscaling is not None else service.replicas
    rollout = {"tag": service.tag, "replicas": replicas, "follow": component.follow}
    return RegisteredService(component, {"active": component.active, "rollout": rollout, "urls": component.urls})


def _rollout_component(key: str, service: RolloutSettings, platform: "ClusterPlatform") -> "RolloutService[Any, Any]":
    access, observed, opts = platform.access, platform.observed(key), platform.opts
    if isinstance(service, CanarySettings):
        from components.services.canary import CanaryService  # noqa: PLC0415

        return CanaryService(key, service=service, access=access, observed=observed, opts=opts)
    if isinstance(service, ArgoBlueGreenSettings):
        from components.services.argo_blue_green import ArgoBlueGreenService  # noqa: PLC0415

        return ArgoBlueGreenService(key, service=service, access=access, observed=observed, opts=opts)
    raise TypeError(f"no component for {type(service).__name__}")
