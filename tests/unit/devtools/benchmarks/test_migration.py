"""Clients of orders notice what is lost, changed or refused, and the report counts it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devtools.benchmarks.migrated_service import FILE, column_of, columns, create_database
from devtools.benchmarks.migration import TAGS, MigrationRelease, causes, totals
from devtools.benchmarks.order_clients import OrderClients, OrderRequest, stored_orders
from devtools.benchmarks.report_migration import migration
from tests.support.backend import Backend, start, until

ENOUGH = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_database(tmp_path, "customer", 3)
    return tmp_path


@pytest.fixture
def backend(folder: Path) -> Iterator[Backend]:
    running = Backend(start({"DATABASE": str(folder / FILE), "APP_VERSION": "v1.0.0"}))
    yield running
    running.close()


def execute(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / FILE, timeout=30)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def clients_of(backend: Backend) -> OrderClients:
    address = urlsplit(backend.url)
    return OrderClients([str(address.hostname)], int(address.port or 0), 40)


def stored(backend: Backend) -> dict[int, str]:
    address = urlsplit(backend.url)
    return stored_orders(str(address.hostname), int(address.port or 0))


def test_clients_write_change_and_read_over_both_kinds_of_connections(backend: Backend) -> None:
    with clients_of(backend) as clients:
        until(lambda: len(clients.requests()) >= ENOUGH)
    requests = clients.requests()
    assert causes(requests) == {}
    assert {request.method for request in requests} == {"POST", "PUT", "GET"}
    assert {request.kept for request in requests} == {True, False}
    assert {request.version for request in requests} == {"v1.0.0"}
    orders = stored(backend)
    assert clients.lost(orders) == []
    assert len(orders) == len(clients.acknowledged()) + 3 == sum(request.method == "POST" for request in requests) + 3


def test_an_order_that_is_gone_or_changed_is_noticed_at_once_and_at_the_end(backend: Backend, folder: Path) -> None:
    with clients_of(backend) as clients:
        until(lambda: all(stored(backend).get(number, "").endswith("-changed") for number in (4, 5)))
        execute(folder, "UPDATE orders SET customer = 'another' WHERE id = 4", "DELETE FROM orders WHERE id = 5")
        until(lambda: len([request for request in clients.requests() if request.failed]) >= 2)
    assert {4, 5} <= set(clients.lost(stored(backend)))
    assert all(
        cause.startswith(("GET 200 order 4 is 'another'", "GET 404", "PUT 404")) for cause in causes(clients.requests())
    )


def test_a_column_that_is_gone_is_a_failed_request_and_no_write_was_acknowledged(
    backend: Backend, folder: Path
) -> None:
    with clients_of(backend) as clients:
        until(lambda: len(clients.requests()) >= ENOUGH)
        execute(folder, "ALTER TABLE orders RENAME COLUMN customer TO buyer")
        until(lambda: {"POST 500", "GET 500"} & causes(clients.requests()).keys() != set())
    assert columns(folder) == ["id", "buyer"]
    connection = sqlite3.connect(folder / FILE)
    assert clients.lost(dict(connection.execute("SELECT id, buyer FROM orders"))) == []
    connection.close()


def test_each_version_in_turn_has_the_other_column() -> None:
    assert [column_of(tag) for tag in ("v1.0.0", *TAGS, TAGS[0])] == ["customer", "buyer"] * 3


HOOKS = {"expand-schema": "passed", "contract-schema": "passed"}


def a_release(**other: Any) -> MigrationRelease:
    figures: dict[str, Any] = {
        "tag": "v2.0.0",
        "column": "buyer",
        "result": "succeeded",
        "detail": "",
        "hooks": HOOKS,
        "columns": ["id", "buyer"],
        "seconds": 40.0,
        "requests": 100,
        "answered": {"v1.0.0": 50, "v2.0.0": 50},
        "failed": {},
    }
    return MigrationRelease(**(figures | other))


@pytest.mark.parametrize(
    "other",
    [
        {"result": "running"},
        {"hooks": {}},
        {"hooks": HOOKS | {"contract-schema": "failed"}},
        {"columns": ["id", "customer", "buyer"]},
        {"failed": {"GET 500": 1}},
    ],
)
def test_whatever_is_not_as_it_has_to_be_is_an_exception(other: dict[str, Any]) -> None:
    assert not a_release().is_exception
    assert a_release(**other).is_exception


def report(releases: int = 20, exceptions: int = 0, failed: int = 0, lost: int = 0) -> str:
    good = OrderRequest("GET", 1.0, 1.5, 200, "", "v1.0.0", "node", True, "")
    bad = OrderRequest("PUT", 1.0, 3.0, 500, "", "v1.0.0", "node", False, "")
    figures = {
        "rate": 100,
        "exceptions": exceptions,
        "releases": [vars(a_release()) for _ in range(releases)],
        "acknowledged": 10,
        "first": 5,
        "lost": list(range(lost)),
        **totals([good] * (1000 - failed) + [bad] * failed),
    }
    return "\n".join(migration(figures))


def test_the_report_says_what_the_sample_supports() -> None:
    page = report()
    assert "**0 exceptions in 20 releases** (target: none in 20; met)" in page
    assert "fewer than 14% of such releases" in page
    assert "0 of 1,000 requests failed; with 95% confidence, fewer than 2991 in a million" in page
    assert "0 of 15 orders" in page
    assert "Failures by cause" not in page


@pytest.mark.parametrize("figures", [{"releases": 19}, {"exceptions": 1}, {"failed": 1}, {"lost": 1}])
def test_a_missed_target_is_reported(figures: dict[str, int]) -> None:
    page = report(**figures)
    assert "**not met**" in page
    assert ("- 1x PUT 500" in page) is ("failed" in figures)
