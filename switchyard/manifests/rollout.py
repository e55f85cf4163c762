"""The common part of a canary and of argoBlueGreen: the Rollout, and a Service for each version."""

from switchyard.config.kubernetes import ROLLOUTS
from switchyard.config.models.service import CanarySettings, RolloutSettings, Track
from switchyard.manifests.labels import BACKGROUND_DELETION, CONFIGURED_PODS, SKIP_AWAIT, selector
from switchyard.manifests.pods import Manifest, digest, metadata, pod_template, service_ports


def rollout(
    name: str,
    service: RolloutSettings,
    strategy: Manifest,
    content: str | None,
    replicas: int | None,
    *,
    progress_deadline_abort: bool,
) -> Manifest:
    """The Rollout of a service, with the given strategy.

    Args:
        name: the service's name.
        service: settings of the service.
        strategy: the field `strategy` of the Rollout's spec.
        content: hash of the ConfigMaps and Secrets that make a new version; None renders none.
        replicas: number of pods that an autoscaler has set; None for the configured number.
        progress_deadline_abort: whether a version that makes no progress in time is aborted.
    """
    template = pod_template(name, Track.ROLLOUT, service, service.tag, content=content)
    spec: Manifest = {
        "revisionHistoryLimit": service.revision_history_limit,
        "progressDeadlineSeconds": service.progress_deadline_seconds,
        "progressDeadlineAbort": progress_deadline_abort,
        "selector": {"matchLabels": selector(name, Track.ROLLOUT)},
        "template": template,
        "strategy": strategy,
    }
    if (pods := service.replicas if replicas is None else replicas) is not None:
        spec["replicas"] = pods
    if service.min_ready_seconds:
        spec["minReadySeconds"] = service.min_ready_seconds
    annotations = BACKGROUND_DELETION | {CONFIGURED_PODS: digest(template)}
    return {
        "apiVersion": ROLLOUTS,
        "kind": "Rollout",
        "metadata": metadata(name, name, service, annotations),
        "spec": spec,
    }


def version_service(name: str, version: str, service: RolloutSettings) -> Manifest:
    """The Service of one version, whose selector Argo Rollouts keeps on the pods of that version.

    Args:
        name: the service's name.
        version: name of the Service: stable, canary or preview.
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
