"""Runs components against Pulumi's mocks, and records their requests. Mocks never call the provider, so an API server
may still refuse what passes here. The tests in `tests/integration/sandbox` use a real one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, resource
from pulumi.runtime.proto import resource_pb2, source_pb2


class Answers(mocks.Mocks):
    """Mocks that create every resource with its inputs as its outputs."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:  # noqa: ARG002
        return {}, None


@dataclass
class Recording:
    """The raw requests of one program, by type and name."""

    requests: dict[tuple[str, str], resource_pb2.RegisterResourceRequest] = field(default_factory=dict)
    outputs: dict[str, list[str]] = field(default_factory=dict)

    def names(self, type_: str) -> set[str]:
        """Names of all resources of a type."""
        return {name for request_type, name in self.requests if request_type == type_}

    def dependencies(self, type_: str, name: str) -> set[str]:
        """Names of the resources that one waits for."""
        return {urn.rpartition("::")[2] for urn in self.requests[type_, name].dependencies}


def record(monkeypatch: pytest.MonkeyPatch, build: Callable[[], object]) -> Recording:
    """Runs a program against mocks and records what it registers."""
    recording = Recording()

    class Monitor(mocks.MockMonitor):
        def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
            recording.requests[request.type, request.name] = request
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

        def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
            recording.outputs[request.urn.rpartition("::")[2]] = sorted(request.outputs.fields)
            return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    # Hooks need the engine's callback server, which mocks do not have; the sandbox tests run them.
    monkeypatch.setattr(pulumi, "ResourceHook", lambda *_: None)
    monkeypatch.setattr(pulumi, "ErrorHook", lambda *_: None)
    monkeypatch.setattr(pulumi, "ResourceHookBinding", lambda **_: None)
    # For each resource the SDK walks up the whole stack, which under pytest is deep, and reads the files' times.
    monkeypatch.setattr(resource, "_get_stack_trace", source_pb2.StackTrace)
    # The SDK takes the thread's event loop, and asyncio.run() in another test leaves none behind.
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(Answers(), project="switchyard", stack="test", preview=False, monitor=Monitor(Answers()))

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        build()

    run()
    return recording
