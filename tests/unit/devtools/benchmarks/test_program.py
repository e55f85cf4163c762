"""What a command costs, and what the page says of it beside another checkout and beside its targets."""

import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from devtools.benchmarks.checkouts import NEW, OLD
from devtools.benchmarks.cost import Cost, cost_of
from devtools.benchmarks.program import HELP, PREVIEW, STATUS, UPDATE
from devtools.benchmarks.report_program import program as report

BUSY = "import time\nwhile time.process_time() < 0.15: pass"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\n{BUSY}"


def start(program: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-S", "-c", program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_cost_of_a_command_includes_that_of_its_children() -> None:
    cost = cost_of(lambda: start(PARENT))
    assert cost.cpu >= 0.3
    assert cost.seconds >= 0.3
    assert cost.memory > 0
    assert set(cost.cpu_by_role) == set(cost.memory_by_role) == {"program"}


def test_a_command_that_fails_has_no_cost_but_its_output() -> None:
    with pytest.raises(RuntimeError, match="no such stack"):
        cost_of(lambda: start("print('no such stack'); raise SystemExit(3)"))
    assert cost_of(lambda: start("raise SystemExit(3)"), accepted=(0, 3)).seconds > 0


def costs(seconds: float, cpu: float = 0, memory: float = 0) -> list[dict[str, Any]]:
    return [asdict(Cost(seconds, cpu or seconds, memory, {"engine": cpu}, {"engine": memory}))] * 3


def measured(**previews: tuple[list[dict[str, Any]], list[dict[str, Any]] | None]) -> dict[str, Any]:
    """What a run of the benchmark returns, by number of services: the new previews, and the old ones."""
    sizes = {}
    for name, (new, old) in previews.items():
        preview = {NEW: new} | ({OLD: old} if old else {})
        sizes[name.removeprefix("n")] = {
            "first": {NEW: asdict(Cost(9, 9, 9))},
            "costs": {PREVIEW: preview, UPDATE: {NEW: new}},
        }
    described = {name: {"commit": name, "engine": "v3.1.0"} for name in (NEW, OLD)}
    return {"checkouts": described, "sizes": sizes}


def test_ratios_are_of_medians_and_compared_with_their_targets() -> None:
    page = "\n".join(report(measured(n1=(costs(2, 1), costs(4, 2)), n50=(costs(10, 4), costs(16, 10)))))
    assert "| `preview` | 1 | 4.00 | 2.00 | 0.50x | 2.00 | 1.00 | 0.50x | 0.65x; met |" in page
    assert "| `preview` | 50 | 16.00 | 10.00 | 0.62x | 10.00 | 4.00 | 0.40x | 0.5x; wall **not met**, CPU met |" in page


def test_the_command_line_has_targets_of_its_own() -> None:
    data = measured(n1=(costs(2), costs(4)))
    data["sizes"]["1"]["costs"] |= {
        HELP: {NEW: costs(0.2, 0.12), OLD: costs(0.9, 0.8)},
        STATUS: {NEW: costs(0.6, 0.6), OLD: costs(0.8, 0.8)},
    }
    page = "\n".join(report(data))
    assert "| `switchyard --help` | 1 | 0.90 | 0.20 | 0.22x | 0.80 | 0.12 | 0.15x | 0.15 CPU-s; met |" in page
    assert "| `switchyard status` | 1 | 0.80 | 0.60 | 0.75x | 0.80 | 0.60 | 0.75x | 0.5x; **not met** |" in page


@pytest.mark.parametrize(("largest", "verdict"), [(72, "1.10x** (target: at most 1.1x; met"), (80, "1.37x** (")])
def test_growth_is_the_cost_of_one_more_service_among_many_against_among_few(largest: float, verdict: str) -> None:
    data = measured(
        n10=(costs(1, 1), None),
        n50=(costs(5, 5), None),
        n200=(costs(39, 39), None),
        n500=(costs(largest, largest), None),
    )
    page = "\n".join(report(data))
    assert verdict in page
    assert "A preview of 200 services takes 39.0 s (target: under 60 s; met)." in page


def test_one_checkout_alone_has_no_ratios() -> None:
    data = measured(n1=(costs(2), None))
    del data["checkouts"][OLD]
    page = "\n".join(report(data))
    assert "beside" not in page
    assert "ratio" not in page
