"""The ways to bring the other version to the users, on the same real nodes: this program and its peers."""

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.switch import switch_naive, switch_ours
from render import blue_green as render
from sandbox import Sandbox
from sandbox.stack import Stack
from settings.service import Colour, ServiceSettings
from toolchain.paths import BIN, PROJECT, binary
from toolchain.versions import ROLLOUT_CRDS

TAGS = {"blue": "v1.0.0", "green": "v2.0.0"}
"""Version of each colour; the answers tell it, also where a way to switch knows no colours."""

SMALL = {"requests": {"cpu": "20m", "memory": "64Mi"}}
"""What a pod asks for, so that the pods of all ways find room side by side."""

READY_SECONDS = 120
"""Bound on the preparations. They take some 10 s."""

POLL_SECONDS = 0.2
"""Between two looks at a Rollout's status, of which a watch can show a phase of an earlier generation."""

PATCH = "kubectl patch"
OURS = "this program, pulumi up"
NAIVE = "naive program, pulumi up"
HELM = "helm upgrade"
PROMOTE = "Argo Rollouts blueGreen, promote"
UNDO = "Argo Rollouts blueGreen, undo"
ROLLING = "rolling update"


class Way:
    """One way, in a namespace of its own in which blue serves."""

    name: str

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        self.namespace = namespace
        self.colour = "blue"
        self._sandbox = sandbox
        self.kubectl("create", "namespace", namespace)

    def turn(self) -> str:
        """The colour that the next run is to end with."""
        self.colour = _other(self.colour)
        return self.colour

    def prepare(self, to: str) -> None:
        """Does what is not timed: brings the new version up, where that is a step of its own."""

    def command(self, to: str) -> list[str]:
        """The command that is timed."""
        raise NotImplementedError

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts it."""
        return subprocess.Popen(self.command(to), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def settle(self) -> None:
        """Waits until the next run finds what this one found."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs kubectl in the namespace."""
        command = [*self.kubectl_command(), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    def kubectl_command(self) -> list[str]:
        """The words that every command of kubectl begins with."""
        return [str(binary("kubectl")), "--kubeconfig", str(self._sandbox.kubeconfig), "-n", self.namespace]

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Creates objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))

    def port(self) -> int:
        """NodePort of Service `backend`."""
        return int(self.kubectl("get", "service", "backend", "-o", "jsonpath={.spec.ports[0].nodePort}"))

    def pods(self) -> list[str]:
        """Uids of the pods that there are, those that are on their way out as well."""
        return self.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}").split()


class Pulumi(Way):
    """A switch by one change of configuration and an update."""

    def __init__(
        self, name: str, sandbox: Sandbox, namespace: str, stack: Stack, change: Callable[[Stack, str], None]
    ) -> None:
        self.name = name
        super().__init__(sandbox, namespace)
        self.stack = stack
        self._change = change
        stack.run("up", "--yes", "--skip-preview", check=True)

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the update."""
        self._change(self.stack, to)
        return self.stack.start("up", "--yes", "--skip-preview")


class Patch(Way):
    """A bare change of the selector, on what this program has made."""

    name = PATCH

    def command(self, to: str) -> list[str]:
        """Patches the Service."""
        patch = json.dumps({"spec": {"selector": {"version": to}}})
        return [*self.kubectl_command(), "patch", "service", "backend", "-p", patch]


class Helm(Way):
    """A chart with two Deployments and a Service, and a value that says which serves."""

    name = HELM

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        subprocess.run([*self._helm("install"), "--wait"], check=True, capture_output=True)

    def command(self, to: str) -> list[str]:
        """Upgrades the release."""
        return [*self._helm("upgrade"), "--reuse-values", "--set", f"active={to}"]

    def _helm(self, verb: str) -> list[str]:
        command = [str(binary("helm")), verb, "backend", str(PROJECT / "bench" / "chart")]
        return [*command, "--kubeconfig", str(self._sandbox.kubeconfig), "--namespace", self.namespace]


class Rolling(Way):
    """What the cluster does today: one Deployment, maxSurge 1, maxUnavailable 0."""

    name = ROLLING

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        self.apply(render.service_account("backend", _service(namespace)), *_single(namespace, "Deployment"))
        self.kubectl("rollout", "status", "deployment/backend", f"--timeout={READY_SECONDS}s")

    def command(self, to: str) -> list[str]:
        """Sets the image, and waits for the rollout as one does."""
        image = [*self.kubectl_command(), "set", "image", "deployment/backend", f"app={_image(to)}"]
        status = [*self.kubectl_command(), "rollout", "status", "deployment/backend"]
        return ["sh", "-ec", f"{shlex.join(image)}; {shlex.join(status)}"]


class Promote(Way):
    """Argo Rollouts' own blue/green: the new version is warm behind the preview Service, then promoted."""

    name = PROMOTE

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        self._runs = 0
        [rollout, active] = _single(namespace, "Rollout")
        rollout["apiVersion"] = "argoproj.io/v1alpha1"
        rollout["spec"]["strategy"] = {
            "blueGreen": {"activeService": "backend", "previewService": "preview", "autoPromotionEnabled": False}
        }
        preview = active | {"metadata": active["metadata"] | {"name": "preview"}}
        preview["spec"] = {**active["spec"], "type": "ClusterIP"}
        self.apply(render.service_account("backend", _service(namespace)), active, preview, rollout)
        self._wait(lambda status: status.get("phase") == "Healthy")

    def prepare(self, to: str) -> None:
        """Gives the Rollout the new version and waits until it is paused before the promotion."""
        self._runs += 1
        before = self._status().get("currentPodHash")
        # The annotation makes it a new revision: one that is still up is promoted by itself, as a rollback.
        patch = [
            {"op": "add", "path": "/spec/template/metadata/annotations", "value": {"run": str(self._runs)}},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": _image(to)},
        ]
        self.kubectl("patch", "rollout", "backend", "--type=json", "-p", json.dumps(patch))
        self._wait(lambda status: status.get("currentPodHash") != before and bool(status.get("pauseConditions")))

    def command(self, to: str) -> list[str]:  # noqa: ARG002 - to what is paused
        """Promotes."""
        return [*self._argo(), "promote", "backend"]

    def settle(self) -> None:
        """Waits until the controller has done what the command asked for."""
        self._wait(lambda status: status.get("phase") == "Healthy")

    def _argo(self) -> list[str]:
        command = [str(binary("kubectl-argo-rollouts")), "--kubeconfig", str(self._sandbox.kubeconfig)]
        return [*command, "-n", self.namespace]

    def _status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "rollout", "backend", "-o", "json")).get("status", {})
        return found

    def _wait(self, holds: Callable[[dict[str, Any]], bool]) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not holds(self._status()):
            if time.monotonic() > limit:
                raise TimeoutError(f"Rollout backend: {self._status()}")
            time.sleep(POLL_SECONDS)


