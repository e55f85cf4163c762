"""Checks that the AWS Load Balancer Controller has applied the Ingresses of a load balancer."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.manifest import KubernetesObject
from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import ClusterError
from switchyard.gates.load_balancer import BalancerGroup, GroupProblem
from switchyard.kube.access import ClusterAccess


class ControllerCheck:
    """Waits at the end of an update for the controller, and ends the update in an error with the controller's reason.

    A preview only warns of a load balancer that already fails.

    Args:
        component: the component that messages belong to.
        cluster: the settings of the cluster.
        services: the settings of all services.
        access: access to the cluster of the Ingresses; None to not wait.
    """

    def __init__(
        self,
        component: pulumi.Resource,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        access: ClusterAccess | None,
    ) -> None:
        self._component = component
        self._cluster = cluster
        self._services = services
        self._access = access
        self._written = False

    def hooks(self, name: str) -> pulumi.ResourceHookBinding | None:
        """Returns hooks that record writes of Ingresses in this run, and explain a write that does not end.

        Args:
            name: the name of the component, with which the names of the hooks begin.
        """
        if self._access is None:
            return None

        def note(args: pulumi.ResourceHookArgs) -> None:
            self._written = self._written or reconciled(args.old_inputs) != reconciled(args.new_inputs)

        async def explain(_: pulumi.ErrorHookArgs) -> bool:
            problem = await self._problem(wait=False)
            if problem is not None:
                pulumi.log.error(problem.text, self._component)
            return False  # no second try: the next update is the engineer's to start

        written = pulumi.ResourceHook(f"{name}-written", note)
        return pulumi.ResourceHookBinding(
            after_create=[written], after_update=[written], on_error=[pulumi.ErrorHook(f"{name}-explain", explain)]
        )

    def after(self, ingresses: Sequence[KubernetesObject]) -> None:
        """Checks once these Ingresses are written.

        Nothing depends on the result, so that it ends the program only after everything is registered.
        """
        ids = pulumi.Output.all(*(ingress.id for ingress in ingresses))
        self._deployed: pulumi.Output[bool] = ids.apply(lambda _: self._require_deployed())

    async def _require_deployed(self) -> bool:
        problem = await self._problem(wait=not pulumi.runtime.is_dry_run())
        if problem is None:
            return True
        if pulumi.runtime.is_dry_run():
            pulumi.log.warn(problem.text, self._component)
        elif problem.leaving:
            pulumi.log.warn(
                f"{problem.text} The end of this update deletes Ingress {', '.join(problem.leaving)}, which may be the "
                f"cause: `{typed('switchyard status')}` shows whether the load balancer is right afterwards.",
                self._component,
            )
        else:
            raise pulumi.RunError(problem.text)
        return False

    async def _problem(self, *, wait: bool) -> GroupProblem | None:
        if self._access is None or not self._access.exists or self._access.unreachable:
            return None
        group = BalancerGroup(
            self._access, self._cluster, self._services, lambda line: pulumi.log.info(line, self._component)
        )
        try:
            return await (group.carried_out(written=self._written) if wait else group.now())
        except ClusterError as error:
            return GroupProblem(
                f"load balancer of {self._cluster.name}: whether it follows its Ingresses is not known: the API "
                f"server does not report it: {error} ({Code.BALANCER_UNREADABLE}). Run `{typed('switchyard status')}` "
                "once it does."
            )


def reconciled(inputs: Any) -> Any:
    """Returns those inputs of an Ingress whose change the controller reconciles; it ignores labels."""
    if inputs is None:
        return None
    metadata = inputs.get("metadata") or {}
    return inputs.get("spec"), metadata.get("annotations")
