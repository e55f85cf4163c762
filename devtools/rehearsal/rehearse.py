"""A stack of kind ec2 in the real engine, on fake AWS and TLS, with a real API server."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.engine import Stack
from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.configuration import Rehearsed
from devtools.rehearsal.load_balancer.controller import FakeController
from devtools.rehearsal.machines.fleet import Fleet
from devtools.rehearsal.providers import FakeProviders, fake_providers
from devtools.sandbox.cluster import Sandbox
from devtools.sandbox.rollouts import controller
from switchyard.config.kubernetes import ARGO_ROLLOUTS

SANDBOX_PREFIX = "rehearsal-"
"""Prefix of sandbox names. Several rehearsals can run at the same time. `python -m devtools.sandbox down --name` ends
the sandbox of a killed one."""


class World:
    """The simulated world outside the engine, while the with block of `world` runs.

    Attributes:
        fake_providers: AWS and TLS.
        machines: the simulated machines.
    """

    fake_providers: FakeProviders
    machines: Fleet

    def __init__(self, directory: Path, cluster: str, report: Callable[[str], None]) -> None:
        name = SANDBOX_PREFIX + secrets.token_hex(4)
        self.machines = Fleet(name, self._parameter, report, self._answers, self._deployed)
        self._directory = directory
        self._rollouts = contextlib.ExitStack()
        self._controlled: Sandbox | None = None
        self._cluster = cluster
        self._load_balancers: FakeController | None = None
        self._ended: list[str] = []

    @property
    def load_balancers(self) -> FakeController | None:
        """The fake load balancer controller; None while there is no API server."""
        return self._load_balancers

    @property
    def problems(self) -> list[str]:
        """Errors outside the engine, which the engine may not have noticed."""
        of_load_balancers = self._load_balancers.problems if self._load_balancers is not None else []
        return [*self._ended, *self.machines.problems, *of_load_balancers]

    def end(self) -> None:
        """Ends everything that was started."""
        self._without_load_balancers()
        self._rollouts.close()
        self.machines.end()

    def _parameter(self, name: str) -> str:
        request = Request("ssm", "GetParameter", {"Name": name, "WithDecryption": True})
        value: str = self.fake_providers.aws.call(request)["Parameter"]["Value"]
        return value

    def _answers(self, kubeconfig: dict[str, Any]) -> None:
        self._without_load_balancers()
        self._load_balancers = FakeController(kubeconfig, self.fake_providers.aws, self._cluster)
        self._load_balancers.start()

    def _deployed(self, sandbox: Sandbox, deployments: set[str]) -> None:
        """Starts the real Argo Rollouts as a process once its chart is installed."""
        if ARGO_ROLLOUTS not in deployments or sandbox is self._controlled:
            return
        self._rollouts.close()
        self._rollouts.enter_context(controller(sandbox, self._directory / "argo-rollouts.log"))
        self._controlled = sandbox

    def _without_load_balancers(self) -> None:
        if self._load_balancers is not None:
            self._ended += self._load_balancers.problems
            self._load_balancers.stop()
            self._load_balancers = None


@contextlib.contextmanager
def world(directory: Path, *, region: str, cluster: str, report: Callable[[str], None]) -> Iterator[World]:
    """Starts fake providers with an empty account.

    Args:
        directory: an empty directory.
        region: the region of AWS.
        cluster: name of the cluster.
        report: receives a line about each step of a machine.
    """
    rehearsed = World(directory, cluster, report)
    with fake_providers(directory, region=region, watchers=[rehearsed.machines]) as running:
        rehearsed.fake_providers = running
        rehearsed.machines.start()
        try:
            yield rehearsed
        finally:
            rehearsed.end()


@dataclass(frozen=True)
class Rehearsal:
    """A stack on its fake providers."""

    world: World
    stack: Stack


@contextlib.contextmanager
def rehearsal(
    directory: Path, rehearsed: Rehearsed, stack: str, report: Callable[[str], None] = lambda _: None
) -> Iterator[Rehearsal]:
    """Yields an empty stack in the real engine.

    Args:
        directory: an empty directory for state, fake providers and engine.
        rehearsed: the stack's configuration.
        stack: name of the stack.
        report: receives a line about each step of a machine.
    """
    for part in ("fake-providers", "stack"):
        (directory / part).mkdir()
    cluster = rehearsed.cluster
    with world(directory / "fake-providers", region=cluster.region, cluster=cluster.name, report=report) as running:
        yield Rehearsal(running, _stack(directory / "stack", rehearsed, stack, running.fake_providers))


def _stack(directory: Path, rehearsed: Rehearsed, name: str, running: FakeProviders) -> Stack:
    # The engine finds the fake providers through the environment, as the only plugins of their names.
    stack = Stack(directory, rehearsed.config, name=name, environment=running.environment)
    stack.saved_at_the_end = True
    return stack
