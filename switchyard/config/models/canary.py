"""How a canary goes: its steps, what is measured meanwhile, and what is done about it.

Defaults are the mission's: 10 %, 30 %, 50 %, 100 %, with pauses and an analysis in between.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from switchyard.config.models.base import Bool, Int, Model, Number, Seconds
from switchyard.config.models.routing import CanaryRoute, CanaryScale, Routed, Traffic
from switchyard.config.types.text import AnnotationKey, LabelKey, LabelValue, MetricName, Url

Percent = Annotated[Int, Field(ge=1, le=100)]
Count = Annotated[Int, Field(ge=1, le=1000)]
Limit = Annotated[Int, Field(ge=0, le=1000)]


MetricKey = Literal["success-rate", "latency-p95"]
"""What an analysis can measure; the end of its template's name."""


ALL: tuple[MetricKey, ...] = ("success-rate", "latency-p95")
"""What `analysis: true` asks for, as far as it is enabled."""


def _named(value: Any) -> Any:
    if value is True:
        return ALL
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"must be true, or a list of {' and '.join(ALL)} | Example: true")
    return value


class CanaryStep(Model):
    """One step: exactly one of its keys.

    Attributes:
        weight: share of the traffic that the new version gets from here on, percent.
        pause: how long nothing is changed, s; 0 waits for `kubectl argo rollouts promote`.
        analysis: an analysis that must succeed before the next step: of everything that is enabled, or of some of it.
        scale: pods of the new version from here on, under a traffic router.
        route: requests that get the new version from here on, under a traffic router.
    """

    weight: Percent | None = None
    pause: Annotated[Int, Field(ge=0, le=7 * 24 * 3600)] | None = None
    analysis: Annotated[tuple[MetricKey, ...], BeforeValidator(_named)] | None = None
    scale: CanaryScale | None = None
    route: CanaryRoute | None = None


class SuccessRate(Model):
    """The share of requests that did not end in 5xx.

    Attributes:
        enabled: whether it is looked at.
        min: the least that is well.
    """

    enabled: Bool = True
    min: Annotated[Number, Field(gt=0, le=1)] = 0.95


class Latency(Model):
    """The 95th percentile of the time that requests took.

    Attributes:
        enabled: whether it is looked at.
        max_seconds: what it must stay below, s. A bucket of the histogram should have its edge there, or the
            percentile is a guess between two edges; above the largest finite edge every version is well.
    """

    enabled: Bool = True
    max_seconds: Annotated[Number, Field(gt=0, le=60)] = 0.5


class Analysis(Model):
    """What is asked of Prometheus, how often, and how much of it may go wrong.

    Attributes:
        prometheus: address of its API, as the Rollouts' controller reaches it.
        success_rate: the share of requests that must succeed.
        latency_p95: how long requests may take.
        window_seconds: of the past that a question is about, s.
        interval_seconds: between two measurements, s.
        count: measurements of one step's analysis.
        initial_delay_seconds: before the first measurement, s.
        failure_limit: failed measurements of one metric that are let pass; one more aborts.
        inconclusive_limit: measurements without enough traffic that are let pass; one more pauses the Rollout, for
            a human to decide.
        consecutive_error_limit: questions in a row that Prometheus does not answer; one more aborts.
        min_requests: requests to the new version within the window below which nothing is concluded.
        background: also measures from the first step to the last, and aborts at any moment.
        service_label: value of the metrics' label `service`; None takes the service's name.
        requests_metric: counter of requests, with labels `service` and `status`.
        duration_metric: histogram of their durations, s, with label `service`.
        labels: that the metrics of this service have besides, for example their namespace: a template has the same
            hash in every namespace and cluster.
        hash_label: label in which the metrics carry the pods' `rollouts-pod-template-hash`: without one the old and
            the new version could not be told apart.
    """

    prometheus: Url = "http://prometheus:9090"
    success_rate: SuccessRate = SuccessRate()
    latency_p95: Latency = Latency()
    window_seconds: Seconds = 300
    interval_seconds: Seconds = 60
    count: Count = 5
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 0
    failure_limit: Limit = 3
    inconclusive_limit: Limit = 1
    consecutive_error_limit: Limit = 4
    min_requests: Limit = 20
    background: Bool = False
    service_label: LabelValue | None = None
    requests_metric: MetricName = "http_requests_total"
    duration_metric: MetricName = "http_request_duration_seconds"
    labels: dict[MetricName, LabelValue] = {}
    hash_label: MetricName = "rollouts_pod_template_hash"

    @property
    def enabled(self) -> tuple[MetricKey, ...]:
        """What is measured, in the order of `ALL`."""
        wanted = (self.success_rate.enabled, self.latency_p95.enabled)
        return tuple(key for key, enabled in zip(ALL, wanted, strict=True) if enabled)


class Ephemeral(Model):
    """Labels and annotations that pods have while they are the new version, or the old one beside it."""

    labels: dict[LabelKey, LabelValue] = {}
    annotations: dict[AnnotationKey, str] = {}


def _default_steps(*, analysed: bool = True) -> tuple[CanaryStep, ...]:
    steps: list[CanaryStep] = []
    for weight, pause in ((10, 300), (30, 300), (50, 600)):
        steps += [CanaryStep(weight=weight), CanaryStep(pause=pause), *([CanaryStep(analysis=ALL)] if analysed else [])]
    return tuple(steps)


class Canary(Routed):
    """How a canary goes.

    Attributes:
        steps: in order; behind the last one the new version gets everything. The default steps have an analysis behind
            each pause, or pauses alone with `analysis: null`.
        traffic: what makes the shares: `replicas` by the number of pods of each version, `alb` by the weights of a load
            balancer of AWS, `istio` by those of a service mesh.
        analysis: what is measured; None promotes by time alone, and needs no Prometheus.
        max_surge: pods beyond the wanted ones while versions change.
        anti_affinity: asks the scheduler to keep the two versions on different nodes.
        progress_deadline_abort: whether a version whose pods do not get ready is given up.
        rollback_window_revisions: how many revisions back skip all steps; 0 takes none.
        canary_metadata: of pods while they are the new version.
        stable_metadata: of pods while they are the old version.
        wait: whether an update ends when the Rollout is on its way, or when it has ended, well or badly.
        wait_seconds: how long it waits for that end, s.
    """

    steps: tuple[CanaryStep, ...] = _default_steps()
    traffic: Traffic = "replicas"
    analysis: Analysis | None = Analysis()
    max_surge: Annotated[Int, Field(ge=1, le=100)] = 1
    anti_affinity: Bool = False
    progress_deadline_abort: Bool = True
    rollback_window_revisions: Limit = 0
    canary_metadata: Ephemeral = Ephemeral()
    stable_metadata: Ephemeral = Ephemeral()
    wait: Literal["progressing", "finished"] = "progressing"
    wait_seconds: Annotated[Int, Field(ge=1, le=7 * 24 * 3600)] = 3600

    @model_validator(mode="before")
    @classmethod
    def _without_analysis(cls, data: Any) -> Any:
        """Default steps ask for no analysis where there is none; steps that are given stay as they are."""
        if isinstance(data, Mapping) and data.get("analysis", Analysis()) is None and "steps" not in data:
            return {**data, "steps": _default_steps(analysed=False)}
        return data
