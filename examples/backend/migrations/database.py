"""The database of the migrations: a file of SQLite that several processes use at the same time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

DATABASE = "DATABASE"
"""Environment variable with the path of the file."""

COLUMN = "ORDERS_COLUMN"
"""Environment variable with the column of the version that is released. Its image has it, and so has its Job."""

Column = Literal["customer", "buyer"]
"""The column with the names of the orders: one version uses the first, the other one the second."""

OLD: Column = "customer"
NEW: Column = "buyer"

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction before it fails."""


def connect(path: str | None = None) -> sqlite3.Connection:
    """Opens the database. Each statement is a transaction of its own, unless one is begun.

    Args:
        path: path of the file; None takes the path in the environment.
    """
    connection = sqlite3.connect(path or os.environ[DATABASE], timeout=BUSY_SECONDS, isolation_level=None)
    # Readers are not blocked by a writer.
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit survives the end of every process. Only a failure of the machine could lose the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def column_of_release() -> Column:
    """The column of the version that is released, from the environment.

    Raises:
        ValueError: the environment names another one.
    """
    named = os.environ.get(COLUMN, NEW)
    if named not in {OLD, NEW}:
        raise ValueError(f"{COLUMN}={named!r}: must be {OLD} or {NEW}")
    return OLD if named == OLD else NEW


def other(column: Column) -> Column:
    """The column of the versions before a release of those that know the given one."""
    return OLD if column == NEW else NEW


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that takes the write lock at its start, so that it never fails half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of a table's columns."""
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
