"""The PodDisruptionBudget of one track of a service."""

from switchyard.config.kubernetes import POLICY
from switchyard.config.models.service import Colour, ServiceSettings, Track
from switchyard.manifests.labels import selector
from switchyard.manifests.pods import Manifest, metadata


def disruption_budget(name: str, track: Track | Colour, service: ServiceSettings) -> Manifest:
    """How many pods of one track a drain may take at a time: of a colour, or of both versions of a Rollout together.

    Each colour has a PodDisruptionBudget: with one for both, the crashing pods of an idle colour would use up the
    allowance and block the drain of a node on which nothing but the serving colour runs.

    Args:
        name: the service's name.
        track: the track of the pods.
        service: settings of the service.
    """
    return {
        "apiVersion": POLICY,
        "kind": "PodDisruptionBudget",
        "metadata": metadata(f"{name}-{track.value}", name, service),
        "spec": {
            "maxUnavailable": service.pod_disruption_budget.max_unavailable,
            "selector": {"matchLabels": selector(name, track)},
            # A pod that is not ready serves no user, and must not block a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
