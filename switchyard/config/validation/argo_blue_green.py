"""Rules across the fields of a release by Argo's own blue/green."""

from collections.abc import Iterator

from switchyard.config.errors import Problem, set_command
from switchyard.config.models.service import ArgoBlueGreenSettings
from switchyard.config.validation.analysis import analysis_problems
from switchyard.config.validation.canary import tag_problems


def argo_blue_green_problems(path: str, service: ArgoBlueGreenSettings, *, production: bool) -> Iterator[Problem]:
    """Rules within a service under Argo's blue/green.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
        production: whether the stack is marked production.
    """
    yield from tag_problems(f"{path}.tag", service.tag, production=production)
    settings, at = service.argo_blue_green, f"{path}.argoBlueGreen"
    if service.replicas == 0 and service.autoscaling is None:
        yield Problem(f"{path}.replicas", "0", "a service needs pods", set_command(f"{path}.replicas", "3"))
    automatic = settings.auto_promotion
    if automatic.delay_seconds and not automatic.enabled:
        rule = "nothing is promoted by itself (autoPromotion.enabled: false), so that there is nothing to delay"
        remedy = set_command(f"{at}.autoPromotion.delaySeconds", "0")
        yield Problem(f"{at}.autoPromotion.delaySeconds", str(automatic.delay_seconds), rule, remedy)
    if settings.wait == "finished" and not automatic.enabled:
        rule = "waits for a person to promote, while the update waits for the end (argoBlueGreen.wait: finished)"
        remedy = set_command(f"{at}.wait", "progressing")
        yield Problem(f"{at}.autoPromotion.enabled", "False", rule, remedy)
    preview = settings.preview_replica_count
    most = service.most_replicas_of(service.track)
    if preview is not None and most is not None and preview > most:
        rule = f"must not be above {'replicas' if service.autoscaling is None else 'autoscaling.max'}, {most}"
        remedy = set_command(f"{at}.previewReplicaCount", str(most))
        yield Problem(f"{at}.previewReplicaCount", str(preview), rule, remedy)
    for key, analysis in (("prePromotion", settings.pre_promotion), ("postPromotion", settings.post_promotion)):
        if analysis is None:
            continue
        yield from analysis_problems(f"{at}.{key}", analysis, counted=True)
        if analysis.background:
            rule = "the analysis of a promotion has an end; only a canary has one in the background"
            yield Problem(f"{at}.{key}.background", "True", rule, set_command(f"{at}.{key}.background", "false"))
