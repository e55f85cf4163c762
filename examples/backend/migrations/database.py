"""The database of the migrations: a file of SQLite that several processes use at the same time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

DATABASE = "DATABASE"
"""Environment variable with the path of the file."""

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction before it fails."""


def connect(path: str | None = None) -> sqlite3.Connection:
    """Opens the database. Each statement is a transaction of its own, unless one is begun.

    Args:
        path: of the file; None takes that of the environment.
    """
    connection = sqlite3.connect(path or os.environ[DATABASE], timeout=BUSY_SECONDS, isolation_level=None)
    # Readers go on while somebody writes.
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that has the right to write from its start on, so that it never fails in its middle."""
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
