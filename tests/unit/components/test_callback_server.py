"""All resource hooks of a run share one gRPC server, with the real SDK and a fake resource monitor."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
import pulumi
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from components.callback_server import share_callback_server

HOOKS = 8


class FakeMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """A resource monitor of the engine that records at which address it would call each hook."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def SupportsFeature(self, *_: Any) -> Any:  # noqa: N802 - named by the protocol
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResourceHook(self, request: Any, _: Any) -> Any:  # noqa: N802
        self.targets.append(request.callback.target)
        return Empty()


@pytest.mark.parametrize(
    ("shared", "servers"),
    [(True, 1), pytest.param(False, HOOKS, id="not shared: fails when the SDK shares it itself")],
)
def test_hooks_share_one_server(shared: bool, servers: int) -> None:
    monitor = FakeMonitor()
    server = grpc.server(ThreadPoolExecutor(2))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    async def program() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            settings.SETTINGS.monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            settings.SETTINGS.feature_support = {}
            if shared:
                share_callback_server()
            hooks = [pulumi.ResourceHook(f"hook-{number}", lambda _: None) for number in range(HOOKS)]
            await asyncio.gather(*(hook._registered for hook in hooks))
            await settings._shutdown_callbacks()  # type: ignore[no-untyped-call]

    try:
        contextvars.copy_context().run(lambda: asyncio.run(program()))
    finally:
        server.stop(None)
    assert len(monitor.targets) == HOOKS
    assert len(set(monitor.targets)) == servers
