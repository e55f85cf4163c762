"""When the fake load balancer controller begins and ends."""

import socket
import time
from typing import Any

import pytest

from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.controller import FakeController


def test_the_controller_waits_for_an_api_server_and_ends_when_stopped() -> None:
    class Nobody:
        def call(self, request: Request) -> dict[str, Any]:
            raise AssertionError(request)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without `listen`: a connection is refused
        server = f"https://127.0.0.1:{taken.getsockname()[1]}"
        config = {
            "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        with FakeController(config, Nobody(), "production") as running:
            assert running.problems == []


def test_an_unusable_kubeconfig_ends_the_controller_and_is_reported() -> None:
    running = FakeController({"contexts": []}, Aws("ap-northeast-2"), "production")
    running.start()
    deadline = time.monotonic() + 10
    while not running.problems:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.05)
    assert running.problems[0].startswith("the simulated controller ended: ")
    with pytest.raises(Exception, match="ontext"):
        running.stop()
