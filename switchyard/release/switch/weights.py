"""A switch by the weights of a load balancer: the selector of the Service, and an annotation of its Ingresses.

The Service is written first, as an update of the stack does it: its selector decides who serves, and users in the
cluster reach it. Killed between the two, the same command or `pulumi up` writes the rest, and a rollback takes the
selector back. A switch that cannot write all of it is reverted, the Service last.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from switchyard.config.kubernetes import NETWORKING
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.errors import ApiStatusError, AwsError, ClusterError, GateRefusedError
from switchyard.gates.base import Warn, raise_refusal
from switchyard.gates.rules.load_balancer_weights import refuse_early_weights
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.ingresses import routes_to
from switchyard.kube.polling import poll_until
from switchyard.manifests.labels import selector
from switchyard.manifests.pods import Manifest
from switchyard.manifests.weights import ACTIONS, action, weighted_service
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.balancer_answer import BalancerAnswer
from switchyard.release.refusals import UNTOUCHED, not_switched, refuse_changed
from switchyard.release.switch.selector import applied_fields, apply, apply_selector
from switchyard.release.switch.switching import Confirm, SelectorSwitching
from switchyard.release.switch.weights_refusals import report_weights_not_written
from switchyard.release_errors import WeightsNotWrittenError

if TYPE_CHECKING:
    from switchyard.gates.load_balancer_weights import WeightedGates

POLL_SECONDS = 1.0
"""Seconds between two requests to AWS, which offers no watch and throttles calls."""

UNANSWERED = 3
"""Requests in succession without an answer of AWS, after which it is not asked again."""


def with_weights(live: Mapping[str, Any], name: str, value: str) -> Manifest:
    """The Ingress that has to be applied so that its weights are these, and nothing else changes.

    It carries the version of the object that was read, as the Service does.

    Args:
        live: the Ingress, as the API server has it.
        name: the service's name, which the action has.
        value: the annotation with the weights.
    """
    applied, metadata = applied_fields(live), live["metadata"]
    own: Mapping[str, Any] = applied.get("metadata", {})
    known = {key: metadata[key] for key in ("name", "namespace", "resourceVersion")}
    annotations = {**own.get("annotations", {}), f"{ACTIONS}{name}": value}
    return {
        **applied,
        "apiVersion": NETWORKING,
        "kind": "Ingress",
        "metadata": {**own, **known, "annotations": annotations},
    }


class WeightsSwitching:
    """A switch by the weights of a load balancer.

    Args:
        cluster: the cluster.
        observation: the service, as the command has read it.
        routing: the load balancer.
    """

    def __init__(self, cluster: Cluster, observation: Observation, routing: LoadBalancerRouting) -> None:
        self._cluster = cluster
        self._name = observation.name
        self._routing = routing
        self._of_service = SelectorSwitching(cluster, observation)

    def gates(self, settings: BlueGreenSettings, access: ClusterAccess, warn: Warn) -> "WeightedGates":
        """The gates of a service that the load balancer switches: its targets must be healthy."""
        # Imported here: the SDK of AWS takes as long to import as a rollback takes, which passes no gates.
        from switchyard.gates.load_balancer_weights import WeightedGates  # noqa: PLC0415

        return WeightedGates(self._name, settings, access, warn, self._routing, warn, preview=False)

    async def patch(self, plan: Plan, confirm: Confirm) -> None:
        """Changes the selector and then the weights.

        What the API server would refuse of the Ingresses is asked before the Service is changed.

        Args:
            plan: the switch.
            confirm: ends the command if another one has taken its Lease.

        Raises:
            GateRefusedError: an Ingress has no target group for the colour yet, or somebody has changed something.
            WeightsNotWrittenError: the Service was changed, and an Ingress was not.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """
        observation, name = plan.observation, self._name
        settings = _with_active(observation.settings, plan.target)
        raise_refusal(refuse_early_weights(name, settings, routes_to(name, observation.ingresses)))
        value = action(name, settings)
        changed = not_switched(plan)
        ingresses = await asyncio.gather(*(self._permitted(live, value, changed) for live in observation.ingresses))
        await self._of_service.patch(plan, confirm)
        try:
            for live in ingresses:
                await self._write(live, value)
        except ClusterError as error:
            reverted = await self._revert(plan)
            raise WeightsNotWrittenError(report_weights_not_written(plan, str(error), reverted=reverted)) from error

    async def follow(self, plan: Plan, seconds: float) -> BalancerAnswer | None:
        """What AWS reports of the load balancer, once it follows or the time for that has passed."""
        settings = _with_active(plan.observation.settings, plan.target)
        to, failures = weighted_service(self._name, settings), 0
        gates = await asyncio.to_thread(self.gates, settings, ClusterAccess(), _say_nothing)  # with an import

        async def read() -> BalancerAnswer:
            nonlocal failures
            try:
                problem = await gates.unforwarded(self._cluster)
            except (AwsError, ClusterError) as error:
                failures += 1
                return BalancerAnswer(to, None, str(error))
            failures = 0
            return BalancerAnswer(to, problem is None, problem)

        return await poll_until(
            read,
            lambda answer: answer.follows is True or failures >= UNANSWERED,
            seconds=seconds,
            every=POLL_SECONDS,
        )

    async def _permitted(self, live: Mapping[str, Any], value: str, changed: str) -> Mapping[str, Any]:
        """The Ingress as it is now, once the API server has said that it would accept the weights."""
        try:
            await self._apply(live, value, dry_run=True)
        except ApiStatusError as error:
            live = await self._unchanged(live, error, changed)
            await self._apply(live, value, dry_run=True)
        return live

    async def _write(self, live: Mapping[str, Any], value: str) -> None:
        try:
            await self._apply(live, value)
        except ApiStatusError as error:
            try:
                now = await self._unchanged(live, error)
            except GateRefusedError:  # with the Service changed, it is too late to refuse
                raise error from None
            await self._apply(now, value)

    async def _unchanged(
        self, live: Mapping[str, Any], error: ApiStatusError, changed: str = UNTOUCHED
    ) -> Mapping[str, Any]:
        """The Ingress of now, if only its controller has written it since it was read, as into its status."""
        if error.status_code != httpx.codes.CONFLICT:
            raise error
        metadata, key = live["metadata"], f"{ACTIONS}{self._name}"
        now = await self._cluster.api.find("ingresses", metadata["name"], metadata["namespace"], NETWORKING)
        weights = metadata.get("annotations", {}).get(key)
        if now is None or now["metadata"].get("annotations", {}).get(key) != weights:
            raise GateRefusedError(str(refuse_changed(self._name, changed)))
        present: Mapping[str, Any] = now
        return present

    async def _apply(self, live: Mapping[str, Any], value: str, *, dry_run: bool = False) -> None:
        await apply(self._cluster.api, "ingresses", with_weights(live, self._name, value), dry_run=dry_run)

    async def _revert(self, plan: Plan) -> bool | None:
        """Has the former colour serve again after a switch, in the opposite order, so that the Service decides.

        A rollback is not reverted, and neither is a switch that has completed another one, as either colour may have
        got requests before it.

        Returns:
            Whether the Service and all Ingresses are as before; None if the answer of the API server was lost.
        """
        observation, source = plan.observation, plan.source.colour
        if plan.act is Act.ROLLBACK or not observation.is_at(source):
            return False
        reverted: bool | None = False
        with suppress(ClusterError):
            for live in observation.ingresses:
                await self._restore(observation, live)
            now = await self._cluster.api.find("services", self._name, observation.settings.namespace)
            if now is not None:
                reverted = None
                await apply_selector(self._cluster.api, now, selector(self._name, source))
                reverted = True
        return reverted

    async def _restore(self, observation: Observation, live: Mapping[str, Any]) -> None:
        """Writes the former weights into an Ingress, also into one whose write had no answer and was done."""
        metadata = live["metadata"]
        now = await self._cluster.api.find("ingresses", metadata["name"], metadata["namespace"], NETWORKING)
        if now is not None and not replace(observation, ingresses=(now,)).is_at(observation.serving):
            await self._write(now, metadata["annotations"][f"{ACTIONS}{self._name}"])


def _with_active(settings: BlueGreenSettings, colour: Colour) -> BlueGreenSettings:
    return settings.model_copy(update={"active": colour})


def _say_nothing(_: str) -> None:
    """Ignores messages of the gates about a wait, which the receipt has as well."""
