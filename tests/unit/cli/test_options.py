"""A reason becomes one line that every terminal, message and record can have."""

import pytest

from switchyard.cli.options import REASON_CHARACTERS, one_line


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, None),
        ("", ""),
        ("500s on [/pay]", "500s on [/pay]"),
        ("naïve - 한국어", "naïve - 한국어"),
        ("first line\n\tsecond line\r\n", "first line second line"),
        ("\x1b[2J\x1b]0;title\x07gone", "[2J ]0;title gone"),
        ("right to left \u202e", "right to left"),
        (b"caf\xe9".decode(errors="surrogateescape"), "caf\ufffd"),
    ],
)
def test_a_reason_is_one_line_without_characters_that_control_a_terminal(typed: str | None, kept: str | None) -> None:
    assert one_line(typed) == kept


def test_a_long_reason_is_cut_because_no_rollback_is_refused_for_it() -> None:
    assert one_line("x" * REASON_CHARACTERS) == "x" * REASON_CHARACTERS
    assert one_line("x" * 100_000) == "x" * (REASON_CHARACTERS - 3) + "..."
