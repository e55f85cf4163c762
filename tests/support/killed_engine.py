"""Kills the engine at a write of an update: before the API server has applied it, or before the engine has its answer.

An admission webhook holds the write, so that the moment of the kill does not depend on timing.
"""

import contextlib
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from devtools.engine import Stack
from switchyard.manifests.labels import FIELD_MANAGER
from tests.support.admission_webhook import AdmissionWebhook
from tests.support.kubectl import SECONDS, Kubectl


class HeldWrite(AdmissionWebhook):
    """A validating webhook that holds one write of the program's objects until it is released.

    Args:
        kubectl: the cluster, and the namespace.
        directory: directory for the certificate of the webhook.
        target: pattern of the kind and name that are written, for example ``Deployment backend-.*``.
        number: number of the write that is held, from 1.
    """

    KIND = "ValidatingWebhookConfiguration"
    TIMEOUT_SECONDS = 30

    def __init__(self, kubectl: Kubectl, directory: Path, target: str, number: int = 1) -> None:
        super().__init__(kubectl, directory, "deployments", "services")
        self._target, self._left = re.compile(target), number
        self._counting = threading.Lock()
        self._reached, self._released = threading.Event(), threading.Event()
        self._allowed = True
        self._request: dict[str, Any] = {}

    def stop(self) -> None:
        """Ends the server, and a write that is still held is allowed."""
        self._released.set()
        super().stop()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Allows every write; the held write once it is released."""
        if not self._is_held(request):
            return {"allowed": True}
        self._request = request
        self._reached.set()
        self._released.wait(self.TIMEOUT_SECONDS)
        return {"allowed": self._allowed}

    def _is_held(self, request: dict[str, Any]) -> bool:
        """Whether a request is the write to hold. Dry runs and writes of controllers do not count."""
        if request["operation"] != "UPDATE" or request["dryRun"]:
            return False
        written = f"{request['kind']['kind']} {request['name']}"
        if request["options"].get("fieldManager") != FIELD_MANAGER or not self._target.fullmatch(written):
            return False
        with self._counting:
            self._left -= 1
            return self._left == 0

    def wait(self) -> None:
        """Waits until the write is held."""
        assert self._reached.wait(SECONDS), f"write of {self._target.pattern} was never reached"

    def refuse(self) -> None:
        """Refuses the write."""
        self._allowed = False
        self._released.set()

    def allow(self) -> None:
        """Allows the write, and waits until the API server has done it."""
        self._released.set()
        kind, name, spec = self._request["kind"]["kind"], self._request["name"], self._request["object"]["spec"]
        self._kubectl.expect(spec, lambda: self._kubectl.get(kind.lower(), name)["spec"], kind.lower(), name)


def kill_at_write(
    stack: Stack,
    held: HeldWrite,
    start: Callable[[], "subprocess.Popen[str]"] | None = None,
    *,
    written: bool,
) -> str:
    """Starts an update and kills the engine at a write.

    Args:
        stack: stack of the engine.
        held: the write at which the engine is killed.
        start: starts the update; an update of the whole stack by default.
        written: whether the API server applies the write without the engine's knowledge, or refuses it.

    Returns:
        What the engine had printed.
    """
    with held:
        engine = start() if start else stack.start("up", "--yes", "--skip-preview")
        held.wait()
        if written:
            _suspend(engine)
            held.allow()
        assert engine.poll() is None, "the engine had ended already"
        printed = stack.kill(engine)
        assert engine.returncode == -9
        if not written:
            held.refuse()
        return printed


def _suspend(engine: "subprocess.Popen[str]") -> None:
    process = psutil.Process(engine.pid)
    for member in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.suspend()
