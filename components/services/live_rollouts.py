"""Reads the Rollouts of all services once, at the start of a program."""

from collections.abc import Mapping

from components.failures import end_if_refused, errors_end_the_run
from switchyard.config.models.service import RolloutSettings, ServiceSettings
from switchyard.gates.rules.strategy_migration import refuse_other_rollout
from switchyard.kube.access import ClusterAccess
from switchyard.kube.live_rollouts import LiveRollout, read_live_rollouts


def inspect_rollouts(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, LiveRollout]:
    """The Rollout and the selector of every service under Argo Rollouts, as the cluster has them.

    Read at the start, and not in a hook: what the controller owns has to be known before a Service is registered.

    Raises:
        pulumi.RunError: the cluster gives no answer, or a Rollout there has another strategy.
    """
    rollouts = {name: service for name, service in services.items() if isinstance(service, RolloutSettings)}
    if not access.exists:
        return {name: LiveRollout() for name in rollouts}
    with errors_end_the_run():
        live = read_live_rollouts(rollouts, access)
    end_if_refused(refuse_other_rollout(name, service, live[name]) for name, service in rollouts.items())
    return live
