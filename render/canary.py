"""Manifests of one service under a canary of Argo Rollouts."""

from typing import Any

from render.analysis import reference
from render.labels import SKIP_AWAIT, canary_name, selector, stable_name
from render.pods import Manifest, metadata, pod_template, service_port
from settings.canary import Ephemeral, Step
from settings.service import CanarySettings, RolloutSettings, Track

API_VERSION = "argoproj.io/v1alpha1"


def version_service(name: str, version: str, service: RolloutSettings) -> Manifest:
    """The Service of the version that is proved, or of the one that is tried, for Argo Rollouts to lead there.

    Args:
        name: the service's name.
        version: name of the Service.
        service: the settings.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(version, name, service, SKIP_AWAIT),
        # The controller adds the hash of the version. What it sets is its own, and not this program's to change back.
        "spec": {"type": "ClusterIP", "selector": selector(name, Track.ROLLOUT), "ports": [service_port(service)]},
    }


def disruption_budget(name: str, service: RolloutSettings) -> Manifest:
    """How many pods, of both versions together, a drain may take at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(f"{name}-{Track.ROLLOUT}", name, service),
        "spec": {
            "maxUnavailable": service.pod_disruption_budget.max_unavailable,
            "selector": {"matchLabels": selector(name, Track.ROLLOUT)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def rollout(name: str, service: CanarySettings) -> Manifest:
    """The pods, and how a new version of them takes over."""
    canary = service.canary
    strategy: dict[str, Any] = {
        "stableService": stable_name(name),
        "canaryService": canary_name(name),
        "maxSurge": canary.max_surge,
        "maxUnavailable": 0,
        "steps": [_step(name, service, step) for step in canary.steps],
    }
    if canary.analysis is not None and canary.analysis.background:
        strategy["analysis"] = reference(name, canary.analysis, background=True)
    if canary.anti_affinity:
        strategy["antiAffinity"] = {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 100}}
    for key, ephemeral in (("canaryMetadata", canary.canary_metadata), ("stableMetadata", canary.stable_metadata)):
        if given := _given(ephemeral):
            strategy[key] = given
    spec: dict[str, Any] = {
        "revisionHistoryLimit": service.revision_history_limit,
        "progressDeadlineSeconds": service.progress_deadline_seconds,
        "progressDeadlineAbort": canary.progress_deadline_abort,
        "selector": {"matchLabels": selector(name, Track.ROLLOUT)},
        "template": pod_template(name, Track.ROLLOUT, service, service.tag),
        "strategy": {"canary": strategy},
    }
    if service.replicas is not None:
        spec["replicas"] = service.replicas
    if canary.rollback_window_revisions:
        spec["rollbackWindow"] = {"revisions": canary.rollback_window_revisions}
    return {"apiVersion": API_VERSION, "kind": "Rollout", "metadata": metadata(name, name, service), "spec": spec}


def _step(name: str, service: CanarySettings, step: Step) -> Manifest:
    if step.weight is not None:
        return {"setWeight": step.weight}
    if step.pause is not None:
        return {"pause": {"duration": f"{step.pause}s"} if step.pause else {}}
    if service.canary.analysis is None:
        raise ValueError("a step asks for an analysis, and there is none")
    return {"analysis": reference(name, service.canary.analysis, background=False)}


def _given(ephemeral: Ephemeral) -> dict[str, dict[str, str]]:
    given = {"labels": dict(ephemeral.labels), "annotations": dict(ephemeral.annotations)}
    return {key: values for key, values in given.items() if values}
