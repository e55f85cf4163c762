"""All objects that a service has on the cluster, but for the Ingresses of a load balancer."""

from collections.abc import Iterator

from switchyard.config.models.service import (
    ArgoBlueGreenSettings,
    BlueGreenSettings,
    CanarySettings,
    Colour,
    ServiceSettings,
)
from switchyard.manifests import argo_blue_green, blue_green, canary, pods
from switchyard.manifests.analysis import templates
from switchyard.manifests.autoscaling import autoscaler
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import canary_name, preview_name, stable_name
from switchyard.manifests.pods import Manifest
from switchyard.manifests.rollout import version_service


def objects_of(name: str, service: ServiceSettings) -> Iterator[Manifest]:
    """The objects of a service, as its strategy has them.

    Args:
        name: the service's name.
        service: settings of the service.
    """
    yield pods.service_account(name, service)
    yield pods.active_service(name, service)
    if isinstance(service, BlueGreenSettings):
        for colour in Colour:
            yield blue_green.colour_service(name, colour, service)
            yield disruption_budget(name, colour, service)
            yield blue_green.deployment(name, colour, service)
    elif isinstance(service, CanarySettings):
        yield from _canary(name, service)
    elif isinstance(service, ArgoBlueGreenSettings):
        yield version_service(name, preview_name(name), service)
        yield disruption_budget(name, service.track, service)
        yield from argo_blue_green.templates(name, service)
        yield argo_blue_green.rollout(name, service)
    if service.autoscaling is not None:
        yield autoscaler(name, service, service.autoscaling)


def _canary(name: str, service: CanarySettings) -> Iterator[Manifest]:
    for version in (stable_name(name), canary_name(name)):
        yield version_service(name, version, service)
    yield disruption_budget(name, service.track, service)
    yield from templates(name, service)
    if service.canary.traffic == "istio":
        yield canary.virtual_service(name, service)
    yield canary.rollout(name, service)
