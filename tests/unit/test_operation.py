"""Whether a command line of the engine is that of a destroy."""

import pytest

from switchyard.operation import destroys, destroys_all, named_config_file


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


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("destroy --yes --run-program", True),
        ("destroy -y -stest -mtidy", True),
        ("destroy --target urn:x", False),
        ("destroy --target=urn:x --target-dependents", False),
        ("destroy -t urn:x", False),
        ("destroy -yt urn:x", False),
        ("destroy -yfturn:x", False),
        ("up --yes", False),
    ],
)
def test_a_destroy_of_single_resources_is_not_one_of_the_whole_stack(command: str, *, expected: bool) -> None:
    assert destroys_all(command.split()) is expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("up --yes", None),
        ("up --config-file other.yaml --yes", "other.yaml"),
        ("preview --config-file=/srv/other.yaml", "/srv/other.yaml"),
        ("up --config-file", None),
    ],
)
def test_the_stack_file_may_be_named_on_the_command_line(command: str, expected: str | None) -> None:
    assert named_config_file(command.split()) == expected
