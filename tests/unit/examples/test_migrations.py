"""The example's migration under load: two versions use the database at once, and neither gets an error."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.support.backend import FOLDER

ROUNDS = int(os.environ.get("SWITCHYARD_MIGRATIONS", "2"))
"""Releases under load."""

STATEMENTS = {
    "v1": (
        "INSERT INTO orders (customer) VALUES (?)",
        "UPDATE orders SET customer = ? WHERE id = ?",
        "SELECT customer FROM orders WHERE id = ?",
    ),
    "v2": (
        "INSERT INTO orders (buyer) VALUES (?)",
        "UPDATE orders SET buyer = ? WHERE id = ?",
        "SELECT buyer FROM orders WHERE id = ?",
    ),
}
"""What each version sends: the first knows the column `customer`, the second `buyer`."""


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")  # the disk is not what is tested
    return connection


@dataclass
class Load:
    """Pods of one version: each writes an order, changes it, and reads it back, again and again.

    Attributes:
        written: what each order must have, by its ID.
        errors: exceptions, and orders that were read back otherwise.
        progress: is released for each order.
        ending: is set when the pods are to end.
        pods: threads in place of pods, each with a connection of its own.
    """

    path: Path
    version: str
    written: dict[int, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    progress: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ending: threading.Event = field(default_factory=threading.Event)
    pods: list[threading.Thread] = field(default_factory=list)

    def run(self, pod: int) -> None:
        (insert, update, select), connection = STATEMENTS[self.version], connect(self.path)
        try:
            for number in count():
                if self.ending.is_set():
                    return
                first, then = f"{self.version}-{pod}-{number}", f"{self.version}-{pod}-{number}-changed"
                key = connection.execute(insert, (first,)).lastrowid
                connection.execute(update, (then, key))
                [read] = connection.execute(select, (key,)).fetchone()
                if read != then:
                    self.errors.append(f"{then} was read back as {read}")
                self.written[int(key or 0)] = then
                self.progress.release()
        except sqlite3.Error as error:
            self.errors.append(repr(error))
        finally:
            connection.close()

    def begin(self) -> None:
        """Starts two pods."""
        self.pods = [threading.Thread(target=self.run, args=(pod,)) for pod in range(2)]
        for pod in self.pods:
            pod.start()

    def end(self) -> None:
        """Ends the pods after what they do at present."""
        self.ending.set()
        for pod in self.pods:
            pod.join()

    def answers(self, orders: int = 10) -> None:
        """Waits until so many more orders were written and read back."""
        for _ in range(orders):
            assert self.progress.acquire(timeout=60), self.errors


@contextmanager
def load(path: Path, version: str) -> Iterator[Load]:
    running = Load(path, version)
    running.begin()
    try:
        yield running
    finally:
        running.end()


def migrate(step: str, path: Path) -> subprocess.CompletedProcess[str]:
    """What the Job of a hook runs."""
    environment = {**os.environ, "DATABASE": str(path)}
    command = [sys.executable, "-m", f"migrations.{step}"]
    return subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return created(tmp_path / "orders.db")


def created(path: Path) -> Path:
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO orders (customer) VALUES (?)", ((f"old-{number}",) for number in range(1000)))
    connection.execute("COMMIT")
    connection.close()
    return path


def test_both_versions_work_from_the_expansion_to_the_contraction_without_an_error(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        path = created(tmp_path / f"{number}.db")
        with load(path, "v1") as old:
            old.answers()
            assert migrate("expand", path).returncode == 0  # beforeWarm
            old.answers()
            with load(path, "v2") as new:
                new.answers()
                old.answers()
                old.end()  # beforeRetire: the old colour gets no more requests
                new.answers()
                assert migrate("contract", path).returncode == 0
                new.answers()
        assert (old.errors, new.errors) == ([], [])
        connection = connect(path)
        assert [row[1] for row in connection.execute("PRAGMA table_info(orders)")] == ["id", "buyer"]
        orders = dict(connection.execute("SELECT id, buyer FROM orders"))
        assert {key: orders[key] for key in old.written | new.written} == old.written | new.written
        assert [orders[key + 1] for key in range(1000)] == [f"old-{key}" for key in range(1000)]
        connection.close()


def test_a_step_that_is_run_twice_changes_nothing(database: Path) -> None:
    assert migrate("expand", database).stdout == "expanded: 1000 rows copied\n"
    assert migrate("expand", database).stdout == "expanded: 0 rows copied\n"
    assert migrate("contract", database).stdout == "contracted\n"
    assert migrate("contract", database).stdout == "nothing to contract\n"


def test_the_old_version_fails_after_the_contraction_which_is_why_it_is_irreversible(database: Path) -> None:
    migrate("expand", database)
    migrate("contract", database)
    old = Load(database, "v1")
    old.run(0)  # ends with the first error
    assert len(old.errors) == 1
    assert "customer" in old.errors[0]


def test_a_contraction_that_would_lose_values_fails_and_drops_nothing(database: Path) -> None:
    migrate("expand", database)
    connection = connect(database)
    connection.execute("DROP TRIGGER orders_customer")
    connection.execute("UPDATE orders SET customer = 'new' WHERE id = 1")
    result = migrate("contract", database)
    assert result.returncode != 0
    assert "1 orders are not expanded" in result.stderr
    assert {row[1] for row in connection.execute("PRAGMA table_info(orders)")} == {"id", "customer", "buyer"}
    connection.close()
