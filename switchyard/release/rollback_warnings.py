"""Warnings of a rollback to fewer pods, or to fewer nodes, than serve now. The rollback continues."""

from switchyard.codes import Code
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.local_traffic import local_policies, warn_lost_nodes
from switchyard.gates.rules.refusal import notice
from switchyard.kube.selectors import labels_text
from switchyard.manifests.labels import selector
from switchyard.release.plan import Plan


def rollback_warnings(plan: Plan) -> tuple[str, ...]:
    """The warnings that are shown before a rollback is confirmed.

    None of them stops it, because the version that serves is worse.
    """
    return tuple(warning for warning in (_fewer_pods(plan), _lost_nodes(plan)) if warning is not None)


def _fewer_pods(plan: Plan) -> str | None:
    observation, serving_ready = plan.observation, plan.source.ready
    if plan.to.ready >= serving_ready:
        return None
    return notice(
        Code.FEWER_AFTER_ROLLBACK,
        key_of(observation.name),
        f"{plan.target} has {plan.to.ready} ready pods, and {serving_ready} serve now",
        f"The rollback continues. See: kubectl -n {observation.settings.namespace} get pods -l "
        f"{labels_text(selector(observation.name, plan.target))}",
    )


def _lost_nodes(plan: Plan) -> str | None:
    observation, nodes = plan.observation, plan.source.nodes - plan.to.nodes
    policies = local_policies(observation.settings, observation.live["spec"], by_command=True)
    return warn_lost_nodes(observation.name, observation.settings, Track(plan.target), policies, nodes)
