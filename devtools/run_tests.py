"""``python -m devtools.run_tests PART...``: runs the parts of `make test`, and prints how long each took.

The part under load mostly waits, and leaves more than half of two processors idle. The other parts run beside it, one
after another. Until it has ended, they are started in the scheduling class SCHED_IDLE, which gets only the time that
no other process wants, so that they take none from the load, its clients and the pods that answer it.

Exit codes: 0 every part passed, 1 a part failed, 2 wrong usage, 130 interrupted. After a failure no further part is
started.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

UNDER_LOAD = "test-traffic"
"""The part beside which the others run."""


@dataclass(frozen=True)
class Run:
    """A part that has ended: its name, whether it passed, and its duration in seconds."""

    part: str
    passed: bool
    seconds: float


def main(parts: Sequence[str], make: Sequence[str] = ("make", "--no-print-directory")) -> int:
    """Runs the parts; returns the exit code.

    Args:
        parts: targets of the Makefile, in the order in which those that are not under load run.
        make: the command that runs a target, which is appended to it.
    """
    if not parts:
        print("No part is named. To run all tests: make test", file=sys.stderr)
        return 2
    runs: list[Run] = []
    with ThreadPoolExecutor(1) as beside:
        under_load = beside.submit(_run_under_load, make) if UNDER_LOAD in parts else None
        for part in parts:
            if part == UNDER_LOAD:
                continue
            runs.append(_run(part, make, idle=under_load is not None and not under_load.done()))
            if not runs[-1].passed or _failed(under_load):
                break
        if under_load is not None:
            runs.append(under_load.result())
    print("\nDuration of each part:")
    for run in runs:
        print(f"{run.part:15} {run.seconds:5.0f} s{'' if run.passed else '  failed'}")
    return 0 if all(run.passed for run in runs) else 1


def _run_under_load(make: Sequence[str]) -> Run:
    print(f"{UNDER_LOAD} runs beside the other parts; its output follows at its end.", flush=True)
    with tempfile.TemporaryFile() as output:
        run = _run(UNDER_LOAD, make, output)
        output.seek(0)
        print(f"\n{output.read().decode(errors='replace')}", flush=True)
    return run


def _run(part: str, make: Sequence[str], output: IO[bytes] | None = None, *, idle: bool = False) -> Run:
    start = time.monotonic()
    chrt = shutil.which("chrt") if idle else None  # a command of Linux, which alone has this class
    command = [*((chrt, "--idle", "0") if chrt else ()), *make, part]
    # Unlike subprocess.run, this waits after Ctrl-C, which the part gets as well, until it has removed its sandboxes.
    with subprocess.Popen(command, stdout=output, stderr=output) as process:
        code = process.wait()
    return Run(part, code == 0, time.monotonic() - start)


def _failed(under_load: Future[Run] | None) -> bool:
    return under_load is not None and under_load.done() and not under_load.result().passed


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
