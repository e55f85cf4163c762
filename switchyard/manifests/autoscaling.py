"""The HorizontalPodAutoscaler of a service."""

from typing import Any

from switchyard.config.kubernetes import APPS, AUTOSCALING, ROLLOUTS
from switchyard.config.models.autoscaling import Autoscaling, ScalingRules
from switchyard.config.models.service import Colour, ServiceSettings, Track
from switchyard.manifests.labels import colour_name
from switchyard.manifests.pods import Manifest, metadata

REPLICAS = "spec.replicas"
"""Path of the field that an autoscaler writes, in Deployments and Rollouts."""


def scale_target(name: str, track: Track) -> Manifest:
    """The reference of an autoscaler to the workload of a track."""
    if track is Track.ROLLOUT:
        return {"apiVersion": ROLLOUTS, "kind": "Rollout", "name": name}
    return {"apiVersion": APPS, "kind": "Deployment", "name": colour_name(name, Colour(track))}


def autoscaler(name: str, service: ServiceSettings, scaling: Autoscaling) -> Manifest:
    """One autoscaler for the whole service, which sizes the track that the settings have active.

    One object whose target moves, and not one for each colour: its memory of recent recommendations moves with it, so
    that the colour that has just taken the traffic is not scaled down because of metrics from before the switch.
    """
    spec: dict[str, Any] = {
        "scaleTargetRef": scale_target(name, service.track),
        "minReplicas": scaling.min,
        "maxReplicas": scaling.max,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": resource, "target": {"type": "Utilization", "averageUtilization": percent}},
            }
            for resource, percent in scaling.targets.items()
        ],
    }
    if scaling.behavior is not None:
        directions = {"scaleUp": scaling.behavior.scale_up, "scaleDown": scaling.behavior.scale_down}
        if behavior := {key: _rules(rules) for key, rules in directions.items() if rules is not None}:
            spec["behavior"] = behavior
    return {
        "apiVersion": AUTOSCALING,
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(name, name, service),
        "spec": spec,
    }


def _rules(rules: ScalingRules) -> Manifest:
    fields = rules.model_dump(by_alias=True, exclude_none=True)
    # An empty list of policies is invalid to the API server; without the key it takes its defaults.
    return {key: list(value) if key == "policies" else value for key, value in fields.items() if value != ()}
