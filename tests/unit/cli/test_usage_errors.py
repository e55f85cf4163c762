"""A wrong command line is reported with its code, and with `--json` as one JSON document."""

import json

import pytest
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.errors import ExitCode


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["deploy", "--json"], "switchyard deploy: Missing argument 'SERVICE'"),
        (["status", "--json", "--nope"], "switchyard status: No such option: --nope"),
        (["rollout", "--json"], "switchyard: No such command 'rollout'"),
        (["--json"], "switchyard: No such option: --json"),
        (["deploy", "backend", "v2", "--hold-after", "lunch", "--json"], "Invalid value for '--hold-after'"),
        (["analyze", "backend", "--prometheus", "ftp://x", "--json"], "Invalid value for '--prometheus'"),
        (["retire", "--yes", "--json"], "Name a service, or use --due"),
    ],
)
def test_a_wrong_command_line_is_one_document(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, words)
    document = json.loads(result.stdout)
    assert (document["code"], document["exitCode"], result.exit_code) == ("SY-X010", ExitCode.USAGE, ExitCode.USAGE)
    assert document["version"] == 1
    assert message in document["error"]
    assert "Nothing was changed." in document["error"]


@pytest.mark.parametrize(
    ("words", "usage", "message"),
    [
        (["bogus"], "switchyard [OPTIONS] COMMAND [ARGS]...", "No such command 'bogus'"),
        (["deploy"], "switchyard deploy [OPTIONS] {SERVICE} [TAG]", "Missing argument 'SERVICE'"),
        (["deploy", "--nope", "--", "--json"], "switchyard deploy [OPTIONS] {SERVICE} [TAG]", "No such option: --nope"),
    ],
)
def test_a_wrong_command_line_without_json_has_the_usage_and_the_code(
    words: list[str], usage: str, message: str
) -> None:
    result = CliRunner().invoke(app, words, prog_name="switchyard")
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr.startswith(f"Usage: {usage}\n")
    assert result.stderr.endswith(f"Error: {message} (SY-X010). Nothing was changed.\n")


def test_the_program_without_a_command_shows_its_help_and_no_error() -> None:
    result = CliRunner().invoke(app, [])
    assert "rollback" in result.stderr
    assert "SY-X010" not in result.stderr
