"""Manifests of one service under a canary of Argo Rollouts."""

import re
from typing import Any

from switchyard.config.models.canary import ALL, Canary, CanaryStep, Ephemeral
from switchyard.config.models.routing import CanaryRoute, CanaryScale
from switchyard.config.models.service import CanarySettings, RolloutSettings, Track
from switchyard.manifests.analysis import reference
from switchyard.manifests.labels import CONFIGURED_PODS, GONE_AT_ONCE, SKIP_AWAIT, canary_name, selector, stable_name
from switchyard.manifests.pods import Manifest, digest, metadata, pod_template, service_ports

API_VERSION = "argoproj.io/v1alpha1"

HTTP_ROUTE = "primary"
"""Name of the route in the VirtualService whose weights the controller sets."""


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
        "spec": {
            # A load balancer's targets are instances, which answer on a NodePort. Whatever the router is by now, one
            # that was there before may still send users to these ports.
            "type": "NodePort" if isinstance(service, CanarySettings) else "ClusterIP",
            "selector": selector(name, Track.ROLLOUT),
            "ports": service_ports(service),
        },
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


def rollout(name: str, service: CanarySettings, content: str | None = None, replicas: int | None = None) -> Manifest:
    """The pods, and how a new version of them takes over.

    Args:
        name: the service's name.
        service: its settings.
        content: hash of the ConfigMaps and Secrets that make a new version; None renders none.
        replicas: the number of pods where an autoscaler decides; None takes that of the settings.
    """
    canary = service.canary
    strategy: dict[str, Any] = {
        "stableService": stable_name(name),
        "canaryService": canary_name(name),
        "maxSurge": canary.max_surge,
        "maxUnavailable": 0,
        "steps": [_step(name, service, step) for step in canary.steps],
    }
    if canary.analysis is not None and canary.analysis.background:
        strategy["analysis"] = reference(name, canary.analysis, ALL, background=True)
    if canary.anti_affinity:
        strategy["antiAffinity"] = {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 100}}
    for key, ephemeral in (("canaryMetadata", canary.canary_metadata), ("stableMetadata", canary.stable_metadata)):
        if given := _given(ephemeral):
            strategy[key] = given
    if canary.traffic != "replicas":
        strategy |= _routed(name, service)
    template = pod_template(name, Track.ROLLOUT, service, service.tag, content=content)
    spec: dict[str, Any] = {
        "revisionHistoryLimit": service.revision_history_limit,
        "progressDeadlineSeconds": service.progress_deadline_seconds,
        "progressDeadlineAbort": canary.progress_deadline_abort,
        "selector": {"matchLabels": selector(name, Track.ROLLOUT)},
        "template": template,
        "strategy": {"canary": strategy},
    }
    if (pods := service.replicas if replicas is None else replicas) is not None:
        spec["replicas"] = pods
    if service.min_ready_seconds:
        spec["minReadySeconds"] = service.min_ready_seconds
    if canary.rollback_window_revisions:
        spec["rollbackWindow"] = {"revisions": canary.rollback_window_revisions}
    head = metadata(name, name, service, GONE_AT_ONCE | {CONFIGURED_PODS: digest(template)})
    return {"apiVersion": API_VERSION, "kind": "Rollout", "metadata": head, "spec": spec}


def virtual_service(name: str, service: CanarySettings) -> Manifest:
    """Istio's route to the two versions. What becomes of it is the controller's."""
    istio = service.canary.istio
    shares = [(stable_name(name), 100), (canary_name(name), 0)]
    route = [
        {"destination": {"host": version, "port": {"number": service.port}}, "weight": weight}
        for version, weight in shares
    ]
    spec: dict[str, Any] = {"hosts": list(istio.hosts) or [name], "http": [{"name": HTTP_ROUTE, "route": route}]}
    if istio.gateways:
        spec["gateways"] = list(istio.gateways)
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata(name, name, service),
        "spec": spec,
    }


def root_service(name: str, service: CanarySettings) -> str:
    """The name under which the Ingress of a load balancer has the weights."""
    return service.canary.alb.root_service or name


def _routed(name: str, service: CanarySettings) -> Manifest:
    """How a router makes the shares, and what pods there are meanwhile."""
    canary = service.canary
    routing: dict[str, Any]
    if canary.traffic == "alb":
        alb: dict[str, Any] = {
            "ingress": canary.alb.ingress,
            "rootService": root_service(name, service),
            "servicePort": service.port,
        }
        if canary.alb.stickiness_seconds:
            alb["stickinessConfig"] = {"enabled": True, "durationSeconds": canary.alb.stickiness_seconds}
        routing = {"alb": alb}
    else:
        routing = {"istio": {"virtualService": {"name": name, "routes": [HTTP_ROUTE]}}}
    # In the order of their steps, which is also that of their precedence; a name once.
    if routes := list(dict.fromkeys(step.route.name for step in canary.steps if step.route is not None)):
        routing["managedRoutes"] = [{"name": route} for route in routes]
    routed: dict[str, Any] = {"trafficRouting": routing}
    if canary.dynamic_stable_scale:
        routed["dynamicStableScale"] = True
    if canary.scale_down_delay_seconds is not None:
        routed["scaleDownDelaySeconds"] = canary.scale_down_delay_seconds
    if canary.abort_scale_down_delay_seconds is not None:
        routed["abortScaleDownDelaySeconds"] = canary.abort_scale_down_delay_seconds
    return routed


def _step(name: str, service: CanarySettings, step: CanaryStep) -> Manifest:
    if step.weight is not None:
        return {"setWeight": step.weight}
    if step.pause is not None:
        return {"pause": {"duration": f"{step.pause}s"} if step.pause else {}}
    if step.scale is not None:
        return {"setCanaryScale": _scale(step.scale)}
    if step.route is not None:
        return {"setHeaderRoute": _route(step.route, service.canary)}
    if service.canary.analysis is None or step.analysis is None:
        raise ValueError("a step asks for an analysis, and there is none")
    return {"analysis": reference(name, service.canary.analysis, step.analysis, background=False)}


def _scale(scale: CanaryScale) -> Manifest:
    if scale.replicas is not None:
        return {"replicas": scale.replicas}
    return {"weight": scale.percent} if scale.percent is not None else {"matchTrafficWeight": True}


def _route(route: CanaryRoute, canary: Canary) -> Manifest:
    """A load balancer compares with wildcards, and so finds the cookie's text anywhere; a mesh finds it as a whole."""
    value = route.value or ""
    if route.header is not None:
        match = {"headerName": route.header, "headerValue": {"exact": value}}
    elif route.cookie is None:
        return {"name": route.name}
    elif canary.traffic == "alb":
        match = {"headerName": "Cookie", "headerValue": {"exact": f"*{route.cookie}={value}*"}}
    else:
        pattern = rf"^(.*;\s*)?{re.escape(route.cookie)}={re.escape(value)}(;.*)?$"
        match = {"headerName": "Cookie", "headerValue": {"regex": pattern}}
    return {"name": route.name, "match": [match]}


def _given(ephemeral: Ephemeral) -> dict[str, dict[str, str]]:
    given = {"labels": dict(ephemeral.labels), "annotations": dict(ephemeral.annotations)}
    return {key: values for key, values in given.items() if values}
