"""One service by its strategy."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.argo_blue_green import ArgoBlueGreenService
from components.blue_green import BlueGreenService
from components.canary import CanaryService
from components.rollout import RolloutService
from gate.access import ClusterAccess
from gate.hand_over import LiveRelease
from settings.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, ServiceSettings, Track

if TYPE_CHECKING:  # the SDK of AWS comes with it, which a cluster of somebody else's need not wait for
    from components.front import WeightedFront


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
    live: LiveRelease | None,
    front: "WeightedFront | None",
    opts: pulumi.ResourceOptions,
    kept: Collection[Track] = (),
) -> Released:
    """Registers one service.

    Args:
        name: of the service.
        service: its settings.
        access: the cluster, for the gates.
        live: what the cluster has of it, for one with a Rollout.
        front: the load balancer before it, for one whose colours that knows.
        opts: of its component.
        kept: its tracks whose pod template stays as the cluster's admission has rewritten it.
    """
    if isinstance(service, BlueGreenSettings):
        colours = BlueGreenService(name, service=service, access=access, front=front, kept=kept, opts=opts)
        return Released(colours, {"active": colours.active, "colours": colours.colours, "urls": colours.urls})
    if isinstance(service, CanarySettings):
        made: RolloutService = CanaryService(name, service=service, access=access, kept=kept, opts=opts)
    elif isinstance(service, ArgoBlueGreenSettings):
        live = live or LiveRelease()
        made = ArgoBlueGreenService(name, service=service, access=access, live=live, kept=kept, opts=opts)
    else:
        raise TypeError(f"no component for {type(service).__name__}")
    rollout = {"tag": service.tag, "replicas": service.replicas, "follow": made.follow}
    return Released(made, {"active": made.active, "rollout": rollout, "urls": made.urls})
