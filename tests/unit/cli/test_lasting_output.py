"""Output that cannot be written does not end a command that changes a service."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from switchyard.cli.lasting_output import continues_without_output
from switchyard.cli.main import app

if TYPE_CHECKING:
    from typer.core import TyperGroup

COMMAND = """
import sys
from rich.console import Console
from switchyard.cli.lasting_output import continues_without_output

@continues_without_output
def release():
    for line in range(300):
        Console().print(f"line {line}")
        print("and a warning", file=sys.stderr)
    with open(sys.argv[1], "w") as record:
        record.write("released")

release()
sys.exit(7)
"""


def run(tmp_path: os.PathLike[str], output: int) -> tuple[int, str]:
    record = os.path.join(tmp_path, "record")
    command = [sys.executable, "-c", COMMAND, record]
    result = subprocess.run(command, stdout=output, stderr=output, check=False)
    with open(record) as written:
        return result.returncode, written.read()


def without_a_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def closed_terminal() -> int:
    controlling, terminal = os.openpty()
    os.close(controlling)
    return terminal


@pytest.mark.parametrize(
    ("opened", "error"),
    [(without_a_reader, errno.EPIPE), (full_disk, errno.ENOSPC), (closed_terminal, errno.EIO)],
)
def test_output_that_cannot_be_written_does_not_end_it(
    tmp_path: os.PathLike[str], opened: Callable[[], int], error: int
) -> None:
    output = opened()
    try:
        with pytest.raises(OSError, match=os.strerror(error)):
            os.write(output, b"the fault")
        assert run(tmp_path, output) == (7, "released")
    finally:
        os.close(output)


def test_what_can_be_written_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    continues_without_output(lambda: print("to the", end=" ") or print("end"))()
    assert capsys.readouterr().out == "to the end\n"


def test_commands_that_change_a_service_outlive_their_reader_and_those_that_read_do_not() -> None:
    commands = cast("TyperGroup", get_command(app)).commands
    callbacks: dict[str, Any] = {name: command.callback for name, command in commands.items()}
    lasting = {name for name, callback in callbacks.items() if hasattr(callback.__wrapped__, "__wrapped__")}
    assert set(callbacks) - lasting == {"status", "history", "report", "analyze", "rbac"}
    assert CliRunner().invoke(app, ["deploy", "--help"]).exit_code == 0
