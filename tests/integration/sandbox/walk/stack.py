"""One stack of many services for a random walk, and the checks that every update of it must pass."""

import copy
import string
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from devtools.engine import Result, Stack
from devtools.sandbox import Sandbox
from switchyard.config.models.service import Colour
from tests.integration.sandbox.walk.cluster import Namespace
from tests.integration.sandbox.walk.model import WANTED, Pods, ServiceModel
from tests.support.history import History
from tests.support.kubectl import Kubectl

PARALLEL = ("--parallel", "64")
"""All services at the same time, not as many as the machine has processors for."""

EXTRA = ServiceModel("extra")
"""A service that is added to the stack and removed again."""


class WalkStack:
    """A stack whose configuration is written from models of its services.

    Attributes:
        services: the models, by name.
        extra: what the configuration says of the extra service; None while it does not exist.
        cluster: settings of the cluster.
        refresh: whether the next update refreshes, because the cluster is not as the state has it.
    """

    def __init__(self, sandbox: Sandbox, kubectl: Kubectl, directory: Path, services: int) -> None:
        self.services = {
            name: ServiceModel(name) for name in map("service-{}".format, string.ascii_lowercase[:services])
        }
        self.extra: dict[str, Any] | None = None
        self.cluster: dict[str, str] = {
            "kind": "existing",
            "kubeconfig": str(sandbox.kubeconfig),
            "identifier": "walk",
        }
        self.refresh = False
        self.kubectl = kubectl
        self.directory = directory
        self.namespace = Namespace(sandbox.client(), kubectl.namespace)
        self.engine = Stack(directory, self._config())
        self.engine.saved_at_the_end = True

    def config(self) -> dict[str, dict[str, Any]]:
        """The services in the configuration, as the models have them."""
        entries = {name: model.entry(self.namespace.name) for name, model in self.services.items()}
        return entries if self.extra is None else {**entries, EXTRA.name: self.extra}

    def _config(self) -> dict[str, Any]:
        return {"switchyard:cluster": self.cluster, "switchyard:services": self.config()}

    def write(self, services: dict[str, dict[str, Any]] | None = None) -> None:
        """Writes the configuration; with other services than the models have, where these are given."""
        self.engine.config["config"] |= self._config()
        self.engine.set("services", self.config() if services is None else services)

    def converge(self) -> Result:
        """Updates, and checks that every service is as its model says."""
        self.write()
        result = self.engine.up(*PARALLEL, *(["--refresh"] if self.refresh else []))
        assert result.ok, result.output
        self.refresh = False
        self.check()
        return result

    def check(self) -> None:
        """Checks the selector of every Service, and every pod of the namespace."""
        models = [*self.services.values(), *([EXTRA] if self.extra and "image" in self.extra else [])]
        assert self.namespace.serving() == {model.name: model.active.value for model in models}
        self.namespace.expect_pods(sum((model.pods() for model in models), Pods()))

    def refused(self, services: dict[str, dict[str, Any]] | None = None, *options: str) -> str:
        """Updates, which must fail without a traceback; returns what it said."""
        self.write(services)
        result = self.engine.up(*PARALLEL, *options)
        assert not result.ok, result.output
        assert "Traceback" not in result.output, result.output
        return result.output

    def start(self) -> subprocess.Popen[str]:
        """Starts an update whose state is written after every object, and returns at once."""
        self.write()
        self.engine.saved_at_the_end = False
        started = self.engine.start("up", "--yes", "--skip-preview", *PARALLEL)
        self.engine.saved_at_the_end = True
        return started

    def saved(self) -> dict[str, ServiceModel]:
        """Returns a copy of the models, to restore them."""
        return copy.deepcopy(self.services)

    def other_stack(self, name: str) -> Stack:
        """Another stack with a backend of its own and the same services, with the other colours active."""
        models = self.saved()
        for model in models.values():
            model.release()
        entries = {name: model.entry(self.namespace.name) for name, model in models.items()}
        directory = Path(tempfile.mkdtemp(prefix="other-", dir=self.directory))
        return Stack(directory, {"switchyard:cluster": self.cluster, "switchyard:services": entries}, name=name)


def check_history(history: History, services: Iterable[str]) -> None:
    """Checks that after every write each Service had at least its wanted ready pods, all of one colour, behind it."""
    for service in services:
        own = [event for event in history.events if _belongs(event, service)]
        moments = History(history.kubeconfig, history.namespace, own).moments(service)
        assert moments, f"{service} was never seen"
        short = [moment for moment in moments if moment.ready < WANTED or moment.colour not in set(Colour)]
        assert not short, f"{service} was short of ready pods of one colour: {short[:5]}"


def _belongs(event: dict[str, Any], service: str) -> bool:
    metadata = event["object"]["metadata"]
    if event["object"]["kind"] == "Service":
        return bool(metadata["name"] == service)
    return (metadata.get("labels") or {}).get("app") == service
