"""``python -m devtools.benchmarks``: measures, and writes `docs/benchmarks.md` with its raw data and plots."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from devtools.benchmarks import (
    ablation,
    canary,
    connections,
    evidence,
    kept,
    kept_long,
    long_run,
    migration,
    program,
    receipts,
    startup,
    strategy_migration,
    switch,
    traffic,
    watched,
)
from devtools.benchmarks.plots import plot_kept, plot_switches
from devtools.benchmarks.report import machine, report
from devtools.benchmarks.report_kept import rows
from devtools.sandbox import Sandbox
from devtools.sandbox.cluster import Kind
from devtools.toolchain.paths import PROJECT

DATA = PROJECT / "docs" / "benchmarks.json"
PAGE = PROJECT / "docs" / "benchmarks.md"
PLOT = PROJECT / "docs" / "switches.png"
KEPT_PLOT = PROJECT / "docs" / "kept-connections.png"


class Part(StrEnum):
    """The parts of a measurement. Each has its own sandbox, except the simulated evidence and the start-up."""

    STARTUP = "startup"
    SWITCH = "switch"
    PROGRAM = "program"
    TRAFFIC = "traffic"
    ABLATION = "ablation"
    CONNECTIONS = "connections"
    KEPT = "kept"
    KEPT_LONG = "kept-long"
    RECEIPTS = "receipts"
    LONG = "long"
    CANARY = "canary"
    STRATEGY_MIGRATION = "strategy-migration"
    MIGRATION = "migration"
    EVIDENCE = "evidence"
    WATCH = "watch"


NODES = {Part.SWITCH: Kind.SIMULATED, Part.PROGRAM: Kind.SIMULATED}
"""The nodes of parts that do not need real ones."""


SWITCHES = 12
"""Runs of each method by default."""

RECEIPTS = 50
"""Switches with a stopped kube-proxy by default. One takes about 6 s."""

SIMULATED_RELEASES = 10_000
"""Simulated releases of each good version by default."""

KEPT_RUNS = 5
"""Runs of each method of part `kept` by default. One with a renewal takes more than a minute."""

WATCHED = 5
"""Releases of each bad version by each method at each rate by default."""

CANARIES = 5
"""Runs of each method for each timed version by default. One takes about a minute."""


def main(
    only: Annotated[
        list[Part] | None, typer.Option(help="Parts to measure. Default: all. Others keep their results.")
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=2, help=f"Runs of each method. Default: switches {SWITCHES}, kept {KEPT_RUNS}, canaries {CANARIES}."
        ),
    ] = None,
    program_runs: Annotated[int, typer.Option(min=2, help="Number of previews for each number of services.")] = 5,
    size: Annotated[list[int] | None, typer.Option(help="Numbers of services to measure. Default: all.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another checkout with its tools installed, for part `program`.")
    ] = None,
    releases: Annotated[int, typer.Option(min=1, help="Number of releases with each default switched off.")] = 10,
    requests: Annotated[int, typer.Option(min=1000, help="Minimum number of requests in each long run.")] = 1_000_000,
    migration_requests: Annotated[
        int, typer.Option(min=1000, help="Minimum number of requests during strategy migrations.")
    ] = 100_000,
    migrations: Annotated[int, typer.Option(min=1, help="Number of releases that migrate a database.")] = 20,
    order_rate: Annotated[int, typer.Option(min=8, help="Requests a second during these releases.")] = 100,
    rate: Annotated[
        int, typer.Option(min=10, help="Requests a second of the long run and the strategy migrations.")
    ] = 800,
    switches: Annotated[
        int, typer.Option(min=1, help="Switches in each long run; in `kept-long` as many rollbacks too.")
    ] = 50,
    renewals: Annotated[int, typer.Option(min=1, help="Switches, and rollbacks, by a renewal in `kept`.")] = KEPT_RUNS,
    kept_rate: Annotated[int, typer.Option(min=40, help="Requests a second of part `kept-long`.")] = 1500,
    good: Annotated[int, typer.Option(min=0, help="Good releases of part `watch`, at each rate.")] = 20,
    watch_rate: Annotated[list[int] | None, typer.Option(min=10, help="Requests a second of part `watch`.")] = None,
    watch_method: Annotated[
        list[str] | None, typer.Option(help="Methods of part `watch` to measure. Default: all.")
    ] = None,
    watch_seconds: Annotated[int | None, typer.Option(min=10, help="Seconds of a good release's watch.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Bad releases at the same time in part `watch`.")] = 1,
    good_at_once: Annotated[int, typer.Option(min=1, help="Good releases at the same time in part `watch`.")] = 1,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Time limit in minutes: of `watch`, for bad and good releases each; of `traffic` and `kept`."
        ),
    ] = None,
    simulated_releases: Annotated[
        int, typer.Option(min=1, help="Simulated releases of each good version.")
    ] = SIMULATED_RELEASES,
    render: Annotated[
        bool, typer.Option("--render", help="Measure nothing; write the page and plots again from the raw data.")
    ] = False,
) -> None:
    """Measures switches and canaries of this program and of peers, failed requests, and the cost of a run."""
    if render:
        write(json.loads(DATA.read_text()))
        return
    data: dict[str, Any] = json.loads(DATA.read_text()) if only and DATA.exists() else {}
    data["machine"] = machine()
    plan = watched.Plan(
        runs or WATCHED,
        good,
        tuple(watch_rate or watched.Plan.rates),
        tuple(watch_method or watched.Plan.methods),
        at_once,
        good_at_once,
        watch_seconds,
        minutes,
    )
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as folder:
        measures: dict[Part, Callable[[Sandbox, Path], Any]] = {
            Part.SWITCH: lambda sandbox, work: _plain(switch.run(sandbox, work, runs or SWITCHES)),
            Part.PROGRAM: lambda sandbox, work: program.run(
                sandbox, work, tuple(sorted(size or program.SIZES)), program_runs, against
            ),
            Part.TRAFFIC: lambda sandbox, work: _plain(traffic.run(sandbox, work, runs or SWITCHES, minutes)),
            Part.ABLATION: lambda sandbox, work: {
                disabled: asdict(outcome) for disabled, outcome in ablation.run(sandbox, work, releases).items()
            },
            Part.CONNECTIONS: lambda sandbox, work: [asdict(result) for result in connections.run(sandbox, work)],
            Part.KEPT: lambda sandbox, work: _plain(kept.run(sandbox, work, runs or KEPT_RUNS, renewals, minutes)),
            Part.KEPT_LONG: lambda sandbox, work: asdict(kept_long.run(sandbox, work, requests, switches, kept_rate)),
            Part.RECEIPTS: lambda sandbox, work: [
                asdict(result) for result in receipts.run(sandbox, work, runs or RECEIPTS)
            ],
            Part.LONG: lambda sandbox, work: asdict(long_run.run(sandbox, work, requests, switches, rate)),
            Part.STRATEGY_MIGRATION: lambda sandbox, work: asdict(
                strategy_migration.run(sandbox, work, migration_requests, rate)
            ),
            Part.MIGRATION: lambda sandbox, work: migration.run(sandbox, work, migrations, order_rate),
            Part.WATCH: lambda sandbox, work: watched.run(sandbox, work, plan, data.get(Part.WATCH)),
            Part.CANARY: lambda sandbox, work: canary.run(sandbox, work, runs or CANARIES),
        }
        for part in only or list(Part):
            if part is Part.EVIDENCE:
                data[part] = [asdict(result) for result in evidence.run(simulated_releases)]
                _keep(data, part)
                continue
            work = Path(folder) / part
            work.mkdir()
            if part is Part.STARTUP:
                data[part] = asdict(startup.run(work))
                _keep(data, part)
                continue
            sandbox = Sandbox(f"bench-{part}")
            sandbox.down()  # a run that was interrupted has left namespaces of the same names
            try:
                sandbox.up(NODES.get(part, Kind.REAL))
                data[part] = measures[part](sandbox, work)
            finally:
                sandbox.down()
            _keep(data, part)
    write(json.loads(DATA.read_text()))


def _keep(data: dict[str, Any], part: Part) -> None:
    """Writes the raw data after each part, which an interrupted benchmark keeps."""
    data.setdefault("dates", {})[part] = data["machine"]["date"]
    data.setdefault("processors", {})[part] = data["machine"]["processor"]
    DATA.write_text(json.dumps(data, indent=1) + "\n")


def write(data: dict[str, Any]) -> None:
    """Writes the page and its plot from the raw data."""
    if Part.TRAFFIC in data:
        plot_switches(data[Part.TRAFFIC], PLOT)
    if Part.KEPT in data:
        plot_kept(rows(data[Part.KEPT], data.get(Part.KEPT_LONG)), KEPT_PLOT)
    PAGE.write_text(report(data))
    print(f"Written: {PAGE.relative_to(PROJECT)}, {DATA.relative_to(PROJECT)}")


def _plain(runs: dict[str, list[Any]]) -> dict[str, list[dict[str, object]]]:
    return {method: [asdict(run) for run in results] for method, results in runs.items()}


if __name__ == "__main__":
    typer.run(main)
