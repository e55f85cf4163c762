"""The API server's clock, counted on by a clock of this machine that does not stop while the machine sleeps."""

import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from switchyard.kube.clock import ServerClock

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere CLOCK_MONOTONIC counts on while the machine sleeps")
def test_an_hour_of_sleep_is_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 100.0, time.CLOCK_MONOTONIC: 100.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: clocks[time.CLOCK_MONOTONIC])
    clock = ServerClock(START)
    clocks[time.CLOCK_BOOTTIME] += 3600  # the laptop was closed: only this clock has gone on
    assert clock.now() == START + timedelta(hours=1)


def test_the_clock_of_the_operator_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ServerClock(START)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert START <= clock.now() < START + timedelta(hours=1)
