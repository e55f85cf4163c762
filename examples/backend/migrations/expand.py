"""The expand step, for hook `beforeWarm`: it adds the new column, and keeps it equal to the old one.

Run it with ``DATABASE=/data/orders.db python -m migrations.expand``. Run twice, it changes nothing the second time.

Version 1 reads and writes `customer`, version 2 reads and writes `buyer`. While both serve, triggers copy each write to
the column of the other version. ``ORDERS_COLUMN`` is the column of the version that is released, `buyer` unless it
says `customer`: a later version may well go back to the first name, by a further migration.
"""

import sqlite3

from migrations.database import NEW, Column, column_of_release, columns, connect, other, transaction

BATCH = 100
"""Rows that one transaction copies, so that no request waits long for it."""

_ON_INSERT = """
CREATE TRIGGER IF NOT EXISTS orders_inserted AFTER INSERT ON orders BEGIN
    UPDATE orders SET buyer = COALESCE(NEW.buyer, NEW.customer), customer = COALESCE(NEW.customer, NEW.buyer)
    WHERE id = NEW.id;
END
"""
_ON_CUSTOMER = """
CREATE TRIGGER IF NOT EXISTS orders_customer AFTER UPDATE OF customer ON orders WHEN NEW.customer IS NOT NEW.buyer BEGIN
    UPDATE orders SET buyer = NEW.customer WHERE id = NEW.id;
END
"""
_ON_BUYER = """
CREATE TRIGGER IF NOT EXISTS orders_buyer AFTER UPDATE OF buyer ON orders WHEN NEW.buyer IS NOT NEW.customer BEGIN
    UPDATE orders SET customer = NEW.buyer WHERE id = NEW.id;
END
"""


def expand(connection: sqlite3.Connection, column: Column = NEW) -> int:
    """Adds the column and its triggers, then copies the existing rows. Returns the number of rows that were copied.

    Args:
        connection: connection to the database.
        column: column that the released version reads and writes. If the other one does not exist any more, nothing is
            done.
    """
    old = other(column)
    with transaction(connection):
        present = columns(connection, "orders")
        if old not in present:
            return 0
        if column not in present:
            connection.execute(f"ALTER TABLE orders ADD COLUMN {column} TEXT")
        for trigger in (_ON_INSERT, _ON_CUSTOMER, _ON_BUYER):
            connection.execute(trigger)
    copied = 0
    while rows := _copy(connection, old, column):
        copied += rows
    return copied


def _copy(connection: sqlite3.Connection, old: Column, new: Column) -> int:
    """Copies a batch of rows that differ. Returns how many."""
    rows = "SELECT id FROM orders WHERE buyer IS NOT customer LIMIT ?"
    with transaction(connection):
        return connection.execute(f"UPDATE orders SET {new} = {old} WHERE id IN ({rows})", (BATCH,)).rowcount


if __name__ == "__main__":
    print(f"expanded: {expand(connect(), column_of_release())} rows copied")