class Undo(Promote):
    """The way back right after a promotion, while the old version is still up."""

    name = UNDO

    def turn(self) -> str:
        """The colour that serves now: that is where the way back leads."""
        return self.colour

    def prepare(self, to: str) -> None:
        """Promotes the other version first."""
        super().prepare(_other(to))
        subprocess.run([*self._argo(), "promote", "backend"], check=True, capture_output=True)
        self.settle()

    def command(self, to: str) -> list[str]:  # noqa: ARG002 - to the revision before
        """Undoes."""
        return [*self._argo(), "undo", "backend"]


def ours(sandbox: Sandbox, directory: Path, namespace: str) -> Stack:
    """This program's stack with one service: three pods of both colours, blue serving."""
    folder = directory / namespace
    folder.mkdir()
    cluster = {"kind": "existing", "kubeconfig": str(sandbox.kubeconfig), "identifier": "bench"}
    return Stack(folder, {"switchyard:cluster": cluster, "switchyard:services": {"backend": _settings(namespace)}})


def ways(sandbox: Sandbox, directory: Path) -> list[Way]:
    """Every way, each with three ready pods of both versions where it keeps both."""
    folder = directory / "naive"
    folder.mkdir()
    settings = {"kubeconfig": str(sandbox.kubeconfig), "namespace": "naive", "active": "blue"}
    naive = Stack(folder, {f"naive:{key}": value for key, value in settings.items()}, PROJECT / "bench" / "naive")
    patched = Patch(sandbox, "patched")
    ours(sandbox, directory, "patched").run("up", "--yes", "--skip-preview", check=True)
    return [
        patched,
        Pulumi(OURS, sandbox, "ours", ours(sandbox, directory, "ours"), switch_ours),
        Pulumi(NAIVE, sandbox, "naive", naive, switch_naive),
        Helm(sandbox, "helm"),
        Promote(sandbox, "promote"),
        Undo(sandbox, "undo"),
        Rolling(sandbox, "rolling"),
    ]


@contextmanager
def argo_rollouts(sandbox: Sandbox, log: Path) -> Iterator[None]:
    """Argo Rollouts' controller, as a process beside the API server, while the block runs."""
    kubectl = [str(binary("kubectl")), "--kubeconfig", str(sandbox.kubeconfig)]
    for file in ROLLOUT_CRDS:
        # Server-side, because the definitions are longer than an annotation may be.
        subprocess.run([*kubectl, "apply", "--server-side", "-f", str(BIN / file)], check=True, capture_output=True)
    wait = ["wait", "--for=condition=Established", "crd", "--all", f"--timeout={READY_SECONDS}s"]
    subprocess.run([*kubectl, *wait], check=True, capture_output=True)
    command = [str(binary("rollouts-controller")), "--kubeconfig", str(sandbox.kubeconfig), "--leader-elect=false"]
    # Its metrics and health on free ports of its own choosing: several benchmarks may run.
    command += ["--metricsport=0", "--healthzPort=0"]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as controller:
        try:
            yield
        finally:
            controller.kill()


def _other(colour: str) -> str:
    return "green" if colour == "blue" else "blue"


def _image(colour: str) -> str:
    return f"ghcr.io/org/backend:{TAGS[colour]}"


def _settings(namespace: str) -> dict[str, Any]:
    return {
        "image": "ghcr.io/org/backend",
        "namespace": namespace,
        "active": "blue",
        "resources": SMALL,
        **{colour: {"tag": tag, "replicas": 3} for colour, tag in TAGS.items()},
    }


def _service(namespace: str) -> ServiceSettings:
    return ServiceSettings.model_validate(_settings(namespace))


def _single(namespace: str, kind: str) -> list[dict[str, Any]]:
    """One set of pods, the same ones as this program makes, and a Service that selects them all."""
    service = _service(namespace)
    labels = {"app": "backend"}
    pods = render.deployment("backend", Colour.BLUE, service)
    pods["kind"] = kind
    pods["metadata"]["name"] = "backend"
    pods["spec"]["selector"]["matchLabels"] = labels
    pods["spec"]["template"]["metadata"]["labels"] = labels
    pods["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] = labels
    active = render.active_service("backend", service)
    active["spec"]["selector"] = labels
    return [pods, active]
