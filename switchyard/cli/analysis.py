"""Measures what the analysis of a canary would measure now, once, and judges it as Argo Rollouts does."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import httpx

from switchyard.analysis_errors import NoAnalysisError, NoVersionError, PrometheusError
from switchyard.cli.prometheus import ANSWER_SECONDS, ask
from switchyard.config.commands import typed
from switchyard.config.errors import set_command
from switchyard.config.kubernetes import ARGO_ROLLOUTS
from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import CanarySettings, ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.rollout import state_of
from switchyard.manifests.analysis import Comparison, Metric, metrics

WORDS = {Comparison.AT_LEAST: "is at least", Comparison.BELOW: "is below"}


class AnalysisVerdict(StrEnum):
    """The result of one measurement, as Argo Rollouts names it."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


@dataclass(frozen=True)
class Version:
    """The pods of one template: the new version, the stable one, or the one named by `--hash`."""

    role: Literal["new", "stable", "given"]
    pod_hash: str


@dataclass(frozen=True)
class Judgement:
    """The result of one measurement, as Argo Rollouts would judge it.

    Attributes:
        version: the version that was measured.
        metric: the metric that was measured.
        verdict: the verdict of Argo Rollouts on it.
        value: the measured value as text, in the metric's unit; None without a result.
        reason: the reason for the verdict, as text.
    """

    version: Version
    metric: Metric
    verdict: AnalysisVerdict
    value: str | None
    reason: str


async def measure(
    access: ClusterAccess, name: str, service: CanarySettings, analysis: Analysis, pod_hash: str | None
) -> list[Judgement]:
    """Measures the new version, and the stable one if that is another.

    Args:
        access: the cluster.
        name: the service's name.
        service: settings of the service.
        analysis: the queries, and the address of Prometheus.
        pod_hash: measures only these pods, without a call to the cluster.

    Raises:
        NoVersionError: there is no version to measure.
        switchyard.errors.PrometheusUnresolvedError: this machine does not resolve the host name of Prometheus.
        switchyard.errors.ClusterError: the cluster does not answer.
    """
    if pod_hash is None:
        cluster = await Cluster.connect(access)
        versions = versions_of(name, service, await cluster.rollout(service.namespace, name))
    else:
        versions = [Version("given", pod_hash)]
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
        return await asyncio.gather(
            *(
                _measurement(client, analysis, version, metric)
                for version in versions
                for metric in metrics(name, analysis, version.pod_hash)
            )
        )


async def _measurement(client: httpx.AsyncClient, analysis: Analysis, version: Version, metric: Metric) -> Judgement:
    try:
        result = await ask(client, analysis.prometheus, metric.query)
    except PrometheusError as error:
        return Judgement(version, metric, AnalysisVerdict.ERROR, None, str(error))
    return judge(analysis, version, metric, result)


def judge(analysis: Analysis, version: Version, metric: Metric, result: Sequence[float]) -> Judgement:
    """Judges a result by its first sample; what is neither a success nor a failure is inconclusive."""
    if not result:
        shortage = f"fewer than {analysis.min_requests} requests" if analysis.min_requests > 1 else "no requests"
        return Judgement(
            version, metric, AnalysisVerdict.INCONCLUSIVE, None, f"{shortage} in {analysis.window_seconds} s"
        )
    value, threshold = result[0], metric.threshold
    verdicts = {metric.comparison: AnalysisVerdict.SUCCESSFUL, metric.comparison.opposite: AnalysisVerdict.FAILED}
    for comparison, verdict in verdicts.items():
        if comparison.holds(value, threshold):
            shown = _shown(value, threshold)
            return Judgement(version, metric, verdict, shown, f"{shown} {WORDS[comparison]} {threshold}")
    reason = f"not a number: nothing was counted in {analysis.window_seconds} s"
    return Judgement(version, metric, AnalysisVerdict.INCONCLUSIVE, "NaN", reason)


def succeeded(judgements: Sequence[Judgement]) -> bool:
    """Whether the first version, which is the one to judge, succeeds by every metric."""
    return all(
        judgement.verdict is AnalysisVerdict.SUCCESSFUL
        for judgement in judgements
        if judgement.version == judgements[0].version
    )


def hint(name: str, analysis: Analysis, judgements: Iterable[Judgement]) -> str | None:
    """Another possible cause than too few requests where a result has no samples; None when all have samples."""
    if all(judgement.value is not None or judgement.verdict is AnalysisVerdict.ERROR for judgement in judgements):
        return None
    return (
        "If there were more requests, the metrics are named or labelled otherwise: the stack says "
        f"{analysis.requests_metric} and {analysis.duration_metric}, with labels "
        f'service="{analysis.service_label or name}" and {analysis.hash_label}.'
    )


def analysed(name: str, service: ServiceSettings) -> tuple[CanarySettings, Analysis]:
    """The settings of a service under a canary, and its analysis.

    Raises:
        NoAnalysisError: the service has no analysis.
    """
    if not isinstance(service, CanarySettings):
        raise NoAnalysisError(
            f"{name}: has no analysis: its strategy is {service.strategy}, and only blueGreen and canary have one"
        )
    if service.canary.analysis is None:
        remedy = set_command(f"{SERVICES}.{name}.canary.analysis.prometheus", Analysis().prometheus)
        raise NoAnalysisError(f"{name}: has no analysis: canary.analysis is empty. {remedy}")
    return service, service.canary.analysis


def versions_of(name: str, service: CanarySettings, rollout: Mapping[str, Any] | None) -> list[Version]:
    """The version that a Rollout releases, then the stable one if that is another.

    Raises:
        NoVersionError: the Rollout does not exist, or its controller has not observed it yet.
    """
    if rollout is None:
        raise NoVersionError(
            f"{key_of(name)}: there is no Rollout in namespace {service.namespace}. Create it: {typed('pulumi up')}"
        )
    state, stable = state_of(rollout), rollout.get("status", {}).get("stableRS")
    if not (state.observed and state.pod_hash):
        remedy = f"See: kubectl -n {ARGO_ROLLOUTS} get pods"
        raise NoVersionError(f"{key_of(name)}: the controller has not observed the current Rollout yet. {remedy}")
    if state.pod_hash == stable:
        return [Version("stable", stable)]
    return [Version("new", state.pod_hash), *([Version("stable", stable)] if stable else [])]


def _shown(value: float, threshold: float) -> str:
    """The shortest text of a value that is on the same side of its threshold as the value."""
    short = f"{value:.4g}"
    return short if (float(short) < threshold) == (value < threshold) else str(value)
