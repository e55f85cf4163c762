"""Two methods for a canary of the same pods: this program, and the example in the documentation of Argo Rollouts.

The example is the inline analysis of its page on analysis, with the failure limit that the same page gives the query.
Metric and labels are those of the example application.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from devtools.benchmarks.method import SMALL, TAGS, Method
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import scraping
from devtools.toolchain.paths import binary
from switchyard.config.kubernetes import ROLLOUTS
from switchyard.config.models.canary import Analysis, Canary, CanaryStep
from switchyard.config.models.service import CanarySettings
from switchyard.manifests import canary as render
from switchyard.manifests import pods
from switchyard.manifests.pods import Manifest

OURS = "this program"
DOCUMENTED = "Argo Rollouts' documented example"
OLD, NEW = TAGS["blue"], TAGS["green"]

PODS = 10
"""Pods of the service, so that a share of a tenth is one pod."""

PRE_STOP_SECONDS = 5
"""Seconds for which a terminating pod still answers. The default of 35 s is for a load balancer; there is none here."""

FASTER = 30
"""The factor by which pauses, window and intervals are shorter than by default."""

SCRAPE_SECONDS = 1
"""Pause between two scrapes of a pod by Prometheus: its usual 30 s, shortened by `FASTER`."""

TEMPLATE = "success-rate"
"""Name of the documented template, and of its metric."""

ARGUMENT = "service-name"
"""The only argument of the template. It does not distinguish the versions."""


def settings(namespace: str, canary: dict[str, Any]) -> dict[str, Any]:
    """The service of both methods, as a stack's configuration has it.

    Args:
        namespace: namespace of the method; each has its own.
        canary: settings of its canaries.
    """
    return {
        "strategy": "canary",
        "image": "ghcr.io/org/backend",
        "namespace": namespace,
        "tag": OLD,
        "replicas": PODS,
        "env": {},
        "resources": SMALL,
        "readiness": {"initialDelaySeconds": 1, "periodSeconds": 1},
        "drain": {"preStopSeconds": PRE_STOP_SECONDS, "terminationGracePeriodSeconds": 30},
        "canary": canary,
    }


def shortened(canary: Canary, address: str, namespace: str) -> dict[str, Any]:
    """The defaults, `FASTER` times shorter, as a stack's configuration has them; judged by the success rate alone.

    Args:
        canary: the defaults.
        address: address of Prometheus.
        namespace: namespace of the pods that the queries select.
    """
    if canary.analysis is None:
        raise ValueError("the defaults have no analysis")
    steps: list[dict[str, Any]] = []
    for step in canary.steps:
        if step.analysis is not None:
            steps.append({"analysis": True})
        elif step.pause is not None:
            steps.append({"pause": step.pause // FASTER})
        else:
            steps.append({"weight": step.weight})
    analysis = {
        "prometheus": address,
        "windowSeconds": canary.analysis.window_seconds // FASTER,
        "intervalSeconds": canary.analysis.interval_seconds // FASTER,
        "initialDelaySeconds": canary.analysis.initial_delay_seconds // FASTER,
        "count": canary.analysis.count,
        "failureLimit": canary.analysis.failure_limit,
        "latencyP95": {"enabled": False},
        "labels": {"namespace": namespace},
    }
    return {"steps": steps, "analysis": analysis}


def configuration(kubeconfig: Path) -> dict[str, Any]:
    """The configuration of Prometheus: that of the sandbox, with intervals that are `FASTER` times shorter."""
    scrape_configuration = scraping(kubeconfig)
    scrape_configuration["global"]["scrape_interval"] = f"{SCRAPE_SECONDS}s"
    return scrape_configuration


def query(analysis: Analysis) -> str:
    """The documented query: the successful share of all requests to the service, at the latest rate."""
    fixed = "".join(f'{label}="{value}",' for label, value in analysis.labels.items())
    every = f'{fixed}service=~"{{{{args.{ARGUMENT}}}}}"'
    rates = [
        f"sum(irate({analysis.requests_metric}{{{labels}}}[{analysis.window_seconds}s]))"
        for labels in (f'{every},status!~"5.*"', every)
    ]
    return " / ".join(rates)


def template(service: CanarySettings) -> Manifest:
    """The AnalysisTemplate, with the thresholds and times of this program's analysis of the same service."""
    analysis = service.canary.analysis
    if analysis is None:
        raise ValueError("the documented example has an analysis, and the service has none")
    metric: dict[str, Any] = {
        "name": TEMPLATE,
        "interval": f"{analysis.interval_seconds}s",
        "count": analysis.count,
        "successCondition": f"result[0] >= {analysis.success_rate.min}",
        "failureLimit": analysis.failure_limit,
        "provider": {"prometheus": {"address": analysis.prometheus, "query": query(analysis)}},
    }
    if analysis.initial_delay_seconds:
        metric["initialDelay"] = f"{analysis.initial_delay_seconds}s"
    return {
        "apiVersion": ROLLOUTS,
        "kind": "AnalysisTemplate",
        "metadata": {"name": TEMPLATE, "namespace": service.namespace},
        "spec": {"args": [{"name": ARGUMENT}], "metrics": [metric]},
    }


