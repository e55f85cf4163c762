"""The expand step, for hook `beforeWarm`: the new column is there and is kept equal to the old one.

Run it with ``DATABASE=/data/orders.db python -m migrations.expand``. Run twice, it changes nothing the second time.

Version 1 reads and writes `customer`, version 2 reads and writes `buyer`. While both serve, triggers carry what one
writes to the column of the other.
"""

import sqlite3

from migrations.database import columns, connect, transaction

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


def expand(connection: sqlite3.Connection) -> int:
    """Adds the column and its triggers, then copies what is there. Returns the number of rows that were copied."""
    with transaction(connection):
        if "buyer" not in columns(connection, "orders"):
            connection.execute("ALTER TABLE orders ADD COLUMN buyer TEXT")
        for trigger in (_ON_INSERT, _ON_CUSTOMER, _ON_BUYER):
            connection.execute(trigger)
    copied = 0
    while True:
        with transaction(connection):
            rows = connection.execute(
                "UPDATE orders SET buyer = customer WHERE id IN "
                "(SELECT id FROM orders WHERE buyer IS NOT customer LIMIT ?)",
                (BATCH,),
            ).rowcount
        if not rows:
            return copied
        copied += rows


if __name__ == "__main__":
    print(f"expanded: {expand(connect())} rows copied")
