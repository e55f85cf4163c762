"""How a new version is judged after a switch."""

from typing import Annotated

from pydantic import Field, model_validator

from switchyard.config.models.base import Bool, Int, Model, Number
from switchyard.config.models.canary import Analysis, Latency
from switchyard.config.models.probes import PortNumber
from switchyard.config.types.text import LabelValue, MetricName, Url
from switchyard.config.types.values import Path

ErrorBound = Annotated[Number, Field(ge=0.0001, le=0.2)]
"""The probability of a wrong verdict."""

Share = Annotated[Number, Field(ge=0.0001, le=0.5)]
"""A share of requests, as a fraction of 1."""


class WatchedErrors(Model):
    """The share of requests that end in a status of 500 or more."""

    accepted: Share = Field(
        default=0.001,
        description=(
            "Share of failed requests that is accepted for every version, as a fraction of 1. If more requests to the "
            "old colour failed in the minutes before the switch, their share is accepted for the new colour too."
        ),
    )
    condemned: Share = Field(
        default=0.01,
        description=(
            "Share of failed requests, as a fraction of 1. A version passes only once the evidence shows that it stays "
            "below this share. The closer it is to `accepted`, the more requests are needed: with the defaults 509 if "
            "none fails, and on average about 680 if as many fail as accepted."
        ),
    )

    @model_validator(mode="after")
    def _apart(self) -> "WatchedErrors":
        if self.condemned < 2 * self.accepted:
            raise ValueError(
                f"condemned ({self.condemned:g}) must be at least twice accepted ({self.accepted:g}): no number of "
                "requests that a release has tells shares apart that are closer | Example: accepted 0.001, "
                "condemned 0.01"
            )
        return self


class WatchedLatency(Model):
    """The 95th percentile of the durations of requests, against a limit and against the old colour's."""

    enabled: Bool = Field(default=True, description="Whether the latency is judged.")
    max_seconds: Annotated[Number, Field(gt=0, le=60)] = Field(
        default=float(Latency.model_fields["max_seconds"].default),
        description=(
            "Limit in seconds that the percentile must stay below. If no bucket of the histogram ends at this "
            "value, the next larger boundary is the limit."
        ),
    )
    ignore_below_seconds: Annotated[Number, Field(ge=0, le=60)] = Field(
        default=0.05,
        description=(
            "Seconds up to which a request counts as fast, however fast the old colour was. A version whose 95th "
            "percentile is below this value does not count as slower than the old colour."
        ),
    )


class Watch(Model):
    """How the requests and the pods of the new colour are judged after a switch.

    The metrics are read each second from the pods, in the text format of Prometheus, through the API server, or from a
    Prometheus that scrapes the pods.
    """

    seconds: Annotated[Int, Field(ge=0, le=86400)] = Field(
        default=300,
        description=(
            "Seconds for which the new colour is watched after a switch. A version that is worse than accepted is "
            "rolled back as soon as the evidence suffices. 0 switches the watch off."
        ),
    )
    false_rollback: ErrorBound = Field(
        default=0.01,
        description=(
            "Probability, as a fraction of 1, that a version is rolled back although it is no worse than accepted. It "
            "holds for the whole watch, however often the evidence is evaluated."
        ),
    )
    missed: ErrorBound = Field(
        default=0.01,
        description=(
            "Probability, as a fraction of 1, that a version passes although it fails as often as `errors.condemned`."
        ),
    )
    errors: WatchedErrors = Field(
        default=WatchedErrors.model_construct(), description="Judges the share of requests that fail."
    )
    latency_p95: WatchedLatency = Field(
        default=WatchedLatency.model_construct(), description="Judges the 95th percentile of request durations."
    )
    max_restarts: Annotated[Int, Field(ge=0, le=100)] = Field(
        default=1,
        description=(
            "Number of container restarts in the new colour that are tolerated during the watch. One more restart "
            "rolls the version back, as does the first restart that a memory limit causes."
        ),
    )
    unready_seconds: Annotated[Int, Field(ge=1, le=3600)] = Field(
        default=10,
        description=(
            "Seconds for which more than half of the new colour's pods may have lost their readiness before the "
            "version is rolled back."
        ),
    )
    prometheus: Url | None = Field(
        default=None,
        description=(
            "URL of a Prometheus that scrapes the pods, without a user or password. Its series must have the labels "
            "`namespace` and `pod`. A Service of the cluster, `http://NAME.NAMESPACE:PORT`, is reached through the API "
            "server, any other address directly. Default: the metrics are read from the pods."
        ),
        examples=["http://prometheus.monitoring:9090"],
    )
    max_sample_age_seconds: Annotated[Int, Field(ge=1, le=300)] = Field(
        default=90,
        description=(
            "Greatest age of a pod's last sample in seconds, with `prometheus`. Older samples are not used. Set it to "
            "about three scrape intervals."
        ),
    )
    path: Path = Field(default="/metrics", description="Path of the pods' metrics.")
    port: PortNumber | None = Field(
        default=None,
        description="Port of the pods' metrics. Default: the port of the service.",
        examples=[9090],
    )
    requests_metric: MetricName = Field(
        default=str(Analysis.model_fields["requests_metric"].default),
        description="Name of the counter of requests.",
    )
    status_label: MetricName = Field(
        default="status", description="Label of the counter of requests that holds the HTTP status."
    )
    duration_metric: MetricName = Field(
        default=str(Analysis.model_fields["duration_metric"].default),
        description="Name of the histogram of request durations in seconds.",
    )
    labels: dict[MetricName, LabelValue] = Field(
        default={},
        description=(
            "Labels that a series must have to be counted, by name. Without labels, every series of the two metrics is "
            "counted, for all paths and clients."
        ),
        examples=[{"handler": "api"}],
    )
