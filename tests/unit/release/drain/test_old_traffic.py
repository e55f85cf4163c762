"""A colour that does not serve is used as long as its pods answer requests of others than this program."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.release.drain import old_traffic
from switchyard.release.drain.old_traffic import still_used
from switchyard.release.watch.pod_metrics import Reading
from tests.support.observed import settings

COUNTER = ("http_requests_total", (("status", "200"),))


def used(monkeypatch: pytest.MonkeyPatch, *readings: dict[str, float]) -> str | None:
    """What is said of pods that have counted so much at each reading."""
    left = list(readings)

    class FakeMetrics:
        def __init__(self, *_: object) -> None:
            pass

        async def read(self) -> Reading:
            return Reading(series={pod: {COUNTER: count} for pod, count in left.pop(0).items()})

    monkeypatch.setattr(old_traffic, "PodMetrics", FakeMetrics)
    cluster: Any = SimpleNamespace(api=None)
    return asyncio.run(still_used(cluster, "backend", settings(), Colour.BLUE, 0))


def test_pods_that_count_no_request_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used(monkeypatch, {"a": 7, "b": 9}, {"a": 7, "b": 9}, {"a": 7, "b": 9}) is None
    assert used(monkeypatch, {}) is None


def test_requests_for_the_metrics_themselves_are_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used(monkeypatch, {"a": 7, "b": 9}, {"a": 8, "b": 9}, {"a": 9, "b": 9}) is None


def test_requests_of_others_are_counted_without_those_for_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    said = used(monkeypatch, {"a": 7, "b": 9}, {"a": 8, "b": 9}, {"a": 12, "b": 9})
    probes = "those of their probes too, if the application counts them"
    assert said == f"its pods have answered 3 requests in 0 s ({probes})"
