"""The queries of an analysis to Prometheus, and their AnalysisTemplates.

A query measures the pods of one template alone. Without enough traffic it has no result, so that the measurement is
inconclusive; without a single success or a single failure it still has one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchyard.config.kubernetes import ROLLOUTS
from switchyard.config.models.canary import Analysis, MetricKey
from switchyard.config.models.service import ServiceSettings
from switchyard.manifests.pods import Manifest, metadata

HASH_ARGUMENT = "pod-hash"
"""Argument of every template: `rollouts-pod-template-hash` of the version to judge."""

HASH_PLACEHOLDER = f"{{{{args.{HASH_ARGUMENT}}}}}"
"""Where Argo Rollouts puts the value of that argument into a query."""

QUANTILE = 0.95


class Comparison(StrEnum):
    """How a result must compare with its threshold; the value is the operator in Argo Rollouts' expressions."""

    AT_LEAST = ">="
    BELOW = "<"

    @property
    def opposite(self) -> "Comparison":
        """The comparison that holds where this one does not."""
        return Comparison.BELOW if self is Comparison.AT_LEAST else Comparison.AT_LEAST

    def holds(self, value: float, threshold: float) -> bool:
        """Whether the comparison holds; for NaN neither this one nor its opposite does."""
        return value >= threshold if self is Comparison.AT_LEAST else value < threshold


@dataclass(frozen=True)
class Metric:
    """One metric of an analysis.

    Attributes:
        name: name of the metric, and the end of its template's name.
        query: query in PromQL, with a placeholder for the pods' hash; it has no result without enough requests.
        comparison: comparison with the threshold that is a success; the opposite one is a failure.
        threshold: threshold in the unit of the result.
        unit: unit of the result.
    """

    name: str
    query: str
    comparison: Comparison
    threshold: float
    unit: str

    @property
    def success(self) -> str:
        """The condition of a success in an expression of Argo Rollouts, for example ``>= 0.95``."""
        return f"{self.comparison} {self.threshold}"

    @property
    def failure(self) -> str:
        """The condition of a failure, the opposite of a success, for example ``< 0.95``."""
        return f"{self.comparison.opposite} {self.threshold}"


def metrics(name: str, analysis: Analysis, pod_hash: str = HASH_PLACEHOLDER) -> list[Metric]:
    """The metrics of one version of a service.

    Args:
        name: the service's name.
        analysis: settings of the analysis.
        pod_hash: `rollouts-pod-template-hash` of the version.
    """
    labels = {"service": analysis.service_label or name, **analysis.labels, analysis.hash_label: pod_hash}
    pods = ",".join(f'{label}="{value}"' for label, value in labels.items())
    renderers = {"success-rate": _success_rate, "latency-p95": _latency}
    return [renderers[key](analysis, pods, f"[{analysis.window_seconds}s]") for key in analysis.enabled]


def _success_rate(analysis: Analysis, pods: str, window: str) -> Metric:
    requests = analysis.requests_metric
    # Without the label nothing would count as a failure, and every version pass: then there is no result instead.
    every = f'sum(increase({requests}{{{pods},status!=""}}{window}))'
    # A version that never failed has no series of failures, and a version that always failed has none of successes: so
    # the share of the failures is subtracted from 1.
    failed = f'(sum(increase({requests}{{{pods},status=~"5.."}}{window})) or vector(0))'
    return Metric(
        name="success-rate",
        query=f"(1 - {failed} / {every}) and {every} >= {analysis.min_requests}",
        comparison=Comparison.AT_LEAST,
        threshold=analysis.success_rate.min,
        unit="of 1",
    )


def _latency(analysis: Analysis, pods: str, window: str) -> Metric:
    durations = analysis.duration_metric
    buckets = f"sum by (le) (rate({durations}_bucket{{{pods}}}{window}))"
    every = f"sum(increase({durations}_count{{{pods}}}{window}))"
    return Metric(
        name="latency-p95",
        query=f"histogram_quantile({QUANTILE}, {buckets}) and {every} >= {analysis.min_requests}",
        comparison=Comparison.BELOW,
        threshold=analysis.latency_p95.max_seconds,
        unit="s",
    )


def template_name(name: str, metric: str, *, background: bool) -> str:
    """Name of a metric's AnalysisTemplate."""
    return f"{name}-{metric}-background" if background else f"{name}-{metric}"


def templates(name: str, service: ServiceSettings) -> list[Manifest]:
    """The AnalysisTemplates of a canary: one for each metric, for the steps and for the background analysis."""
    analysis = service.canary.analysis
    if analysis is None:
        return []
    return [
        template(
            template_name(name, metric.name, background=background),
            name,
            service,
            analysis,
            metric,
            # Without a count a step's analysis would never end, and with one that in the background would.
            counted=not background,
        )
        for background in _kinds(service, analysis)
        for metric in metrics(name, analysis)
    ]


def reference(name: str, analysis: Analysis, asked: Collection[MetricKey], *, background: bool) -> Manifest:
    """The reference of a step or of the background analysis to the templates of enabled metrics."""
    return reference_to(template_name(name, key, background=background) for key in analysis.enabled if key in asked)


def reference_to(template_names: Iterable[str]) -> Manifest:
    """The reference of a Rollout to AnalysisTemplates, with the new version's pods as argument."""
    return {
        "templates": [{"templateName": template_name} for template_name in template_names],
        "args": [{"name": HASH_ARGUMENT, "valueFrom": {"podTemplateHashValue": "Latest"}}],
    }


def _kinds(service: ServiceSettings, analysis: Analysis) -> list[bool]:
    asked = any(step.analysis for step in service.canary.steps)
    return [False] * asked + [True] * analysis.background


def template(
    template_name: str,
    name: str,
    service: ServiceSettings,
    analysis: Analysis,
    metric: Metric,
    *,
    counted: bool = True,
) -> Manifest:
    """The AnalysisTemplate of one metric.

    Args:
        template_name: name of the template.
        name: the service's name.
        service: settings of the service.
        analysis: settings of the analysis.
        metric: the metric of the template.
        counted: whether the analysis ends after a number of measurements.
    """
    measured: dict[str, Any] = {
        "name": metric.name,
        "interval": f"{analysis.interval_seconds}s",
        # With both conditions a result that meets neither is inconclusive, and not a failure or even a success.
        "successCondition": _condition(metric.success),
        "failureCondition": _condition(metric.failure),
        "failureLimit": analysis.failure_limit,
        "inconclusiveLimit": analysis.inconclusive_limit,
        "consecutiveErrorLimit": analysis.consecutive_error_limit,
        "provider": {"prometheus": {"address": analysis.prometheus, "query": metric.query}},
    }
    if analysis.initial_delay_seconds:
        measured["initialDelay"] = f"{analysis.initial_delay_seconds}s"
    if counted:
        measured["count"] = analysis.count
    return {
        "apiVersion": ROLLOUTS,
        "kind": "AnalysisTemplate",
        "metadata": metadata(template_name, name, service),
        "spec": {"args": [{"name": HASH_ARGUMENT}], "metrics": [measured]},
    }


def _condition(compared: str) -> str:
    return f"len(result) > 0 && !isNaN(result[0]) && result[0] {compared}"