def rollout(name: str, service: CanarySettings) -> Manifest:
    """The Rollout, with the pods and the steps that this program would give it."""
    manifest = render.rollout(name, service)
    manifest["spec"]["strategy"] = {
        "canary": {
            "maxSurge": service.canary.max_surge,
            "maxUnavailable": 0,
            "steps": [_step(name, step) for step in service.canary.steps],
        }
    }
    return manifest


def _step(name: str, step: CanaryStep) -> Manifest:
    if step.weight is not None:
        return {"setWeight": step.weight}
    if step.pause is not None:
        return {"pause": {"duration": f"{step.pause}s"}}
    return {"analysis": {"templates": [{"templateName": TEMPLATE}], "args": [{"name": ARGUMENT, "value": name}]}}


class CanaryMethod(Method):
    """A Rollout `backend` in a namespace of its own, whose old version serves."""

    def release(self, tag: str, env: dict[str, str]) -> None:
        """Releases a version; its canary has started when this returns."""
        raise NotImplementedError

    def restore(self) -> None:
        """Waits, after the old version was released again, until it serves alone and nothing is terminating."""

        def settled() -> bool:
            rollout = self.rollout()
            status = rollout.get("status", {})
            if status.get("observedGeneration") != str(rollout["metadata"]["generation"]):
                return False
            if status.get("stableRS") and status.get("currentPodHash") != status["stableRS"]:
                self.plugin("promote", "backend", "--full")
                return False
            return status.get("phase") == "Healthy" and len(self.pods()) == PODS

        self.release(OLD, {})
        self.wait(settled)
        self.settle()

    def rollout(self) -> dict[str, Any]:
        """The Rollout."""
        manifest: dict[str, Any] = json.loads(self.kubectl("get", "rollout", "backend", "-o", "json"))
        return manifest

    def plugin(self, *arguments: str) -> None:
        """Runs ``kubectl argo rollouts``."""
        command = [str(binary("kubectl-argo-rollouts")), "--kubeconfig", str(self._sandbox.kubeconfig)]
        subprocess.run([*command, "-n", self.namespace, *arguments], check=True, capture_output=True)


class Ours(CanaryMethod):
    """This program's CanaryService, by `pulumi up`."""

    name = OURS

    def __init__(self, sandbox: Sandbox, directory: Path, namespace: str, canary: dict[str, Any]) -> None:
        super().__init__(sandbox, namespace)
        folder = directory / namespace
        folder.mkdir()
        cluster = {"kind": "existing", "kubeconfig": str(sandbox.kubeconfig), "identifier": "bench"}
        services = {"backend": settings(namespace, canary)}
        self._stack = Stack(folder, {"switchyard:cluster": cluster, "switchyard:services": services})
        self.restore()

    def release(self, tag: str, env: dict[str, str]) -> None:
        """Updates the stack."""
        self._stack.set("services.backend.tag", tag)
        self._stack.set("services.backend.env", env)
        self._stack.run("up", "--yes", "--skip-preview", check=True)


class Documented(CanaryMethod):
    """The documented example, by `kubectl apply`."""

    name = DOCUMENTED

    def __init__(self, sandbox: Sandbox, namespace: str, canary: dict[str, Any]) -> None:
        super().__init__(sandbox, namespace)
        self._settings = settings(namespace, canary)
        service = CanarySettings.model_validate(self._settings)
        active = pods.active_service("backend", service)
        self.apply(pods.service_account("backend", service), active, template(service))
        self.restore()

    def release(self, tag: str, env: dict[str, str]) -> None:
        """Applies the Rollout."""
        service = CanarySettings.model_validate(self._settings | {"tag": tag, "env": env})
        self.apply(rollout("backend", service))
