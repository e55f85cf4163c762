"""Runs the example application as a process, for its tests."""

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devtools.toolchain.paths import PROJECT
from tests.support.forked import Forked, preload

BOUND_SECONDS = 30
"""Seconds after which a wait has failed. A start takes about one second."""

FOREVER = "3600"

FOLDER = PROJECT / "examples" / "backend"
IMPORTS = ("fastapi", "fastapi.responses", "httptools", "prometheus_client", "pydantic", "uvicorn", "uvloop")
INSIDE = ("uvicorn.lifespan.off", "uvicorn.loops.auto", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl")
preload(*IMPORTS, *INSIDE)

Process = Forked | subprocess.Popen[str]


def drain_connections() -> ModuleType:
    """Imports the module of the example with the middleware, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("drain_connections", FOLDER / "drain_connections.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Backend:
    """One running example.

    Attributes:
        process: the process.
        client: talks to it, and keeps connections.
        log: its output until it began to listen; after `end` its whole output.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.log = ""
        assert self.process.stderr is not None
        while (listening := re.search(r"http://127\.0\.0\.1:\d+", self.log)) is None:
            line = self.process.stderr.readline()
            assert line, f"it did not start:\n{self.log}"
            self.log += line
        self.url = listening.group()
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=BOUND_SECONDS)

    def status(self, path: str) -> int:
        return self.client.get(path).status_code

    def requests(self) -> dict[str, float]:
        """Counted requests by status."""
        return {labels["status"]: value for labels, value in self.samples("http_requests_total")}

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(self.client.get("/metrics").text)
            for sample in family.samples
            if sample.name == name
        ]

    def end(self) -> int:
        """Waits for the end; returns the exit code."""
        _, rest = self.process.communicate(timeout=BOUND_SECONDS)
        self.log += rest
        code = self.process.returncode
        assert code is not None
        return int(code)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()


def environment_of(environment: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
    return inherited | {"HOST": "127.0.0.1", "PORT": "0", "DRAIN_PORT": "0", "VERSION": "blue"} | environment


def start(environment: dict[str, str]) -> Forked:
    return Forked("app", FOLDER, environment_of(environment))


def execute(environment: dict[str, str]) -> subprocess.Popen[str]:
    """Starts the application as a container does, without preloaded modules. The imports take most of the time."""
    command = [sys.executable, "-m", "app"]
    return subprocess.Popen(command, cwd=FOLDER, env=environment_of(environment), stderr=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def over(backend: Backend, path: str) -> tuple[httpx.Response, Any]:
    """A response, and the client's end of the connection that it came over."""
    with backend.client.stream("GET", path) as response:
        address = response.extensions["network_stream"].get_extra_info("client_addr")
        response.read()
    return response, address
