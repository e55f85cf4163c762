"""Releases that migrate a database, by `switchyard deploy` on real nodes, under load that writes and reads."""

import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.method import Method, ours
from devtools.benchmarks.migrated_service import column_of, columns, create_database, migrated_settings, volume
from devtools.benchmarks.order_clients import OrderClients, OrderRequest, stored_orders
from devtools.engine import NAME, Stack
from devtools.sandbox import Sandbox

TAGS = ("v2.0.0", "v1.0.1", "v2.0.1", "v1.0.0")
"""The versions after v1.0.0, which are released alternately: each uses the other column than the one before."""

ROWS = 1000
"""Number of orders before the first release."""

SECONDS_AFTER = 3
"""Load after the last release."""


@dataclass(frozen=True)
class MigrationRelease:
    """One release with its two steps.

    Attributes:
        tag: the version.
        column: column that the version reads and writes.
        result: result of the release.
        detail: the reason why it did not succeed; empty if it succeeded.
        hooks: outcome of each hook by its name.
        columns: columns of the orders once the release has ended.
        seconds: seconds from the start of the command to the end of the retirement.
        requests: number of requests that ended during the release.
        answered: number of answered requests by version.
        failed: number of failed requests by cause.
    """

    tag: str
    column: str
    result: str
    detail: str
    hooks: dict[str, str]
    columns: list[str]
    seconds: float
    requests: int
    answered: dict[str, int]
    failed: dict[str, int]

    @property
    def is_exception(self) -> bool:
        """Whether anything deviates from the expected result."""
        passed = self.result == "succeeded" and set(self.hooks.values()) == {"passed"} and len(self.hooks) == 2
        return not passed or bool(self.failed) or self.columns != ["id", self.column]


class _Service(Method):
    """The example with its database, of which blue v1.0.0 serves."""

    name = "migration"

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        super().__init__(sandbox, "migration")
        self.folder = directory / "data"
        self.folder.mkdir()
        self.first = create_database(self.folder, column_of("v1.0.0"), ROWS)
        self.apply(*volume(self.namespace, self.folder))
        self._stack: Stack = ours(sandbox, directory, self.namespace)
        for key, value in migrated_settings().items():
            self._stack.set(f"services.backend.{key}", value)
        self._stack.set("services.backend.green.replicas", 0)
        self._stack.run("up", "--yes", "--skip-preview", check=True)

    def deploy(self, tag: str) -> dict[str, Any]:
        """Releases a version; returns the record that the command prints."""
        command = [sys.executable, "-m", "switchyard", "deploy", "backend", tag, "--yes", "--json", "--stack", NAME]
        result = subprocess.run(
            command,
            cwd=self._stack.directory,
            env=self._stack.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if not result.stdout:
            raise RuntimeError(result.stderr)
        record: dict[str, Any] = json.loads(result.stdout)
        return record


def run(sandbox: Sandbox, directory: Path, releases: int, rate: int) -> dict[str, Any]:
    """Releases a number of times, alternating between two schemas, under one load.

    Args:
        sandbox: a sandbox with real nodes.
        directory: an empty directory.
        releases: how many.
        rate: requests a second.
    """
    service = _Service(sandbox, directory)
    addresses, port = [node.address for node in sandbox.real_nodes], service.port()
    for address in addresses:
        wait_for_answer(address, port)
    results: list[MigrationRelease] = []
    with OrderClients(addresses, port, rate) as clients:
        for number, tag in enumerate(itertools.islice(itertools.cycle(TAGS), releases), 1):
            results.append(_release(service, clients, tag))
            last = results[-1]
            print(
                f"release {number} of {releases}: {tag} {last.result} in {last.seconds:.0f} s, columns "
                f"{last.columns}, {sum(last.failed.values())} of {last.requests} requests failed {last.detail}",
                flush=True,
            )
            if last.result != "succeeded":
                break  # the next release would be refused, or would migrate another schema
        time.sleep(SECONDS_AFTER)
    requests = clients.requests()
    stored = stored_orders(addresses[0], port)
    lost = [*clients.lost(stored), *(number for number, name in service.first.items() if stored.get(number) != name)]
    return {
        "rate": rate,
        "planned": releases,
        "exceptions": sum(release.is_exception for release in results),
        "releases": [asdict(release) for release in results],
        **totals(requests),
        "acknowledged": len(clients.acknowledged()),
        "first": len(service.first),
        "lost": lost,
    }


def totals(requests: Sequence[OrderRequest]) -> dict[str, Any]:
    """The totals of the whole load."""
    latencies = sorted(request.done - request.sent for request in requests)
    return {
        "requests": len(requests),
        "methods": dict(Counter(request.method for request in requests)),
        "kept": sum(request.kept for request in requests),
        "failed": causes(requests),
        "longest": latencies[-1],
        "p99": latencies[len(latencies) * 99 // 100],
    }


def causes(requests: Iterable[OrderRequest]) -> dict[str, int]:
    """The failures by cause."""
    return dict(Counter(request.cause for request in requests if request.failed))


def _release(service: _Service, clients: OrderClients, tag: str) -> MigrationRelease:
    before, began = len(clients.requests()), time.monotonic()
    record = service.deploy(tag)
    seconds = time.monotonic() - began
    requests = clients.requests()[before:]
    succeeded = record.get("result") == "succeeded"
    return MigrationRelease(
        tag=tag,
        column=column_of(tag),
        result=str(record.get("result")),
        detail="" if succeeded else str(record.get("detail") or record),
        hooks={hook["name"]: str(hook["outcome"]) for hook in record.get("hooks", [])},
        columns=columns(service.folder),
        seconds=seconds,
        requests=len(requests),
        answered=dict(Counter(request.version for request in requests if request.version)),
        failed=causes(requests),
    )
