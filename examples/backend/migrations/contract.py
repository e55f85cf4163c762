"""The contract step, for hook `beforeRetire` with `irreversible: true`: it drops the column of the old version.

Run it with ``DATABASE=/data/orders.db python -m migrations.contract``. Run twice, it changes nothing the second time.
"""

import sqlite3

from migrations.database import NEW, Column, column_of_release, columns, connect, other, transaction


def contract(connection: sqlite3.Connection, column: Column = NEW) -> bool:
    """Drops the triggers and the column of the old version. Returns whether there was something to drop.

    Args:
        connection: connection to the database.
        column: column that the version which stays reads and writes.

    Raises:
        RuntimeError: a row has not been expanded, so that its value would be lost.
    """
    old = other(column)
    with transaction(connection):
        if old not in columns(connection, "orders"):
            return False
        if column not in columns(connection, "orders"):
            raise RuntimeError(f"there is no column {column}: run migrations.expand first")
        [rows] = connection.execute("SELECT COUNT(*) FROM orders WHERE buyer IS NOT customer").fetchone()
        if rows:
            raise RuntimeError(f"{rows} orders are not expanded: run migrations.expand first")
        for trigger in ("orders_inserted", "orders_customer", "orders_buyer"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute(f"ALTER TABLE orders DROP COLUMN {old}")
    return True


if __name__ == "__main__":
    print("contracted" if contract(connect(), column_of_release()) else "nothing to contract")
