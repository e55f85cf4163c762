"""The example with its database: one file of SQLite that the pods and the hooks' Jobs of every node reach.

The nodes of the sandbox share the disk and the kernel of this machine. So a PersistentVolume that is a folder of the
node is the same folder on each, and SQLite's locks hold between all pods, as they do on one machine.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

from devtools.sandbox.tags import COLUMNS

CLAIM = "orders"
"""Name of the PersistentVolumeClaim, and of the pods' volume."""

MOUNTED = "/data"

FILE = "orders.db"

USER = 10001
"""User ID of the pods."""

WATCH_SECONDS = 10
"""Seconds of the watch, shortened so that a run has many releases."""

BAD_SHARE = 0.02
"""Share of failed requests at which the watch judges a version bad.

Twice the default, so that a good version passes after half as many requests.
"""


def create_database(folder: Path, column: str, rows: int) -> dict[int, str]:
    """Creates the database in a folder that pods may write to. Returns its orders: names by ID.

    Args:
        folder: an existing one.
        column: column of the version that serves first.
        rows: number of orders.
    """
    connection = sqlite3.connect(folder / FILE)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, {column} TEXT)")
    orders = {number: f"first-{number}" for number in range(1, rows + 1)}
    connection.executemany("INSERT INTO orders VALUES (?, ?)", orders.items())
    connection.commit()
    connection.close()
    for path in (folder, folder / FILE):
        os.chown(path, USER, USER)
    return orders


def columns(folder: Path) -> list[str]:
    """The columns of the orders as they are in the file now."""
    connection = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)
    try:
        return [str(row[1]) for row in connection.execute("PRAGMA table_info(orders)")]
    finally:
        connection.close()


def column_of(tag: str) -> str:
    """The column that a version reads and writes."""
    return COLUMNS[tag.partition(".")[0]]


def volume(namespace: str, folder: Path) -> list[dict[str, Any]]:
    """The PersistentVolume of a folder, and its claim in a namespace.

    Args:
        namespace: namespace of the service.
        folder: a folder on this machine.
    """
    name = f"{CLAIM}-{namespace}"
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    size = {"storage": "1Gi"}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                **shared,
                "capacity": size,
                "claimRef": {"namespace": namespace, "name": CLAIM},
                "hostPath": {"path": str(folder), "type": "Directory"},
                "persistentVolumeReclaimPolicy": "Retain",
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": namespace},
            "spec": {**shared, "volumeName": name, "resources": {"requests": size}},
        },
    ]


def migrated_settings() -> dict[str, Any]:
    """Additional settings of the service: the database, the two steps as hooks, and short times.

    The latency is not judged, because the pauses of a machine with two cores would fail a version.
    """
    mounts = [{"volume": CLAIM, "path": MOUNTED}]
    database = {"DATABASE": f"{MOUNTED}/{FILE}"}

    def hook(step: str) -> dict[str, Any]:
        command = ["python3", "-m", f"migrations.{step}"]
        return {"name": f"{step}-schema", "job": {"command": command, "env": database, "mounts": mounts}}

    return {
        "env": database | {"DRAIN_SECONDS": "1"},
        "volumes": {CLAIM: {"persistentVolumeClaim": {"name": CLAIM}}},
        "mounts": mounts,
        "drain": {"preStopSeconds": 5, "terminationGracePeriodSeconds": 20},
        "release": {
            "drain": {"method": "endpoint"},
            "watch": {
                "seconds": WATCH_SECONDS,
                "errors": {"condemned": BAD_SHARE},
                "latencyP95": {"enabled": False},
            },
            "bakeSeconds": 0,
            "hooks": {
                "beforeWarm": [hook("expand")],
                "beforeRetire": [hook("contract") | {"irreversible": True}],
            },
        },
    }
