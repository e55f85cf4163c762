"""How a command gives the traffic of a service to another colour, by the `switchEngine` of the service."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import httpx

from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import ApiStatusError, GateRefusedError
from switchyard.gates.base import Warn
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.labels import selector
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.balancer_answer import BalancerAnswer
from switchyard.release.refusals import not_switched, refuse_changed
from switchyard.release.switch.selector import apply_selector

Confirm = Callable[[], Awaitable[None]]
"""Ends a command by `switchyard.release_errors.LeaseLostError` if another one has taken its Lease."""


class Switching(Protocol):
    """Gives the traffic of a service to another colour, in the way of one `switchEngine`."""

    def gates(self, settings: BlueGreenSettings, access: ClusterAccess, warn: Warn) -> BlueGreenGates:
        """The gates that a switch to the active colour of these settings passes."""

    async def patch(self, plan: Plan, confirm: Confirm) -> None:
        """Gives the traffic to the target of a plan.

        Args:
            plan: the switch.
            confirm: ends the command if another one has taken its Lease.

        Raises:
            GateRefusedError: somebody else has changed the service since it was read; nothing was changed.
            switchyard.release_errors.LeaseLostError: another command has taken the Lease, and has changed the Service.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """

    async def follow(self, plan: Plan, seconds: float) -> BalancerAnswer | None:
        """Observes the load balancer after the patch; None where it does not choose the colour.

        Args:
            plan: the switch.
            seconds: time limit until it follows. With 0 it is asked once.
        """


class SelectorSwitching:
    """A switch by the selector of the Service alone.

    Args:
        cluster: the cluster.
        observation: the service, as the command has read it.
    """

    def __init__(self, cluster: Cluster, observation: Observation) -> None:
        self._cluster = cluster
        self._observation = observation

    def gates(self, settings: BlueGreenSettings, access: ClusterAccess, warn: Warn) -> BlueGreenGates:
        """The gates of a service in two colours."""
        return BlueGreenGates(self._observation.name, settings, access, warn)

    async def patch(self, plan: Plan, confirm: Confirm) -> None:
        """Changes the selector. Refused if somebody else has changed it since it was read.

        A command that was suspended after it had confirmed its Lease has lost it when another one has switched, also
        if that one has switched back since, so that the selector is as it was read.
        """
        observation, live = plan.observation, plan.observation.live
        labels = selector(observation.name, plan.target)
        try:
            await apply_selector(self._cluster.api, live, labels)
        except ApiStatusError as error:
            if error.status_code != httpx.codes.CONFLICT:
                raise
            await confirm()
            # A controller of a load balancer may have written an annotation, which is no reason to stop.
            now = await self._cluster.api.find("services", observation.name, observation.settings.namespace)
            if now is None or now["spec"].get("selector") != live["spec"].get("selector"):
                raise GateRefusedError(str(refuse_changed(observation.name, not_switched(plan)))) from None
            await apply_selector(self._cluster.api, now, labels)

    async def follow(self, _plan: Plan, _seconds: float) -> None:
        """Nothing: the endpoints and the nodes show whether a selector is followed."""
        return


def switching_of(cluster: Cluster, observation: Observation) -> Switching:
    """How a service is switched.

    Args:
        cluster: the cluster.
        observation: the service.
    """
    if observation.routing is None:
        return SelectorSwitching(cluster, observation)
    # Imported here: few services are switched by a load balancer, and no other waits for the import.
    from switchyard.release.switch.weights import WeightsSwitching  # noqa: PLC0415

    return WeightsSwitching(cluster, observation, observation.routing)
