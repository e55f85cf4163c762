"""A wrong command line with `--json` is reported as one JSON document."""

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
    assert message in document["error"]
    assert "Nothing was changed." in document["error"]


@pytest.mark.parametrize("words", [["deploy"], ["deploy", "--nope", "--", "--json"]])
def test_a_wrong_command_line_without_json_is_reported_as_text(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert "Usage: " in result.stderr
