"""Manifests of one service under Argo Rollouts' own blue/green."""

from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import ArgoBlueGreenSettings
from switchyard.manifests import rollout as shared
from switchyard.manifests.analysis import metrics, reference_to, template
from switchyard.manifests.labels import preview_name
from switchyard.manifests.pods import Manifest

PRE, POST = "pre-promotion", "post-promotion"


def selected(name: str) -> dict[str, str]:
    """The selector of the users' Service, to which the controller adds the hash of the version that serves.

    The track is not in it: the selector matches pods of a colour as well, so that a strategy migration to the Rollout
    takes no pod out of the Service. And the controller refuses a Rollout whose Service selects a label that its pods
    do not have.
    """
    return {"app": name}


def templates(name: str, service: ArgoBlueGreenSettings) -> list[Manifest]:
    """The AnalysisTemplates of the analyses before and after the promotion, one a metric."""
    return [
        template(_template_name(name, metric.name, phase), name, service, analysis, metric)
        for phase, analysis in _analyses(service).items()
        for metric in metrics(name, analysis)
    ]


def rollout(
    name: str, service: ArgoBlueGreenSettings, content: str | None = None, replicas: int | None = None
) -> Manifest:
    """The Rollout of Argo Rollouts' blue/green; arguments as of `switchyard.manifests.rollout.rollout`."""
    strategy, abort = {"blueGreen": _strategy(name, service)}, service.argo_blue_green.progress_deadline_abort
    return shared.rollout(name, service, strategy, content, replicas, progress_deadline_abort=abort)


def _strategy(name: str, service: ArgoBlueGreenSettings) -> Manifest:
    settings = service.argo_blue_green
    strategy: Manifest = {
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
    for key, phase in (("prePromotionAnalysis", PRE), ("postPromotionAnalysis", POST)):
        if phase in analyses:
            names = [_template_name(name, metric.name, phase) for metric in metrics(name, analyses[phase])]
            strategy[key] = reference_to(names)
    return strategy


def _analyses(service: ArgoBlueGreenSettings) -> dict[str, Analysis]:
    settings = service.argo_blue_green
    analyses = {PRE: settings.pre_promotion, POST: settings.post_promotion}
    return {phase: analysis for phase, analysis in analyses.items() if analysis is not None}


def _template_name(name: str, metric: str, phase: str) -> str:
    return f"{name}-{metric}-{phase}"
