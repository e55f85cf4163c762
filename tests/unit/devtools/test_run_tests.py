"""`make test`: the other parts run beside the one under load, and take no time from it."""

import os
import sys
from pathlib import Path

import pytest

from devtools.run_tests import main

PART = """
import os, pathlib, sys
directory, part = pathlib.Path(sys.argv[1]), sys.argv[2]
if part == "test-traffic":
    os.mkfifo(directory / "traffic")
    print("load:", (directory / "traffic").read_text())  # waits for another part
else:
    if part == "test-beside":
        while not (directory / "traffic").exists():
            pass  # the part under load creates it at its start
        (directory / "traffic").write_text("as expected")
    (directory / part).write_text(str(os.sched_getscheduler(0)))
sys.exit(part == "test-failing")
"""


@pytest.fixture
def make(tmp_path: Path) -> list[str]:
    return [sys.executable, "-c", PART, str(tmp_path)]


@pytest.mark.skipif(sys.platform != "linux", reason="the scheduling class exists on Linux only")
def test_parts_run_beside_the_one_under_load_in_idle_time(
    make: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["test-beside", "test-traffic"], make) == 0
    assert (tmp_path / "test-beside").read_text() == str(os.SCHED_IDLE)
    output = capfdbinary.readouterr().out
    assert b"load: as expected" in output
    assert b"\ntest-beside " in output.partition(b"Duration of each part:")[2]
    assert b"\ntest-traffic " in output.partition(b"Duration of each part:")[2]


@pytest.mark.skipif(sys.platform != "linux", reason="the scheduling class exists on Linux only")
def test_without_the_part_under_load_a_part_keeps_the_scheduling_class(make: list[str], tmp_path: Path) -> None:
    assert main(["test-unit"], make) == 0
    # Of a test that runs beside the load, that is the idle class as well.
    assert (tmp_path / "test-unit").read_text() == str(os.sched_getscheduler(0))


def test_after_a_failure_no_further_part_is_started_and_the_one_under_load_ends(
    make: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["test-beside", "test-failing", "test-unit", "test-traffic"], make) == 1
    assert not (tmp_path / "test-unit").exists()
    output = capfd.readouterr().out
    assert "load: as expected" in output
    [line] = [line for line in output.splitlines() if "failed" in line]
    assert line.startswith("test-failing")


def test_no_part_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "make test" in capsys.readouterr().err
