"""Manifests of one service under Argo Rollouts' own blue/green."""

from typing import Any

from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import ArgoBlueGreenSettings, Track
from switchyard.manifests.analysis import HASH_ARGUMENT, metrics, template
from switchyard.manifests.canary import API_VERSION
from switchyard.manifests.labels import CONFIGURED_PODS, GONE_AT_ONCE, preview_name, selector
from switchyard.manifests.pods import Manifest, digest, metadata, pod_template

PRE, POST = "pre-promotion", "post-promotion"


def selected(name: str) -> dict[str, str]:
    """The selector of the users' Service, to which the controller adds the hash of the version that serves.

    The track is not in it: the selector matches pods of a colour as well, so that a strategy migration to the Rollout
    takes no pod out of the Service. And the controller refuses a Rollout whose Service selects a label that its pods
    do not have.
    """
    return {"app": name}


def templates(name: str, service: ArgoBlueGreenSettings) -> list[Manifest]:
    """The AnalysisTemplates of the two analyses, one a metric."""
    made = []
    for when, analysis in _analyses(service).items():
        for metric in metrics(name, analysis):
            manifest = template(name, service, analysis, metric, background=False)
            made.append(manifest | {"metadata": metadata(_template_name(name, metric.name, when), name, service)})
    return made


def rollout(
    name: str, service: ArgoBlueGreenSettings, content: str | None = None, replicas: int | None = None
) -> Manifest:
    """The pods, and how a new version of them takes over.

    Args:
        name: the service's name.
        service: its settings.
        content: hash of the ConfigMaps and Secrets that make a new version; None renders none.
        replicas: the number of pods where an autoscaler decides; None takes that of the settings.
    """
    settings = service.argo_blue_green
    strategy: dict[str, Any] = {
        "activeService": name,
        "previewService": preview_name(name),
        "autoPromotionEnabled": settings.auto_promotion.enabled,
        "scaleDownDelaySeconds": settings.scale_down_delay_seconds,
        "abortScaleDownDelaySeconds": settings.abort_scale_down_delay_seconds,
    }
    if settings.auto_promotion.delay_seconds:
        strategy["autoPromotionSeconds"] = settings.auto_promotion.delay_seconds
    if settings.preview_replica_count is not None:
        strategy["previewReplicaCount"] = settings.preview_replica_count
    analyses = _analyses(service)
    for key, when in (("prePromotionAnalysis", PRE), ("postPromotionAnalysis", POST)):
        if when in analyses:
            strategy[key] = _reference(name, analyses[when], when)
    template = pod_template(name, Track.ROLLOUT, service, service.tag, content=content)
    spec: dict[str, Any] = {
        "revisionHistoryLimit": service.revision_history_limit,
        "progressDeadlineSeconds": service.progress_deadline_seconds,
        "progressDeadlineAbort": settings.progress_deadline_abort,
        "selector": {"matchLabels": selector(name, Track.ROLLOUT)},
        "template": template,
        "strategy": {"blueGreen": strategy},
    }
    if (pods := service.replicas if replicas is None else replicas) is not None:
        spec["replicas"] = pods
    if service.min_ready_seconds:
        spec["minReadySeconds"] = service.min_ready_seconds
    head = metadata(name, name, service, GONE_AT_ONCE | {CONFIGURED_PODS: digest(template)})
    return {"apiVersion": API_VERSION, "kind": "Rollout", "metadata": head, "spec": spec}


def _analyses(service: ArgoBlueGreenSettings) -> dict[str, Analysis]:
    settings = service.argo_blue_green
    given = {PRE: settings.pre_promotion, POST: settings.post_promotion}
    return {when: analysis for when, analysis in given.items() if analysis is not None}


def _template_name(name: str, metric: str, when: str) -> str:
    return f"{name}-{metric}-{when}"


def _reference(name: str, analysis: Analysis, when: str) -> Manifest:
    named = [_template_name(name, metric.name, when) for metric in metrics(name, analysis)]
    return {
        "templates": [{"templateName": template_name} for template_name in named],
        "args": [{"name": HASH_ARGUMENT, "valueFrom": {"podTemplateHashValue": "Latest"}}],
    }
