"""Whether a command line of the engine is that of a destroy."""

import pytest

from components.operation import destroys


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("destroy --yes --run-program", True),
        ("--stack up destroy", True),
        ("--cwd /srv -s preview down", True),
        ("up --yes", False),
        ("up --stack destroy", False),
        ("--stack destroy preview", False),
        ("preview --message destroy", False),
        ("", False),
    ],
)
def test_a_destroy_is_known_by_its_command(command: str, *, expected: bool) -> None:
    assert destroys(command.split()) is expected
