"""What is refused while releases are frozen, and what to type."""

from datetime import UTC, datetime

import pytest

from switchyard.config.models.service import Track
from switchyard.gates.rules.freeze import override_text, refuse_frozen, refuse_frozen_switch, report_not_retired
from switchyard.gates.rules.windows import OpenWindow

WINDOW = OpenWindow("Black Friday", "checkout team", datetime(2026, 12, 1, 6, tzinfo=UTC))


def test_a_switch_by_an_update_says_what_to_type() -> None:
    assert str(refuse_frozen_switch("backend", Track.GREEN, Track.BLUE, WINDOW)) == (
        "backend: the switch to green is refused (SY-P100): releases are frozen: Black Friday (by checkout team), "
        "until 2026-12-01T06:00:00Z; while releases are frozen, no other version gets traffic and no version is "
        "retired. blue continues to serve. Wait until then. To go back to the version before: switchyard "
        'rollback backend. To switch anyway: switchyard switch backend green --override "REASON"'
    )


@pytest.mark.parametrize(
    ("to", "serving", "window"),
    [
        (Track.GREEN, Track.BLUE, None),
        (Track.GREEN, Track.GREEN, WINDOW),
        (Track.GREEN, None, WINDOW),
        (Track.ROLLOUT, Track.BLUE, WINDOW),
        (Track.BLUE, Track.ROLLOUT, WINDOW),
    ],
)
def test_an_update_that_switches_no_colour_is_permitted(
    to: Track, serving: Track | None, window: OpenWindow | None
) -> None:
    assert refuse_frozen_switch("backend", to, serving, window) is None


def test_a_command_says_how_it_goes_through_where_it_may() -> None:
    refusal = str(
        refuse_frozen("backend", "the deploy of v2.1.0", WINDOW, 'switchyard deploy backend v2.1.0 --override "R"')
    )
    assert "backend: the deploy of v2.1.0 is refused (SY-P100): releases are frozen: Black Friday" in refusal
    assert refusal.endswith('To override the freeze: switchyard deploy backend v2.1.0 --override "R"')
    assert str(refuse_frozen("backend", "the drill", WINDOW, "")).endswith("A rollback is never refused.")


def test_a_retirement_that_waits_and_an_override_name_the_window() -> None:
    assert "(SY-P101)" in report_not_retired("backend", WINDOW)
    assert str(WINDOW) in report_not_retired("backend", WINDOW)
    assert override_text("a fix", WINDOW) == f"a fix (in the freeze: {WINDOW})"
