"""Whole stacks from their own files, in the real engine, on fake providers."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from devtools.rehearsal import charts
from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.configuration import rehearsed
from devtools.rehearsal.rehearse import Rehearsal, rehearsal
from devtools.toolchain.paths import PROJECT
from switchyard.config.models.addons import Chart
from tests.support.kubectl import Kubectl

INSTANCE = "aws:ec2/instance:Instance"


class Whole:
    """A stack with nothing in it yet."""

    def __init__(self, running: Rehearsal) -> None:
        self.running = running
        self.stack = running.stack
        self.aws = running.world.fake_providers.aws
        self.record = running.world.fake_providers.record

    def kubectl(self, namespace: str = "default") -> Kubectl:
        """kubectl at the API server behind the address."""
        sandbox = self.running.world.machines.sandbox
        assert sandbox is not None
        return Kubectl(sandbox.kubeconfig, namespace)

    def resources(self) -> list[dict[str, Any]]:
        """Returns the resources of the state."""
        exported = yaml.safe_load(self.stack.run("stack", "export", check=True).output)
        resources: list[dict[str, Any]] = exported["deployment"]["resources"]
        return resources

    def instances(self) -> dict[str, dict[str, Any]]:
        """The machines of the state, by node."""
        instances = [
            {**resource["outputs"], "id": resource["id"]}
            for resource in self.resources()
            if resource["type"] == INSTANCE
        ]
        return {instance["tags"]["Name"].removeprefix(f"{self.stack.name}-"): instance for instance in instances}

    def up(self, *arguments: str) -> str:
        """Updates the stack, which must work; returns the output."""
        result = self.stack.up(*arguments)
        assert result.ok, result.output
        return result.output


@contextlib.contextmanager
def whole(directory: Path, stack: str, change: Callable[[dict[str, Any]], object] = lambda _: None) -> Iterator[Whole]:
    """A stack of this project, from its own file, and changed."""

    def write(wanted: Mapping[str, Chart]) -> Mapping[str, Path]:
        return charts.write(directory / "charts", wanted)

    raw = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    change(raw)
    with rehearsal(directory, rehearsed(raw, stack, write), stack) as running:
        yield Whole(running)


def parameter(name: str) -> Request:
    """The request that reads a parameter of SSM."""
    return Request("ssm", "GetParameter", {"Name": name, "WithDecryption": True})
