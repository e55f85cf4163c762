"""One service by its strategy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.services.argo_blue_green import ArgoBlueGreenService
from components.services.blue_green import BlueGreenService
from components.services.canary import CanaryService
from components.services.rollout import RolloutService
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, ServiceSettings
from switchyard.gates.observed import Observed
from switchyard.gates.rules.relocation import NAME_OUTPUT
from switchyard.kube.access import ClusterAccess

if TYPE_CHECKING:  # the SDK of AWS comes with it, which a cluster of somebody else's need not wait for
    from components.services.load_balancer_weights import WeightedRouting


@dataclass(frozen=True)
class Released:
    """One service of the stack.

    Attributes:
        component: all that is registered for it.
        outputs: of the stack, for this service.
    """

    component: pulumi.ComponentResource
    outputs: dict[str, Any]


def release(
    name: str,
    service: ServiceSettings,
    access: ClusterAccess,
    routing: "WeightedRouting | None",
    observed: Observed,
    opts: pulumi.ResourceOptions,
) -> Released:
    """Registers one service.

    Args:
        name: the key of the service.
        service: its settings.
        access: the cluster, for the gates.
        routing: the load balancer before it, for one whose colours that knows.
        observed: what the program read of it at its start.
        opts: of its component.
    """
    where = {"namespace": service.namespace} | ({} if service.name is None else {NAME_OUTPUT: service.name})
    if isinstance(service, BlueGreenSettings):
        colours = BlueGreenService(name, service=service, access=access, routing=routing, observed=observed, opts=opts)
        return Released(colours, {**where, "active": colours.active, "colours": colours.colours, "urls": colours.urls})
    if isinstance(service, CanarySettings):
        made: RolloutService = CanaryService(name, service=service, access=access, observed=observed, opts=opts)
    elif isinstance(service, ArgoBlueGreenSettings):
        made = ArgoBlueGreenService(name, service=service, access=access, observed=observed, opts=opts)
    else:
        raise TypeError(f"no component for {type(service).__name__}")
    rollout = {"tag": service.tag, "replicas": _rollout_replicas(service), "follow": made.follow}
    return Released(made, {**where, "active": made.active, "rollout": rollout, "urls": made.urls})


def _rollout_replicas(service: ServiceSettings) -> int | None:
    """Pods of a Rollout in the stack's outputs: at least so many under `autoscaling`, None where others decide."""
    return service.replicas_of(service.track) if service.autoscaling is not None else service.replicas
