"""`switchyard switch` and `rollback` in this process, against a fake API server."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.service import Colour
from switchyard.manifests.ownership_marks import PROJECT, STACK
from switchyard.release.engine.engine import Engine
from tests.support.api_server import FakeApiServer
from tests.support.configuration import EXISTING
from tests.support.observed import live

BOTH = {"blue": {"tag": "v1", "replicas": 3}, "green": {"tag": "v2", "replicas": 3}}
BACKEND = {"image": "org/backend", "active": "blue", **BOTH}
SERVICES = "/api/v1/namespaces/default"
UID = "6f1c"
NOT_INSTALLED = "not installed"
"""In place of the state: the engine is not installed here."""

Run = Callable[..., Any]


class FakeAnswer:
    """The outputs of the stack, or why they cannot be read."""

    def __init__(self, text: str | Exception) -> None:
        self._text = text

    def wait(self, _: float | None = None) -> str:
        if isinstance(self._text, Exception):
            raise self._text
        return self._text

    def end(self) -> None:
        pass


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs a command against a fake API server, on which blue serves."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)

    def command(
        *arguments: str, services: dict[str, Any] | None = None, state: str | Exception = "{}", mark: str = "test"
    ) -> Any:
        def read_settings(_: str | None, needed: Collection[str] | None = None) -> tuple[str, StackSettings]:
            cluster = {**EXISTING, "kubeconfig": str(server.kubeconfig)}
            return "test", load(cluster, services or {"backend": BACKEND}, "test", needed=needed)

        monkeypatch.setattr("switchyard.cli.fast_lane.read_settings_at_once", read_settings)
        if state != NOT_INSTALLED:
            monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer(state))
        service = live(Colour.BLUE)
        service["metadata"]["annotations"] = {PROJECT: "shop", STACK: mark}
        server.answers.setdefault(("GET", f"{SERVICES}/services/backend"), (200, service))
        server.answers["GET", "/api/v1/namespaces/kube-system"] = (200, {"metadata": {"uid": UID}})
        for path in ("apis/apps/v1/namespaces/default/replicasets", "api/v1/namespaces/default/pods"):
            server.answers["GET", f"/{path}"] = (200, {"items": [], "metadata": {"resourceVersion": "1"}})
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        server.answers["GET", slices] = (200, {"items": [], "metadata": {"resourceVersion": "1"}})
        return CliRunner().invoke(app, [*arguments, "--stack", "test"])

    return command
