"""A release that migrates a database, under load that writes and reads: nobody notices, and nothing is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.migrated_service import columns, create_database, migrated_settings, volume
from devtools.benchmarks.order_clients import OrderClients, stored_orders
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.commands import document, run_command
from tests.support.kubectl import Kubectl

RATE = 80

WATCH = {"seconds": 15, "errors": {"condemned": 0.05}}
"""Shorter than that of the benchmark: so few requests suffice for it."""

PODS = 2

ROWS = 300


@pytest.fixture
def database(tmp_path: Path, kubectl: Kubectl, own_nodes: Sandbox) -> Iterator[Path]:
    """The folder of the database, as a volume that every node has. Only nodes that share this machine's disk do."""
    folder = tmp_path / "data"
    folder.mkdir()
    manifests = volume(kubectl.namespace, folder)
    for manifest in manifests:
        kubectl.apply(manifest)
    yield folder
    kubectl.run("delete", "persistentvolume", manifests[0]["metadata"]["name"], "--wait=false")


def test_a_release_that_migrates_a_database_under_load_fails_no_request_and_loses_no_write(
    stack: Stack, kubectl: Kubectl, own_nodes: Sandbox, database: Path
) -> None:
    first = create_database(database, "customer", ROWS)
    for key, value in migrated_settings().items():
        stack.set(f"services.backend.{key}", value)
    stack.set("services.backend.blue.replicas", PODS)
    for key, value in WATCH.items():
        stack.set(f"services.backend.release.watch.{key}", value)
    result = stack.up()
    assert result.ok, result.output
    port = kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"]
    addresses = [node.address for node in own_nodes.real_nodes]
    for address in addresses:
        wait_for_answer(address, port, "v1.0.0")

    with OrderClients(addresses, port, RATE) as clients:
        released = run_command(stack, "deploy", "backend", "v2.0.0", "--yes", "--json")
        contracted = columns(database)
    record = document(released, 0)
    assert (record["result"], record["tag"]) == ("succeeded", "v2.0.0"), record
    hooks = [(hook["name"], hook["point"], hook["outcome"]) for hook in record["hooks"]]
    assert hooks == [("expand-schema", "beforeWarm", "passed"), ("contract-schema", "beforeRetire", "passed")]
    assert contracted == ["id", "buyer"]

    requests = clients.requests()
    assert [request for request in requests if request.failed] == []
    ways = Counter((request.method, request.version) for request in requests)
    assert set(ways) == {(method, tag) for method in ("POST", "PUT", "GET") for tag in ("v1.0.0", "v2.0.0")}, ways
    assert {(request.node, request.kept) for request in requests} == {
        (a, kept) for a in addresses for kept in (True, False)
    }
    stored = stored_orders(addresses[0], port)
    assert len(clients.acknowledged()) == ways["POST", "v1.0.0"] + ways["POST", "v2.0.0"]
    assert clients.lost(stored) == []
    assert first.items() <= stored.items()
    assert "(SY-P092)" in run_command(stack, "rollback", "backend", "--yes").stderr
