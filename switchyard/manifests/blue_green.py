"""Manifests of one blue/green service, colour by colour."""

from switchyard.config.kubernetes import APPS
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.manifests.labels import CONFIGURED_PODS, SKIP_AWAIT, colour_name, selector
from switchyard.manifests.pods import Manifest, digest, metadata, pod_template, service_ports
from switchyard.manifests.weights import switched_by_weights


def colour_service(name: str, colour: Colour, service: BlueGreenSettings) -> Manifest:
    """A colour's own Service, whatever the active Service selects. Smoke tests use it.

    A NodePort where the load balancer has a target group for each colour.
    """
    kind = "NodePort" if switched_by_weights(service) else "ClusterIP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(colour_name(name, colour), name, service, SKIP_AWAIT),
        "spec": {"type": kind, "selector": selector(name, colour), "ports": service_ports(service)},
    }


def deployment(
    name: str,
    colour: Colour,
    service: BlueGreenSettings,
    content: str | None = None,
    replicas: int | None = None,
) -> Manifest:
    """The Deployment of one colour.

    A colour without a tag is rendered with the tag of the active colour and, as the settings demand, without
    replicas: the Deployment exists and runs no pod.

    Args:
        name: the service's name.
        colour: the colour of the pods.
        service: settings of the service.
        content: hash of the ConfigMaps and Secrets that make a new version; None renders none.
        replicas: number of pods that an autoscaler has set; None for the configured number.
    """
    settings, serving = service.colour(colour), service.colour(service.active)
    template = pod_template(name, Track(colour), service, settings.tag or serving.tag, settings, content)
    ready = {"minReadySeconds": service.min_ready_seconds} if service.min_ready_seconds else {}
    return {
        "apiVersion": APPS,
        "kind": "Deployment",
        "metadata": metadata(colour_name(name, colour), name, service, {CONFIGURED_PODS: digest(template)}),
        "spec": {
            "replicas": settings.replicas if replicas is None else replicas,
            "selector": {"matchLabels": selector(name, colour)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "progressDeadlineSeconds": service.progress_deadline_seconds,
            "revisionHistoryLimit": service.revision_history_limit,
            "template": template,
            **ready,
        },
    }
