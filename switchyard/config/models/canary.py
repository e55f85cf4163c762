"""A canary release: its steps, its analysis, and when it is aborted.

The default steps are 10 %, 30 %, 50 % and 100 %, with a pause and an analysis after each.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from switchyard.config.kubernetes import ROLLOUT_POD_TEMPLATE_HASH
from switchyard.config.models.base import Bool, Int, Model, Number, Seconds
from switchyard.config.models.pod import FreeAnnotationKey, Labels
from switchyard.config.models.rollout_wait import DeadlineAbort, UpdateEnd, WaitSeconds
from switchyard.config.models.routing import CanaryRoute, CanaryScale, Routed, Traffic
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import LabelValue, MetricName, Url

Percent = Annotated[Int, Field(ge=1, le=100)]
Count = Annotated[Int, Field(ge=1, le=1000)]
Limit = Annotated[Int, Field(ge=0, le=1000)]


MetricKey = Literal["success-rate", "latency-p95"]
"""Metrics of an analysis; each is the end of the name of its AnalysisTemplate."""


ALL: tuple[MetricKey, ...] = ("success-rate", "latency-p95")
"""Metrics that `analysis: true` measures, as far as they are enabled."""


def _named(value: Any) -> Any:
    if value is True:
        return ALL
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"must be true, or a list of {' and '.join(ALL)} | Example: true")
    return value


ANALYSIS = Checked(
    _named,
    f"true, or a list of {' and '.join(ALL)}",
    {"anyOf": [{"const": True}, {"type": "array", "items": {"enum": [*ALL]}, "minItems": 1}]},
    before=True,
)


class CanaryStep(Model):
    """One step of a canary. It has exactly one of these keys."""

    weight: Percent | None = Field(
        default=None,
        description=(
            "Share of the traffic for the new version from this step on, in percent. Each weight must be "
            "above the one before it."
        ),
        examples=[10],
    )
    pause: Annotated[Int, Field(ge=0, le=7 * 24 * 3600)] | None = Field(
        default=None,
        description="Seconds without a change before the next step. 0 waits for `kubectl argo rollouts promote`.",
        examples=[300],
    )
    analysis: Annotated[tuple[MetricKey, ...], ANALYSIS] | None = Field(
        default=None,
        description=(
            "Analysis that must succeed before the next step: true for every enabled metric, or a list of metrics."
        ),
        examples=[True],
    )
    scale: CanaryScale | None = Field(
        default=None,
        description=(
            "Pods of the new version from this step on. It needs a traffic router: `traffic: alb` or `traffic: istio`."
        ),
        examples=[{"replicas": 2}],
    )
    route: CanaryRoute | None = Field(
        default=None,
        description=(
            "Requests that the new version receives from this step on, whatever the weight. It needs a "
            "traffic router: `traffic: alb` or `traffic: istio`."
        ),
        examples=[{"name": "beta", "header": "X-Group", "value": "beta"}],
    )


class SuccessRate(Model):
    """The share of requests that did not end in a status of 500 or more."""

    enabled: Bool = Field(default=True, description="Whether the success rate is measured.")
    min: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.95, description="Lowest success rate that passes, as a fraction of 1.", examples=[0.99]
    )


class Latency(Model):
    """The 95th percentile of the durations of requests."""

    enabled: Bool = Field(default=True, description="Whether the latency is measured.")
    max_seconds: Annotated[Number, Field(gt=0, le=60)] = Field(
        default=0.5,
        description=(
            "Limit in seconds that the percentile must stay below. A bucket of the histogram should end at "
            "this value, because Prometheus interpolates between two bucket boundaries. Above the largest "
            "finite boundary every version passes."
        ),
        examples=[0.5],
    )


class Analysis(Model):
    """The measurements of a version by Prometheus: which metrics, how often, and how many may fail."""

    prometheus: Url = Field(
        default="http://prometheus:9090",
        description="URL at which the controller of Argo Rollouts reaches Prometheus, without a user or password.",
        examples=["http://prometheus.monitoring:9090"],
    )
    success_rate: SuccessRate = Field(
        default=SuccessRate.model_construct(), description="Measures the share of requests that succeed."
    )
    latency_p95: Latency = Field(
        default=Latency.model_construct(), description="Measures the 95th percentile of request durations."
    )
    window_seconds: Seconds = Field(default=300, description="Seconds of the past that one measurement covers.")
    interval_seconds: Seconds = Field(default=60, description="Seconds between two measurements.")
    count: Count = Field(
        default=5,
        description=(
            "Number of measurements in the analysis of one step. It must be greater than the sum of `failureLimit` and "
            "`inconclusiveLimit`."
        ),
    )
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=0, description="Seconds before the first measurement."
    )
    failure_limit: Limit = Field(
        default=3, description="Failed measurements of one metric that are tolerated. One more aborts the Rollout."
    )
    inconclusive_limit: Limit = Field(
        default=1,
        description=(
            "Measurements with too few requests that are tolerated. One more pauses the Rollout until a person decides."
        ),
    )
    consecutive_error_limit: Limit = Field(
        default=4,
        description=(
            "Consecutive measurements without an answer of Prometheus that are tolerated. One more aborts the Rollout."
        ),
    )
    min_requests: Limit = Field(
        default=20,
        description="Number of requests to the new version in the window, below which a measurement is inconclusive.",
    )
    background: Bool = Field(
        default=False,
        description=(
            "Whether a second analysis runs from the first step to the last, which may abort the Rollout at any "
            "time. Only for canaries."
        ),
    )
    service_label: LabelValue | None = Field(
        default=None,
        description="Value of the label `service` of the metrics. Default: the name of the service.",
        examples=["backend"],
    )
    requests_metric: MetricName = Field(
        default="http_requests_total",
        description="Name of the counter of requests, with the labels `service` and `status`.",
    )
    duration_metric: MetricName = Field(
        default="http_request_duration_seconds",
        description="Name of the histogram of request durations in seconds, with the label `service`.",
    )
    labels: dict[MetricName, LabelValue] = Field(
        default={},
        description=(
            "Further labels of the metrics of this service, by name, for example their namespace. They distinguish "
            "services of the same name in several namespaces or clusters."
        ),
        examples=[{"namespace": "payments"}],
    )
    hash_label: MetricName = Field(
        default="rollouts_pod_template_hash",
        description=(
            f"Label of the metrics that holds `{ROLLOUT_POD_TEMPLATE_HASH}` of the pods. It distinguishes the "
            "old version from the new one."
        ),
    )

    @property
    def enabled(self) -> tuple[MetricKey, ...]:
        """The metrics that are measured, in the order of `ALL`."""
        wanted = (self.success_rate.enabled, self.latency_p95.enabled)
        return tuple(key for key, enabled in zip(ALL, wanted, strict=True) if enabled)


class EphemeralMetadata(Model):
    """Labels and annotations that pods have only while a canary is in progress."""

    labels: Labels = Field(default={}, description="Labels by key.", examples=[{"role": "canary"}])
    annotations: dict[FreeAnnotationKey, str] = Field(
        default={}, description="Annotations by key.", examples=[{"example.org/role": "canary"}]
    )


def _default_steps(*, analysed: bool = True) -> tuple[CanaryStep, ...]:
    steps: list[CanaryStep] = []
    for weight, pause in ((10, 300), (30, 300), (50, 600)):
        steps += [
            CanaryStep.model_construct(weight=weight),
            CanaryStep.model_construct(pause=pause),
            *([CanaryStep.model_construct(analysis=ALL)] if analysed else []),
        ]
    return tuple(steps)


class Canary(Routed):
    """A release under `strategy: canary`, which gives the new version its traffic step by step."""

    steps: tuple[CanaryStep, ...] = Field(
        default=_default_steps(),
        description=(
            "Steps in order. After the last one the new version receives all traffic. The default steps have an "
            "analysis after each pause; with `analysis: null` they have pauses only."
        ),
        examples=[[{"weight": 20}, {"pause": 300}, {"analysis": True}]],
    )
    traffic: Traffic = Field(
        default="replicas",
        description=(
            "What divides the traffic: `replicas` by the number of pods of each version, `alb` by the "
            "weights of an AWS Application Load Balancer, `istio` by the weights of a VirtualService."
        ),
    )
    analysis: Analysis | None = Field(
        default=Analysis.model_construct(),
        description=(
            "Measurements that must succeed. With null, versions are promoted by time alone, and no Prometheus is "
            "needed."
        ),
        examples=[None],
    )
    max_surge: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=1, description="Number of pods that may exist above `replicas` during a release."
    )
    anti_affinity: Bool = Field(
        default=False, description="Whether the scheduler is asked to place the two versions on different nodes."
    )
    progress_deadline_abort: DeadlineAbort = True
    rollback_window_revisions: Limit = Field(
        default=0, description="Number of past revisions to which a rollback skips all steps. 0 skips none."
    )
    canary_metadata: EphemeralMetadata = Field(
        default=EphemeralMetadata.model_construct(),
        description="Labels and annotations of the new version's pods while it is being released.",
    )
    stable_metadata: EphemeralMetadata = Field(
        default=EphemeralMetadata.model_construct(),
        description="Labels and annotations of the stable version's pods while a new version is being released.",
    )
    wait: UpdateEnd = "progressing"
    wait_seconds: WaitSeconds = 3600

    @model_validator(mode="before")
    @classmethod
    def _without_analysis(cls, data: Any) -> Any:
        """Leaves the analyses out of the default steps if there is no analysis; explicit steps are not changed."""
        if isinstance(data, Mapping) and data.get("analysis", Analysis()) is None and "steps" not in data:
            return {**data, "steps": _default_steps(analysed=False)}
        return data
