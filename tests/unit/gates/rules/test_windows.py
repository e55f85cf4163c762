"""Which windows without releases are open: by dates, by weeks, and around both changes of the clocks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.models.releases import Freeze
from switchyard.gates.rules.windows import freezes_of, open_window

WHO = {"reason": "no releases", "by": "platform"}


def dated(start: str, until: str, **more: Any) -> Freeze:
    return Freeze.model_validate(WHO | {"from": start, "until": until} | more)


def weekly(start: str, until: str, timezone: str = "Europe/Berlin") -> Freeze:
    return Freeze.model_validate(WHO | {"weekly": {"from": start, "until": until, "timezone": timezone}})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def closes(freeze: Freeze, now: str) -> str | None:
    window = open_window([freeze], at(now))
    return None if window is None else window.until_text


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-26T23:59:59Z", None),
        ("2026-11-27T00:00:00Z", "2026-12-01T06:00:00Z"),
        ("2026-12-01T05:59:59Z", "2026-12-01T06:00:00Z"),
        ("2026-12-01T06:00:00Z", None),
        ("2026-11-27T00:30:00+01:00", None),
        ("2026-12-01T06:30:00+01:00", "2026-12-01T06:00:00Z"),
    ],
)
def test_a_dated_window_is_open_from_its_beginning_to_before_its_end(now: str, until: str | None) -> None:
    assert closes(dated("2026-11-27T00:00:00Z", "2026-12-01T06:00:00Z"), now) == until


def test_the_end_is_shown_in_utc_and_as_it_is_written() -> None:
    freeze = dated("2026-11-27T00:00:00+01:00", "2026-12-01t06:00:00+01:00")
    assert closes(freeze, "2026-11-26T23:00:00Z") == "2026-12-01T05:00:00Z (2026-12-01T06:00:00+01:00)"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27T14:59:59Z", None),
        ("2026-11-27T15:00:00Z", "2026-11-30T06:00:00Z (Mon 2026-11-30 07:00 Europe/Berlin)"),
        ("2026-11-29T23:59:59Z", "2026-11-30T06:00:00Z (Mon 2026-11-30 07:00 Europe/Berlin)"),
        ("2026-11-30T05:59:59Z", "2026-11-30T06:00:00Z (Mon 2026-11-30 07:00 Europe/Berlin)"),
        ("2026-11-30T06:00:00Z", None),
        ("2026-12-02T12:00:00Z", None),
    ],
)
def test_a_weekly_window_goes_on_over_the_end_of_the_week(now: str, until: str | None) -> None:
    assert closes(weekly("Fri 16:00", "Mon 07:00"), now) == until


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-30T11:59:00Z", False),
        ("2026-11-30T12:00:00Z", True),
        ("2026-11-30T13:29:00Z", True),
        ("2026-11-30T13:30:00Z", False),
    ],
)
def test_a_weekly_window_may_be_within_one_day(now: str, is_open: bool) -> None:
    assert (closes(weekly("Mon 12:00", "Mon 13:30", "UTC"), now) is not None) is is_open


@pytest.mark.parametrize("now", ["2026-11-30T09:59:00Z", "2026-11-30T08:59:00Z", "2026-11-30T10:00:00Z"])
def test_a_weekly_window_may_leave_one_hour_of_the_week(now: str) -> None:
    is_open = closes(weekly("Mon 10:00", "Mon 09:00", "UTC"), now) is not None
    assert is_open is not ("2026-11-30T09:00:00Z" <= now < "2026-11-30T10:00:00Z")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # Berlin changes to summer time on Sunday 2026-03-29 at 01:00 UTC, between these two Mondays.
        ("2026-03-27T15:00:00Z", "2026-03-30T05:00:00Z (Mon 2026-03-30 07:00 Europe/Berlin)"),
        ("2026-03-27T14:59:59Z", None),
        ("2026-03-30T04:59:59Z", "2026-03-30T05:00:00Z (Mon 2026-03-30 07:00 Europe/Berlin)"),
        ("2026-03-30T05:00:00Z", None),
        # And back on Sunday 2026-10-25 at 01:00 UTC.
        ("2026-10-23T13:59:59Z", None),
        ("2026-10-23T14:00:00Z", "2026-10-26T06:00:00Z (Mon 2026-10-26 07:00 Europe/Berlin)"),
        ("2026-10-26T05:59:59Z", "2026-10-26T06:00:00Z (Mon 2026-10-26 07:00 Europe/Berlin)"),
        ("2026-10-26T06:00:00Z", None),
    ],
)
def test_a_weekly_window_follows_the_clocks_when_they_are_changed(now: str, until: str | None) -> None:
    assert closes(weekly("Fri 16:00", "Mon 07:00"), now) == until


def test_a_window_that_ends_in_the_hour_that_is_twice_ends_with_its_second() -> None:
    freeze = weekly("Sat 20:00", "Sun 02:30")  # 02:30 is at 00:30 and at 01:30 UTC on 2026-10-25
    assert closes(freeze, "2026-10-25T01:29:59Z") == "2026-10-25T01:30:00Z (Sun 2026-10-25 02:30 Europe/Berlin)"
    assert closes(freeze, "2026-10-25T01:30:00Z") is None


def test_a_window_that_begins_in_the_hour_that_is_twice_begins_with_its_first() -> None:
    freeze = weekly("Sun 02:30", "Sun 06:00")
    assert closes(freeze, "2026-10-25T00:29:59Z") is None
    assert closes(freeze, "2026-10-25T00:30:00Z") is not None


def test_a_window_at_an_hour_that_there_is_not_is_none_the_shorter() -> None:
    # 02:30 is skipped on 2026-03-29: the clocks go from 01:59 to 03:00 at 01:00 UTC.
    assert closes(weekly("Sat 20:00", "Sun 02:30"), "2026-03-29T01:29:59Z") is not None
    assert closes(weekly("Sat 20:00", "Sun 02:30"), "2026-03-29T01:30:00Z") is None
    assert closes(weekly("Sun 02:30", "Sun 06:00"), "2026-03-29T00:30:00Z") is not None


def test_a_window_holds_for_the_services_that_it_names_or_for_all() -> None:
    every = dated("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    backend = dated("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", services=["backend"])
    assert freezes_of([every, backend], "backend") == (every, backend)
    assert freezes_of([every, backend], "worker") == (every,)


def test_of_several_open_windows_the_one_that_closes_last_counts() -> None:
    windows = [weekly("Fri 16:00", "Mon 07:00"), dated("2026-11-27T00:00:00Z", "2026-12-01T06:00:00Z", by="shop")]
    window = open_window(windows, at("2026-11-28T12:00:00Z"))
    assert window is not None
    assert (window.by, str(window)) == ("shop", "no releases (by shop), until 2026-12-01T06:00:00Z")
    assert window.to_json() == {"reason": "no releases", "by": "shop", "until": "2026-12-01T06:00:00Z"}
