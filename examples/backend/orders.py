"""The orders of the example: rows of a database that several versions use at the same time.

A version uses one of two columns for the names of the orders, and `migrations` changes the schema from one to the
other.
"""

import sqlite3
import threading

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from migrations.database import Column, connect
from pydantic import BaseModel

PAGE = 1000
"""Orders of one answer."""


class Order(BaseModel):
    """What a client sends."""

    name: str


class Orders:
    """The orders in a file of SQLite. Every call is one statement, so that each is a transaction of its own.

    Args:
        path: path of the file; its table is created if there is none.
        column: column in which this version has the names.
    """

    def __init__(self, path: str, column: Column) -> None:
        self._path = path
        self._column = column
        self._of_thread = threading.local()
        self._execute(f"CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, {column} TEXT)")

    def create(self, name: str) -> int:
        """Writes a new order. Returns its ID."""
        return int(self._execute(f"INSERT INTO orders ({self._column}) VALUES (?)", name).lastrowid or 0)

    def rename(self, number: int, name: str) -> bool:
        """Changes an order. Returns whether there is one of that ID."""
        return self._execute(f"UPDATE orders SET {self._column} = ? WHERE id = ?", name, number).rowcount == 1

    def name(self, number: int) -> str | None:
        """The name of an order; None where there is none of that ID."""
        row = self._execute(f"SELECT {self._column} FROM orders WHERE id = ?", number).fetchone()
        return None if row is None else str(row[0])

    def page(self, after: int) -> dict[int, str]:
        """The names of the next orders after an ID, by ID."""
        select = f"SELECT id, {self._column} FROM orders WHERE id > ? ORDER BY id LIMIT {PAGE}"
        return dict(self._execute(select, after).fetchall())

    def _execute(self, statement: str, *values: str | int) -> sqlite3.Cursor:
        # A connection is used by one thread alone: two that share one would also share its transactions.
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = connect(self._path)
        cursor: sqlite3.Cursor = self._of_thread.connection.execute(statement, values)
        return cursor


def serve_orders(app: FastAPI, orders: Orders) -> None:
    """Adds the paths of the orders.

    Their functions are not `async`, so that each runs on a thread of its own: a statement may wait for a migration.

    Args:
        app: the application.
        orders: where they are.
    """

    @app.get("/orders")
    def page(after: int = 0) -> Response:
        return JSONResponse({str(number): name for number, name in orders.page(after).items()})

    @app.post("/orders")
    def create(order: Order) -> Response:
        return JSONResponse({"id": orders.create(order.name), "name": order.name}, 201)

    @app.put("/orders/{number}")
    def rename(number: int, order: Order) -> Response:
        return _answer(number, order.name if orders.rename(number, order.name) else None)

    @app.get("/orders/{number}")
    def read(number: int) -> Response:
        return _answer(number, orders.name(number))


def _answer(number: int, name: str | None) -> Response:
    if name is None:
        return JSONResponse({"detail": f"there is no order {number}"}, 404)
    return JSONResponse({"id": number, "name": name})
