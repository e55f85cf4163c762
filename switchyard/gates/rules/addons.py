"""Refuses to delete an add-on that objects on the cluster need, and a namespace in which others run pods."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import (
    ALB_CONTROLLER,
    ARGO_ROLLOUTS,
    AUTOSCALING,
    CORE,
    METRICS_SERVER_CHART,
    NETWORKING,
    ROLLOUTS,
    TARGETS,
)
from switchyard.config.models.cluster import CLUSTER
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.runbook import section
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.addons import INGRESS_CLASS

SECTION = section("Remove an add-on")

NLB_CLASS = "service.k8s.aws/nlb"
"""Class of the Services of type LoadBalancer that the AWS Load Balancer Controller takes care of."""

OWNER_LABELS = ("ingress.k8s.aws/", "service.k8s.aws/")
"""Prefixes of the labels that the controller gives the TargetGroupBindings that it creates itself."""

MOST_NAMED = 5
"""Number of objects that a message names."""


@dataclass(frozen=True)
class Dependents:
    """A kind of object that needs an add-on.

    Attributes:
        kind: kind of the objects.
        version: group and version of their API.
        needs: whether one of these objects needs the add-on.
    """

    kind: str
    version: str
    needs: Callable[[Mapping[str, Any]], bool]

    def name_of(self, item: Mapping[str, Any]) -> ObjectName:
        """The name of an object in a list, in which the API server leaves out its kind."""
        metadata = item["metadata"]
        return ObjectName(self.version.rpartition("/")[0], self.kind, metadata["namespace"], metadata["name"])

    @property
    def resource(self) -> str:
        """Plural name of the kind in the API."""
        return ObjectName("", self.kind, "", "").resource


@dataclass(frozen=True)
class Need:
    """What needs an add-on, and what happens without it.

    Attributes:
        key: key of the add-on in the settings of the cluster.
        dependents: the kinds of objects that need it.
        without: what happens without it, as a clause.
    """

    key: str
    dependents: tuple[Dependents, ...]
    without: str


def _has_pods(rollout: Mapping[str, Any]) -> bool:
    """Whether a Rollout has pods, or is to have some."""
    return bool(rollout["spec"].get("replicas", 1) or (rollout.get("status") or {}).get("replicas"))


def _is_of_alb(ingress: Mapping[str, Any]) -> bool:
    annotations = ingress["metadata"].get("annotations") or {}
    return INGRESS_CLASS in {ingress["spec"].get("ingressClassName"), annotations.get("kubernetes.io/ingress.class")}


def _is_of_nlb(service: Mapping[str, Any]) -> bool:
    spec = service["spec"]
    return (spec.get("type"), spec.get("loadBalancerClass")) == ("LoadBalancer", NLB_CLASS)


def _is_bound_by_hand(binding: Mapping[str, Any]) -> bool:
    """Whether somebody has bound a target group that the controller did not create."""
    return not any(label.startswith(OWNER_LABELS) for label in binding["metadata"].get("labels") or {})


def _measures_resources(autoscaler: Mapping[str, Any]) -> bool:
    """Whether an autoscaler measures CPU or memory, as it does if no metric is named."""
    kinds = {metric["type"] for metric in autoscaler["spec"].get("metrics") or ()}
    return not kinds or bool(kinds & {"Resource", "ContainerResource"})


NEEDS: Mapping[str, Need] = {
    ARGO_ROLLOUTS: Need(
        "argoRollouts",
        (Dependents("Rollout", ROLLOUTS, _has_pods),),
        "without its controller no Rollout is released, aborted or scaled any more",
    ),
    ALB_CONTROLLER: Need(
        "loadBalancerController",
        (
            Dependents("Ingress", NETWORKING, _is_of_alb),
            Dependents("Service", CORE, _is_of_nlb),
            Dependents("TargetGroupBinding", TARGETS, _is_bound_by_hand),
        ),
        "without its controller a load balancer gets no new targets, rules or weights any more",
    ),
    METRICS_SERVER_CHART: Need(
        "metricsServer",
        (Dependents("HorizontalPodAutoscaler", AUTOSCALING, _measures_resources),),
        "without metrics no autoscaler adds pods any more",
    ),
}
"""The add-ons that objects on the cluster need, by the name of their release."""


def refuse_addon_in_use(release: str, users: Sequence[ObjectName]) -> Refusal | None:
    """Refuses to delete an add-on while objects on the cluster need it.

    Args:
        release: name of its Helm release.
        users: the objects that need it and that this run does not delete.
    """
    if not users:
        return None
    need, named = NEEDS[release], ", ".join(str(user) for user in sorted(users)[:MOST_NAMED])
    more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
    return _refuse_deletion(
        release,
        observed=f"{named}{more} {'needs' if len(users) == 1 else 'need'} it",
        next_step=(
            f"Put {CLUSTER}.{need.key} back, or first migrate or remove what needs it. "
            f"To leave the add-on on the cluster without this stack: {SECTION}."
        ),
    )


def refuse_unknown_use(release: str, problem: str) -> Refusal:
    """Refuses to delete an add-on when it is not known whether objects on the cluster need it.

    Args:
        release: name of its Helm release.
        problem: why the cluster could not be read.
    """
    return _refuse_deletion(
        release,
        observed=f"whether objects on the cluster need it is not known: {problem}",
        next_step="Check the API server and the permissions of the kubeconfig's user, then run the command again.",
    )


def _refuse_deletion(release: str, observed: str, next_step: str) -> Refusal:
    need = NEEDS[release]
    return Refusal(
        code=Code.ADDON_IN_USE,
        step=f"{CLUSTER}.{need.key}: deleting Helm release {release}",
        observed=observed,
        rule=need.without,
        remedy=f"The release was not deleted. {next_step}",
    )


def refuse_namespace_in_use(namespace: str, reason: str | None) -> Refusal | None:
    """Refuses to delete the namespace of an add-on in which something else runs.

    Args:
        namespace: name of the namespace.
        reason: what runs in it; None for nothing.
    """
    if reason is None:
        return None
    return Refusal(
        code=Code.SERVING_OBJECT_DELETED,
        step=f"deleting Namespace/{namespace}",
        observed=f"other pods run in it: {reason}",
        rule="everything in a namespace is deleted with it",
        remedy=(
            f"The namespace was not deleted. See: kubectl -n {namespace} get pods,services. Move what runs there to "
            f"another namespace, then run `{typed('pulumi up')}` again. To leave the namespace on the cluster: "
            f"{SECTION}."
        ),
    )
