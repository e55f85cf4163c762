"""Requests of a switch as the pods have counted them, and what of that is not claimed."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.service import Colour, Track
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import counting
from switchyard.release.receipt.counting import Counting
from switchyard.release.receipt.receipt import NodeAnswer, Receipt
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Series
from tests.support.observed import observed

PLAN = Plan(Act.SWITCH, observed(), Colour.GREEN)
TURNS = 50
"""Turns of the event loop: enough for several readings that wait for nothing."""

SILENT = Reading(failures={"pod": "GET /metrics answers 404"})


def reading(requests: float, failed: float = 0) -> Reading:
    counter = "http_requests_total"
    series: dict[Series, float] = {
        (counter, (("status", "200"),)): requests - failed,
        (counter, (("status", "500"),)): failed,
    }
    return Reading(series={"pod": series})


def counted(
    monkeypatch: pytest.MonkeyPatch, new: list[Reading], old: list[Reading], quiet: bool = True, probes: int = 0
) -> Receipt:
    """The receipt after two readings of each colour."""
    readings = {Track.GREEN: list(new), Track.BLUE: list(old)}
    now = 1.0

    class FakeMetrics:
        def __init__(self, _api: Any, _name: str, _settings: Any, track: Track) -> None:
            self._readings = readings[track]

        async def read(self) -> Reading:
            return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]

    monkeypatch.setattr(counting, "PodMetrics", FakeMetrics)
    monkeypatch.setattr(counting, "EVERY_SECONDS", 0)

    async def run() -> Receipt:
        nonlocal now
        it = Counting(None, PLAN, lambda: now)  # type: ignore[arg-type]
        it.begin()
        it.follow_old()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        now += 10 if quiet else 0
        return await it.end(Receipt("now", nodes=(NodeAnswer("a", follows=True, probes=probes),)))

    return asyncio.run(run())


def test_requests_and_errors_of_the_new_colour_are_counted_with_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = counted(monkeypatch, [reading(100), reading(3100)], [reading(7), reading(9)])
    assert (receipt.requests, receipt.errors) == (3000, 0)
    assert receipt.bound == "0 of 3000 failed: under 0.10% at 95 %"
    assert receipt.last_old_kept == 1.0
    assert receipt.unseen == ()
    failing = counted(monkeypatch, [reading(100), reading(300, 20)], [reading(7)])
    assert (failing.requests, failing.errors, failing.bound) == (200, 20, "20 of 200 failed")


def test_requests_of_the_receipt_itself_are_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = counted(monkeypatch, [reading(100), reading(106)], [reading(7)], probes=3)
    assert (receipt.requests, receipt.errors, receipt.bound) == (0, 0, None)


def test_old_pods_that_still_count_have_no_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = counted(monkeypatch, [reading(1)], [reading(7), reading(9)], quiet=False)
    assert receipt.last_old_kept is None
    [unseen] = receipt.unseen
    assert "pods of blue still counted requests 1.0 s after the start" in unseen


def test_pods_without_metrics_are_said_not_to_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = counted(monkeypatch, [SILENT], [SILENT])
    assert (receipt.requests, receipt.errors, receipt.last_old_kept) == (None, None, None)
    requests, kept = receipt.unseen
    assert requests.startswith("requests: green was not counted: 1 of 1 pods do not answer")
    assert kept.startswith("last answer over kept connections: blue was not counted")


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (Reading(series=reading(9).series, failures={"other": "no answer"}), "1 of 2 pods do not answer (other"),
        (Reading(error="the API server does not answer"), "the API server does not answer"),
    ],
)
def test_what_some_pods_have_counted_is_not_said_to_be_all(
    monkeypatch: pytest.MonkeyPatch, last: Reading, why: str
) -> None:
    receipt = counted(monkeypatch, [reading(1), last], [reading(7), reading(9), last])
    assert receipt.last_old_kept is None, "a pod that was not read may have answered later"
    requests, kept = receipt.unseen
    assert requests.startswith(f"requests: not all of green were counted: {why}")
    assert kept.startswith(f"last answer over kept connections: not all of blue were counted: {why}")
