"""The orders of the example: two versions serve one database, each by its own name of the column."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.backend import FOLDER, Backend, start


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    running: list[Backend] = []

    def started(**environment: str) -> Backend:
        running.append(Backend(start({"DATABASE": str(tmp_path / "orders.db")} | environment)))
        return running[-1]

    yield started
    for backend in running:
        backend.close()


def migrate(step: str, database: Path, column: str) -> str:
    environment = os.environ | {"DATABASE": str(database), "ORDERS_COLUMN": column}
    command = [sys.executable, "-m", f"migrations.{step}"]
    result = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=True)
    return result.stdout


def columns(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    names = [row[1] for row in connection.execute("PRAGMA table_info(orders)")]
    connection.close()
    return names


def name_of(backend: Backend, number: int) -> str:
    response = backend.client.get(f"/orders/{number}")
    assert response.status_code == 200, response.text
    assert response.json()["id"] == number
    return str(response.json()["name"])


def create(backend: Backend, name: str) -> int:
    response = backend.client.post("/orders", json={"name": name})
    assert response.status_code == 201, response.text
    return int(response.json()["id"])


def rename(backend: Backend, number: int, name: str) -> int:
    return backend.client.put(f"/orders/{number}", json={"name": name}).status_code


def test_without_a_database_there_are_no_orders() -> None:
    backend = Backend(start({}))
    try:
        assert backend.status("/orders") == 404
    finally:
        backend.close()


def test_an_order_is_written_changed_read_and_listed(run: Callable[..., Backend]) -> None:
    backend = run()
    first, second = create(backend, "ada"), create(backend, "bob")
    assert rename(backend, first, "ada2") == 200
    assert (name_of(backend, first), name_of(backend, second)) == ("ada2", "bob")
    assert backend.client.get("/orders").json() == {str(first): "ada2", str(second): "bob"}
    assert backend.client.get(f"/orders?after={first}").json() == {str(second): "bob"}
    assert backend.status("/orders/99") == rename(backend, 99, "nobody") == 404


def test_versions_of_both_columns_serve_one_database_there_and_back(
    run: Callable[..., Backend], tmp_path: Path
) -> None:
    database = tmp_path / "orders.db"
    old = run(ORDERS_COLUMN="customer")
    number = create(old, "ada")
    assert migrate("expand", database, "buyer") == "expanded: 1 rows copied\n"
    new = run(ORDERS_COLUMN="buyer", VERSION="green")
    assert name_of(new, number) == "ada"
    assert rename(new, number, "ada2") == 200
    assert name_of(old, number) == "ada2"
    assert rename(old, number, "ada3") == 200
    assert name_of(new, number) == "ada3"
    assert name_of(old, create(new, "bob")) == "bob"
    assert migrate("contract", database, "buyer") == "contracted\n"
    assert columns(database) == ["id", "buyer"]
    assert old.status(f"/orders/{number}") == 500  # which is why the step is irreversible
    assert name_of(new, number) == "ada3"
    assert migrate("expand", database, "buyer") == "expanded: 0 rows copied\n"  # a release of the same column
    assert migrate("contract", database, "buyer") == "nothing to contract\n"

    assert migrate("expand", database, "customer") == "expanded: 2 rows copied\n"
    assert name_of(old, number) == "ada3"
    assert rename(old, number, "ada4") == 200
    assert name_of(new, number) == "ada4"
    assert migrate("contract", database, "customer") == "contracted\n"
    assert columns(database) == ["id", "customer"]
    assert (name_of(old, number), old.requests()["500"]) == ("ada4", 1)


def test_a_contraction_to_a_column_that_is_not_there_drops_nothing(tmp_path: Path) -> None:
    database = tmp_path / "orders.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT)")
    connection.close()
    with pytest.raises(subprocess.CalledProcessError) as raised:
        migrate("contract", database, "buyer")
    assert "there is no column buyer" in raised.value.stderr
    with pytest.raises(subprocess.CalledProcessError) as raised:
        migrate("contract", database, "seller")
    assert "ORDERS_COLUMN='seller': must be customer or buyer" in raised.value.stderr
    assert columns(database) == ["id", "customer"]
