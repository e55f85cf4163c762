"""A guard of a run with an API server that is a table of objects, for tests."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from switchyard.gates.guard import Guard
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.access import ClusterAccess
from tests.support.guarded_objects import OURS, Table

ENTRY = ServiceEntry("backend", "default", adopt_path="switchyard:services.backend.adopt")

Make = Callable[..., tuple[Guard, Table, list[str]]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    def build(objects: Mapping[tuple[str, str], dict[str, Any]], **changes: Any) -> tuple[Guard, Table, list[str]]:
        said: list[str] = []
        table = Table(objects)
        given: dict[str, Any] = {
            "mark": OURS,
            "former": None,
            "production": False,
            "own_machines": False,
            "services": {("default", "backend"): ENTRY},
            "removed": frozenset(),
            "destroy_asked": False,
            "say": said.append,
            "warn": said.append,
            "access": ClusterAccess(),
        }
        guard = Guard(**{**given, **changes})

        async def api(_: Guard) -> Table:
            return table

        monkeypatch.setattr(Guard, "_api", api)
        return guard, table, said

    return build


def delete(guard: Guard, record: Mapping[str, Any], *, preview: bool = False, by_guard: bool = True) -> None:
    asyncio.run(guard.before_delete(record, record, preview=preview, by_guard=by_guard))
