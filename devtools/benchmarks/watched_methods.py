"""Methods of releasing a version that is judged after its switch: `switchyard deploy`, and Argo Rollouts' blueGreen.

The latter has a `postPromotionAnalysis` with the success rate of its documentation's page on analysis, asked of the new
version alone (`podTemplateHashValue: Latest`).
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from devtools.benchmarks.method import Method, image, ours, service, single
from devtools.engine import NAME, Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import HASH_LABEL
from switchyard.config.kubernetes import ROLLOUTS
from switchyard.config.models.canary import Analysis
from switchyard.manifests import pods as render

DEPLOY = "this program, switchyard deploy"
ENDPOINT = "this program, drain by the endpoint"
ANALYSIS = "Argo Rollouts, postPromotionAnalysis"
ANALYSIS_OFTEN = "Argo Rollouts, the same each 2 s"

DOCUMENTED_SECONDS = 300
"""Interval and window of the documented analysis."""

FASTER = 30
"""How many times shorter than documented the interval of the analysis is in the variant `ANALYSIS`."""

OFTEN = 150
"""How many times shorter than documented the interval of the analysis is in the variant `ANALYSIS_OFTEN`."""

LEAST_WINDOW = 10
"""Seconds that a rate is taken over at least: a window has to hold two scrapes of a machine that is late."""

LIMIT_SECONDS = 300
"""Bound on the time until the result of a release."""

SUCCESS_RATE = 0.95
"""Success rate that the documented analysis requires, as a fraction of 1."""

FAILURE_LIMIT = 3
"""Number of failed measurements that the documented analysis tolerates."""

COUNT = 5
"""Number of measurements. Without a count, as in the documented background analysis, this analysis would never end."""

LATENCY_MS = 100
"""Latency of every answer in milliseconds. Three times this value exceeds what the watch counts as fast."""

TEMPLATE = "success-rate"

METRIC = Analysis().requests_metric


def environment(failing: float = 0.0, slower: int = 1) -> dict[str, str]:
    """Environment of a version.

    Args:
        failing: share of its answers that are a 500.
        slower: how many times longer than the old version's its answers take.
    """
    latency = {"LATENCY_MS": str(LATENCY_MS * slower)}
    return latency | ({"FAILURE_RATE": str(failing)} if failing else {})


class WatchedMethod(Method):
    """A service of three pods whose old version serves, on a namespace of its own."""

    def release(self, env: dict[str, str], number: int) -> tuple[bool, str]:
        """Releases a version, and waits for its result.

        Args:
            env: environment of the version's pods.
            number: number of the release, which makes the version a new one each time.

        Returns:
            whether the old version serves again, and the reason in the words of the method.
        """
        raise NotImplementedError

    def restore(self) -> None:
        """Restores the old version, and removes the mark that the new one was rolled back."""
        raise NotImplementedError


class Deploy(WatchedMethod):
    """The release by one command of this program, from blue to green.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for the stack.
        namespace: a namespace that nothing else uses.
        release: settings of the release; keys that are missing have their defaults.
    """

    def __init__(self, sandbox: Sandbox, directory: Path, namespace: str, release: dict[str, Any]) -> None:
        self.name = ENDPOINT if "drain" in release else DEPLOY
        super().__init__(sandbox, namespace)
        self.stack: Stack = ours(sandbox, directory, namespace)
        self.stack.set("services.backend.release", release)
        for colour in ("blue", "green"):
            self.stack.set(f"services.backend.{colour}.env", environment())
        self.stack.run("up", "--yes", "--skip-preview", check=True)
        self._tag = image("green").rpartition(":")[2]

    def release(self, env: dict[str, str], number: int) -> tuple[bool, str]:
        """Runs the command."""
        self.stack.set("services.backend.green.env", env | {"RUN": str(number)})
        result = self._command("deploy", "backend", self._tag)
        record = json.loads(result.stdout)
        if record.get("phase") in {None, "warm", "prove"}:
            raise RuntimeError(str(record.get("detail") or record))
        watched = next((phase.get("detail") for phase in record["phases"] if phase["phase"] == "watch"), None)
        held = "held: " if record.get("held") else ""
        return record["result"] == "rolledBack", f"{held}{record.get('detail') or watched or record['result']}"

    def restore(self) -> None:
        """Rolls the release back if necessary, and removes the mark of the rolled back version."""
        if self.kubectl("get", "service", "backend", "-o", "jsonpath={.spec.selector.version}") != "blue":
            self._command("abort", "backend")
        forgotten = json.dumps({"data": {"rolledBack": "[]"}})
        self.kubectl("patch", "configmap", "backend-release", "-p", forgotten)

    def _command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "switchyard", *arguments, "--yes", "--json", "--stack", NAME]
        result = subprocess.run(
            command,
            cwd=self.stack.directory,
            env=self.stack.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.stack.restore(yaml.safe_load((self.stack.directory / f"Pulumi.{NAME}.yaml").read_text()))
        if not result.stdout:
            raise RuntimeError(f"{self.name}: {result.stderr}")
        return result


class PostPromotion(WatchedMethod):
    """Argo Rollouts' blueGreen with automatic promotion, which rolls back when its analysis fails.

    Args:
        sandbox: a sandbox with real nodes and the controller of Argo Rollouts.
        namespace: a namespace that nothing else uses.
        address: address of Prometheus.
        faster: how many times shorter than documented the analysis is.
    """

    def __init__(self, sandbox: Sandbox, namespace: str, address: str, faster: int) -> None:
        self._seconds = DOCUMENTED_SECONDS // faster
        self.name = ANALYSIS if faster == FASTER else ANALYSIS_OFTEN
        super().__init__(sandbox, namespace)
        [rollout, active] = single(namespace, "Rollout")
        rollout["apiVersion"] = ROLLOUTS
        rollout["spec"]["strategy"] = {"blueGreen": self._strategy()}
        self._rollout = rollout
        account = render.service_account("backend", service(namespace))
        self.apply(account, active, self._template(namespace, address), self._version("blue", environment(), 0))
        self._settled()

    def release(self, env: dict[str, str], number: int) -> tuple[bool, str]:
        """Applies the new version, and follows its Rollout to its end."""
        old = self._status()["stableRS"]
        self.apply(self._version("green", env, number))
        last: dict[str, Any] = {}

        def decided() -> bool:
            nonlocal last
            last = self._get("rollout", "backend")
            status = last.get("status", {})
            pod_hash = status.get("currentPodHash", old)
            if status.get("observedGeneration") != str(last["metadata"]["generation"]) or pod_hash == old:
                return False
            promoted = status.get("phase") == "Healthy" and status.get("stableRS") == pod_hash
            return bool(status.get("abort")) or promoted

        self.wait(decided, LIMIT_SECONDS)
        status = last["status"]
        return bool(status.get("abort")), f"{status.get('phase')} {status.get('message', '')}".strip()

    def restore(self) -> None:
        """Applies the old version again. One that was promoted goes back by a further promotion."""
        self.apply(self._version("blue", environment(), 0))
        self._settled()

    def _version(self, colour: str, env: dict[str, str], number: int) -> dict[str, Any]:
        rollout: dict[str, Any] = json.loads(json.dumps(self._rollout))
        [container] = rollout["spec"]["template"]["spec"]["containers"]
        container["image"] = image(colour)
        names = env.keys() | {"RUN"}
        others = [variable for variable in container.get("env", []) if variable["name"] not in names]
        container["env"] = others + [{"name": key, "value": value} for key, value in env.items()]
        # The controller promotes a revision whose pods still run at once, as a rollback, so each revision has to be
        # new.
        container["env"].append({"name": "RUN", "value": str(number)})
        return rollout

    def _settled(self) -> None:
        def healthy() -> bool:
            rollout = self._get("rollout", "backend")
            status = rollout.get("status", {})
            if status.get("observedGeneration") != str(rollout["metadata"]["generation"]):
                return False
            return bool(status.get("phase") == "Healthy" and status.get("stableRS") == status.get("currentPodHash"))

        self.wait(healthy, LIMIT_SECONDS)

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._get("rollout", "backend").get("status", {})
        return status

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return manifest

    @staticmethod
    def _strategy() -> dict[str, Any]:
        latest = {"name": "latest-hash", "valueFrom": {"podTemplateHashValue": "Latest"}}
        return {
            "activeService": "backend",
            "postPromotionAnalysis": {"templates": [{"templateName": TEMPLATE}], "args": [latest]},
        }

    def _template(self, namespace: str, address: str) -> dict[str, Any]:
        new = f'namespace="{namespace}",{HASH_LABEL}="{{{{args.latest-hash}}}}"'
        window = max(self._seconds, LEAST_WINDOW)
        rates = [f"sum(irate({METRIC}{{{labels}}}[{window}s]))" for labels in (f'{new},status!~"5.*"', new)]
        metric = {
            "name": TEMPLATE,
            "interval": f"{self._seconds}s",
            "count": COUNT,
            "successCondition": f"result[0] >= {SUCCESS_RATE}",
            "failureLimit": FAILURE_LIMIT,
            "provider": {"prometheus": {"address": address, "query": " / ".join(rates)}},
        }
        return {
            "apiVersion": ROLLOUTS,
            "kind": "AnalysisTemplate",
            "metadata": {"name": TEMPLATE, "namespace": namespace},
            "spec": {"args": [{"name": "latest-hash"}], "metrics": [metric]},
        }
