"""Whether a command line of the engine is that of a destroy."""

import pytest

from switchyard.operation import (
    Selection,
    destroys,
    destroys_all,
    engine_arguments,
    is_whole_destroy,
    named_config_file,
    selected_by,
    selection,
    updates,
)


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
        ("up --yes", True),
        ("--stack refresh pre", True),
        ("refresh --target urn:x", False),
        ("destroy", False),
        ("", False),
    ],
)
def test_an_update_or_its_preview_is_known_by_its_command(command: str, *, expected: bool) -> None:
    assert updates(command.split()) is expected


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


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("up --yes", None),
        ("up --stack --yes", None),
        ("preview --target-dependents", None),
        ("up --target urn:a --target=urn:b", Selection(("urn:a", "urn:b"))),
        ("up -yt urn:a", Selection(("urn:a",))),
        ("up -t**urn:a", Selection(("**urn:a",))),
        ("up --target-replace urn:a --target-dependents", Selection(("urn:a",), dependents=True)),
        ("up --exclude urn:a --exclude=urn:b", Selection((), ("urn:a", "urn:b"))),
    ],
)
def test_a_selection_of_resources_is_read_from_the_command(command: str, expected: Selection | None) -> None:
    assert selected_by(command.split()) == expected


@pytest.mark.parametrize(
    ("pattern", "is_covered"),
    [
        ("urn:pulumi:test::shop::a$b::backend", True),
        ("urn:pulumi:test::shop::a$b::back", False),
        ("**::backend", True),
        ("*::backend", False),
        ("urn:pulumi:test::*::*::backend", True),
        ("**a.b**", False),
        ("**", True),
    ],
)
def test_a_pattern_selects_as_in_the_engine(pattern: str, *, is_covered: bool) -> None:
    urn = "urn:pulumi:test::shop::a$b::backend"
    assert Selection((pattern,)).covers(urn) is is_covered
    assert Selection((), (pattern,)).covers(urn) is not is_covered


def test_options_in_the_environment_select_as_those_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switchyard.operation._engine", lambda: (("destroy", "--yes"), None))
    assert (selection(), is_whole_destroy()) == (None, True)
    monkeypatch.setenv("PULUMI_OPTION_TARGET", "**::backend")
    monkeypatch.setenv("PULUMI_OPTION_TARGET_DEPENDENTS", "true")
    monkeypatch.setenv("PULUMI_OPTION_EXCLUDE_DEPENDENTS", "false")
    assert engine_arguments() == ("destroy", "--yes", "--target=**::backend", "--target-dependents")
    assert (selection(), is_whole_destroy()) == (Selection(("**::backend",), dependents=True), False)
