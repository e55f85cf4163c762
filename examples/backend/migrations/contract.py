"""The contract step, for hook `beforeRetire` with `irreversible: true`: the old column is gone, and version 1 with it.

Run it with ``DATABASE=/data/orders.db python -m migrations.contract``. Run twice, it changes nothing the second time.
"""

import sqlite3

from migrations.database import columns, connect, transaction


def contract(connection: sqlite3.Connection) -> bool:
    """Drops the triggers and the column of version 1. Returns whether there was something to drop.

    Raises:
        RuntimeError: a row has not been expanded, so that its value would be lost.
    """
    with transaction(connection):
        if "customer" not in columns(connection, "orders"):
            return False
        [rows] = connection.execute("SELECT COUNT(*) FROM orders WHERE buyer IS NOT customer").fetchone()
        if rows:
            raise RuntimeError(f"{rows} orders are not expanded: run migrations.expand first")
        for trigger in ("orders_inserted", "orders_customer", "orders_buyer"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute("ALTER TABLE orders DROP COLUMN customer")
    return True


if __name__ == "__main__":
    print("contracted" if contract(connect()) else "nothing to contract")
