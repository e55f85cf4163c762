"""Argo Rollouts beside a sandbox: the controller, built from its pinned module, and CRDs of the same version."""

import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.sandbox.cluster import Sandbox
from devtools.toolchain.paths import BIN, binary
from devtools.toolchain.versions import ISTIO_CRDS, ROLLOUT_CRDS

ESTABLISHED_SECONDS = 60
"""Time limit until the API server serves the CRDs, seconds. It takes about a second."""

POLL_SECONDS = 0.2


def define(sandbox: Sandbox) -> None:
    """Creates the CRDs of Argo Rollouts."""
    kinds = [file.removesuffix("-crd.yaml").replace("-", "") for file in ROLLOUT_CRDS]
    _define(sandbox, ROLLOUT_CRDS, kinds)


def define_istio(sandbox: Sandbox) -> None:
    """Creates the CRDs of Istio, without a mesh that would apply their routes."""
    _define(sandbox, [ISTIO_CRDS], ["virtualservices.networking.istio.io"])


def _define(sandbox: Sandbox, files: Iterable[str], kinds: Iterable[str]) -> None:
    kubectl = [str(binary("kubectl")), "--kubeconfig", str(sandbox.kubeconfig)]
    for file in files:
        # Server-side, because the CRDs are longer than the annotation of a client-side apply may be.
        subprocess.run([*kubectl, "apply", "--server-side", "-f", str(BIN / file)], check=True, capture_output=True)
    # `kubectl wait` fails for a CRD without conditions, and after it is Established the API server may
    # still answer that it is initializing the storage. So this waits until the objects can be listed.
    wanted = ",".join(kinds)
    limit = time.monotonic() + ESTABLISHED_SECONDS
    while subprocess.run([*kubectl, "get", wanted, "-A"], check=False, capture_output=True).returncode:
        if time.monotonic() > limit:
            raise TimeoutError(f"the API server does not take up {wanted}")
        time.sleep(POLL_SECONDS)


@contextmanager
def controller(sandbox: Sandbox, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs the controller as a process beside the API server while the block runs."""
    command = [str(binary("rollouts-controller")), "--kubeconfig", str(sandbox.kubeconfig), "--leader-elect=false"]
    # Metrics and health are on free ports, so that several controllers can run.
    command += ["--metricsport=0", "--healthzPort=0"]
    with log.open("a") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def argo_rollouts(sandbox: Sandbox, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Creates the CRDs, and runs the controller while the block runs."""
    define(sandbox)
    with controller(sandbox, log) as process:
        yield process
