"""``python -m bench``: measures, and writes `docs/benchmarks.md` and its raw data."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import growth, switch
from bench.measure import Timing
from bench.report import machine, report
from sandbox import Sandbox
from toolchain.paths import PROJECT

DATA = PROJECT / "docs" / "benchmarks.json"
PAGE = PROJECT / "docs" / "benchmarks.md"


def main(
    runs: Annotated[int, typer.Option(min=2, help="Switches by each way.")] = 12,
    growth_runs: Annotated[int, typer.Option(min=2, help="Previews and updates of each size.")] = 5,
) -> None:
    """Measures a switch against its peers, and growth with the number of services."""
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as folder:
        data: dict[str, Any] = {"machine": machine()}
        measures: dict[str, Callable[[Sandbox], Any]] = {
            "switch": lambda sandbox: _plain(switch.run(sandbox, Path(folder), runs)),
            "growth": lambda sandbox: growth.run(sandbox, Path(folder), growth_runs),
        }
        for name, measure in measures.items():
            sandbox = Sandbox(f"bench-{name}")
            sandbox.up()
            try:
                data[name] = measure(sandbox)
            finally:
                sandbox.down()
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(data, indent=1) + "\n")
    PAGE.write_text(report(json.loads(DATA.read_text())))
    print(f"Written: {PAGE.relative_to(PROJECT)}, {DATA.relative_to(PROJECT)}")


def _plain(timings: dict[str, list[Timing]]) -> dict[str, list[dict[str, object]]]:
    return {way: [asdict(timing) for timing in found] for way, found in timings.items()}


if __name__ == "__main__":
    typer.run(main)
