"""Determines which track a Service selects, and which pods are behind it: pure functions."""

from collections.abc import Iterable, Mapping

from switchyard.config.kubernetes import ROLLOUT_POD_TEMPLATE_HASH
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.kube.objects import Endpoint
from switchyard.manifests.labels import selector


def ready_pods(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    """Names of the pods that a Service would send traffic to."""
    return frozenset(endpoint.pod for endpoint in endpoints if endpoint.ready)


def endpoint_nodes(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    """Names of the nodes with a pod that a Service would send traffic to."""
    return frozenset(endpoint.node for endpoint in endpoints if endpoint.ready and endpoint.node)


def serving_track(name: str, selected: Mapping[str, str] | None) -> Track | None:
    """The track that takes all the traffic.

    Args:
        name: the service's name.
        selected: selector of Service `name`; None without a Service.

    Returns:
        None without a Service, and for a selector that is not this program's.
    """
    if controlled(name, selected):
        return Track.ROLLOUT
    return next((track for track in Track if selected == selector(name, track)), None)


def controlled(name: str, selected: Mapping[str, str] | None) -> bool:
    """Whether Argo Rollouts keeps this selector of Service `name` on one version of a Rollout."""
    return selected is not None and selected.keys() == {"app", ROLLOUT_POD_TEMPLATE_HASH} and selected["app"] == name


def gets_traffic(name: str, track: Track, selected: Mapping[str, str] | None) -> bool:
    """Whether pods of a track are behind a Service with this selector, be it this program's or not."""
    return bool(selected) and (selected or {}).items() <= selector(name, track).items()


def labels_text(labels: Mapping[str, str] | None) -> str:
    """Labels in the notation of kubectl."""
    return ",".join(f"{key}={value}" for key, value in (labels or {}).items()) or "nothing"


def get_pods_command(name: str, service: ServiceSettings, track: Track) -> str:
    """The command that shows the pods of a track."""
    return f"kubectl -n {service.namespace} get pods -l {labels_text(selector(name, track))}"
