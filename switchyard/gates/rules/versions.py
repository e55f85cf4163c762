"""Refuses a cluster that is too old for the manifests."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from switchyard.codes import Code
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service import ServiceSettings
from switchyard.gates.rules.refusal import Refusal


@dataclass(frozen=True)
class Feature:
    """A feature of Kubernetes that manifests use.

    Attributes:
        minor: minor of the first release 1.x that enables the feature by default.
        name: name of the feature in messages.
        used: returns whether a service uses the feature.
    """

    minor: int
    name: str
    used: Callable[[ServiceSettings], bool] = lambda _: True


FEATURES = (
    Feature(30, "preStop hooks of type sleep"),
    Feature(27, "matchLabelKeys in topology spread constraints"),
    Feature(27, "unhealthyPodEvictionPolicy in PodDisruptionBudgets"),
    Feature(26, "nodeTaintsPolicy in topology spread constraints"),
    Feature(
        33, "preStop hooks of 0 seconds (drain.preStopSeconds: 0)", lambda service: not service.drain.pre_stop_seconds
    ),
)
"""The features that the manifests need, with the release since which each is on by default.

From pkg/features/kube_features.go of Kubernetes 1.34.1: PodLifecycleSleepAction (beta since 1.30),
MatchLabelKeysInPodTopologySpread (1.27), NodeInclusionPolicyInPodTopologySpread (1.26) and
PodLifecycleSleepActionAllowZero (1.33); and KEP-3017 for the eviction policy (beta since 1.27). An older API server
drops the field that it does not know, or refuses the object without naming the cause. Everything else that the program
uses is older: autoscaling/v2 (1.23), server-side apply (1.22), EndpointSlices and PodDisruptionBudgets v1 (1.21).
"""


def oldest_minor(services: Mapping[str, ServiceSettings]) -> int:
    """The minor of the oldest release 1.x that can run these services."""
    return max((feature.minor for feature in FEATURES if _users(feature, services) is not None), default=0)


def refuse_old(version: str, services: Mapping[str, ServiceSettings]) -> Refusal | None:
    """Refuses a cluster that is older than what the services need.

    Args:
        version: version of the API server, as it reports it: ``v1.29.3``, ``v1.30.0-eks-036c24b``.
        services: services of the stack.

    Returns:
        The refusal; None for a cluster that is new enough, and for a version that cannot be read.
    """
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None or int(match[1]) > 1:
        return None
    minor = int(match[2])
    missing = [feature for feature in FEATURES if feature.minor > minor and _users(feature, services) is not None]
    if not missing:
        return None
    features = "; ".join(f"{feature.name} (since 1.{feature.minor}){_users(feature, services)}" for feature in missing)
    return Refusal(
        code=Code.KUBERNETES_TOO_OLD,
        step=f"{CLUSTER}: this run",
        observed=f"the cluster runs Kubernetes {version}, and this stack needs 1.{oldest_minor(services)} or newer",
        rule=f"the manifests use {features}",
        remedy="Nothing was changed. Upgrade the cluster, or release to a newer cluster.",
    )


def _users(feature: Feature, services: Mapping[str, ServiceSettings]) -> str | None:
    """The names of the services that use a feature, for a message; empty if all do, None if no service does."""
    names = [name for name, service in services.items() if feature.used(service)]
    if not names:
        return None
    return "" if len(names) == len(services) else f" of {', '.join(names)}"
