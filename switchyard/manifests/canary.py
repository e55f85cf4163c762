"""Manifests of one service under a canary of Argo Rollouts."""

import re
from typing import Any

from switchyard.config.kubernetes import ISTIO
from switchyard.config.models.canary import ALL, Canary, CanaryStep, EphemeralMetadata
from switchyard.config.models.routing import CanaryRoute, CanaryScale
from switchyard.config.models.service import CanarySettings
from switchyard.manifests import rollout as shared
from switchyard.manifests.analysis import reference
from switchyard.manifests.labels import canary_name, stable_name
from switchyard.manifests.pods import Manifest, metadata

HTTP_ROUTE = "primary"
"""Name of the route in the VirtualService whose weights the controller sets."""


def rollout(name: str, service: CanarySettings, content: str | None = None, replicas: int | None = None) -> Manifest:
    """The Rollout of a canary; arguments as of `switchyard.manifests.rollout.rollout`."""
    canary = service.canary
    strategy = {"canary": _strategy(name, service)}
    manifest = shared.rollout(
        name, service, strategy, content, replicas, progress_deadline_abort=canary.progress_deadline_abort
    )
    if canary.rollback_window_revisions:
        manifest["spec"]["rollbackWindow"] = {"revisions": canary.rollback_window_revisions}
    return manifest


def _strategy(name: str, service: CanarySettings) -> Manifest:
    canary = service.canary
    strategy: Manifest = {
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
        if metadata_of_pods := _ephemeral_metadata(ephemeral):
            strategy[key] = metadata_of_pods
    return strategy if canary.traffic == "replicas" else strategy | _routed(name, service)


def virtual_service(name: str, service: CanarySettings) -> Manifest:
    """Istio's route to the two versions. From its creation on, Argo Rollouts sets its weights."""
    istio = service.canary.istio
    shares = [(stable_name(name), 100), (canary_name(name), 0)]
    route = [
        {"destination": {"host": version, "port": {"number": service.exposed_port}}, "weight": weight}
        for version, weight in shares
    ]
    spec: dict[str, Any] = {"hosts": list(istio.hosts) or [name], "http": [{"name": HTTP_ROUTE, "route": route}]}
    if istio.gateways:
        spec["gateways"] = list(istio.gateways)
    return {
        "apiVersion": ISTIO,
        "kind": "VirtualService",
        "metadata": metadata(name, name, service),
        "spec": spec,
    }


def root_service(name: str, service: CanarySettings) -> str:
    """The name of the action with the weights in the Ingress of a load balancer."""
    return service.canary.alb.root_service or name


def _routed(name: str, service: CanarySettings) -> Manifest:
    """The fields of a Rollout about the traffic router and the numbers of pods."""
    canary = service.canary
    routing: dict[str, Any]
    if canary.traffic == "alb":
        alb: dict[str, Any] = {
            "ingress": canary.alb.ingress,
            "rootService": root_service(name, service),
            "servicePort": service.exposed_port,
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
        raise ValueError("a step has an analysis, and canary.analysis is missing")
    return {"analysis": reference(name, service.canary.analysis, step.analysis, background=False)}


def _scale(scale: CanaryScale) -> Manifest:
    if scale.replicas is not None:
        return {"replicas": scale.replicas}
    return {"weight": scale.percent} if scale.percent is not None else {"matchTrafficWeight": True}


def _route(route: CanaryRoute, canary: Canary) -> Manifest:
    """A header route. A load balancer matches a cookie's text anywhere, by wildcards; a mesh matches whole cookies."""
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


def _ephemeral_metadata(ephemeral: EphemeralMetadata) -> dict[str, dict[str, str]]:
    metadata_of_pods = {"labels": dict(ephemeral.labels), "annotations": dict(ephemeral.annotations)}
    return {key: values for key, values in metadata_of_pods.items() if values}
