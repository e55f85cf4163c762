"""Argo Rollouts' own blue/green, with its real controller."""

import json
import subprocess
from typing import Any

from devtools.benchmarks.method import Method, image, other, service, single
from devtools.sandbox import Sandbox
from devtools.toolchain.paths import binary
from switchyard.manifests import pods as render

PROMOTE = "Argo Rollouts blueGreen, promote"
UNDO = "Argo Rollouts blueGreen, undo"


class Promote(Method):
    """Argo Rollouts' own blue/green: the new version is warm behind the preview Service, then promoted."""

    name = PROMOTE

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        self._runs = 0
        [rollout, active] = single(namespace, "Rollout")
        rollout["apiVersion"] = "argoproj.io/v1alpha1"
        rollout["spec"]["strategy"] = {
            "blueGreen": {"activeService": "backend", "previewService": "preview", "autoPromotionEnabled": False}
        }
        preview = active | {"metadata": active["metadata"] | {"name": "preview"}}
        preview["spec"] = {**active["spec"], "type": "ClusterIP"}
        self.apply(render.service_account("backend", service(namespace)), active, preview, rollout)
        self._healthy()

    def prepare(self, to: str) -> None:
        """Sets the new version of the Rollout and waits until it is paused before the promotion."""
        self._runs += 1
        before = self._status().get("currentPodHash")
        # The annotation creates a new revision. The controller promotes a revision whose pods still run at once, as a
        # rollback.
        patch = [
            {"op": "add", "path": "/spec/template/metadata/annotations", "value": {"run": str(self._runs)}},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image(to)},
        ]
        self.kubectl("patch", "rollout", "backend", "--type=json", "-p", json.dumps(patch))

        def paused() -> bool:
            status = self._status()
            return status.get("currentPodHash") != before and bool(status.get("pauseConditions"))

        self.wait(paused)

    def command(self, to: str) -> list[str]:  # noqa: ARG002 - to what is paused
        """Returns the command that promotes the new version."""
        return [*self._argo(), "promote", "backend"]

    def settle(self) -> None:
        """Waits until the controller has done what the command asked for, and the other version is down."""
        self._healthy()
        self.wait(lambda: len(self.pods()) == service(self.namespace).blue.replicas)

    def _argo(self) -> list[str]:
        command = [str(binary("kubectl-argo-rollouts")), "--kubeconfig", str(self._sandbox.kubeconfig)]
        return [*command, "-n", self.namespace]

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.kubectl("get", "rollout", "backend", "-o", "json")).get("status", {})
        return status

    def _healthy(self) -> None:
        self.wait(lambda: self._status().get("phase") == "Healthy")


class Undo(Promote):
    """An undo right after a promotion, while the old version still runs."""

    name = UNDO

    def next_colour(self) -> str:
        """Returns the colour that serves now, which the undo restores."""
        return self.colour

    def prepare(self, to: str) -> None:
        """Promotes the other version first."""
        super().prepare(other(to))
        subprocess.run([*self._argo(), "promote", "backend"], check=True, capture_output=True)
        self._healthy()

    def command(self, to: str) -> list[str]:  # noqa: ARG002 - to the revision before
        """Returns the command that undoes the promotion."""
        return [*self._argo(), "undo", "backend"]
