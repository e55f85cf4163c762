"""A recording engine: components are built against mocks, and what they asked for is kept.

Mocks never call the provider, so that what passes here may still be refused by an API server; the tests in
`tests/sandbox` ask a real one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks


@dataclass
class Recorder(mocks.Mocks):
    """Answers every registration, and keeps it."""

    registered: dict[str, mocks.MockResourceArgs] = field(default_factory=dict)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered[f"{args.typ} {args.name}"] = args
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}

    def request(self, key: str) -> Any:
        """The raw request of a registration: parent, dependencies, time-outs, provider."""
        return self.registered[key].resource_register_request


def record(build: Callable[[], pulumi.ComponentResource]) -> tuple[Recorder, pulumi.ComponentResource, dict[str, Any]]:
    """Builds a component; returns what it registered, itself, and its outputs with their values."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="switchyard", stack="test", preview=False)
    built: list[pulumi.ComponentResource] = []
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> pulumi.Output[None]:
        component = build()
        built.append(component)
        names = list(type(component).__annotations__)
        found = {name: getattr(component, name) for name in names}
        plain = {name: value for name, value in found.items() if isinstance(value, pulumi.Output)}
        return pulumi.Output.all(**plain).apply(outputs.update)

    run()
    return recorder, built[0], outputs
