"""``python -m devtools.rehearsal [STACK]``.

Exit codes: 0 all steps succeeded, 1 a step failed, 2 there is no such stack or its configuration has errors.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from devtools.rehearsal import charts
from devtools.rehearsal.charts import NotRehearsableError
from devtools.rehearsal.configuration import Rehearsed, read
from devtools.rehearsal.plan import UnmappedError
from devtools.rehearsal.policy.report import report
from devtools.rehearsal.policy.scan import ScanError, scan
from devtools.rehearsal.policy.waivers import FILE, WaiversError, load
from devtools.rehearsal.rehearse import Rehearsal, rehearsal
from devtools.sandbox.errors import SandboxError
from devtools.toolchain.paths import PROJECT
from switchyard.config.errors import SettingsError
from switchyard.config.models.addons import Chart

WHAT_IS_SIMULATED = """\
Rehearsal of stack {stack}, without AWS: moto answers the calls to AWS on this machine, after botocore has checked them.
Keys and certificates are real. The API server, its controllers and the scheduler are real, and run on this machine with
the stack's own certificates. Kubelets and the load balancer controller are simulated, and no instance boots.
What only AWS can show (quotas, permissions, images, durations) is not tested: see docs/runbook.md, "Rehearsal"."""

USAGE = 2

app = typer.Typer(add_completion=False)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def main(
    stack: Annotated[str, typer.Argument(help="The stack, by its file Pulumi.<stack>.yaml.")] = "production",
    *,
    policy: Annotated[bool, typer.Option(help="Also check the stack's resources at AWS with checkov.")] = False,
) -> None:
    """Runs a whole stack of kind ec2 before it costs anything: preview, update, second preview, destroy."""
    # With an exception the context managers end every process that was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console.print(WHAT_IS_SIMULATED.format(stack=stack))
    with tempfile.TemporaryDirectory(prefix="switchyard-rehearsal-") as scratch:
        directory = Path(scratch)
        rehearsed = _read(stack, directory / "charts")
        for change in rehearsed.changes:
            console.print(f"Different from Pulumi.{stack}.yaml: {change}.", markup=False)
        try:
            with rehearsal(directory, rehearsed, stack, _machine) as running:
                went_well = _run(running, directory if policy else None)
        except SandboxError as error:
            console.print(str(error), style="red", markup=False)
            raise typer.Exit(1) from None
    if not went_well:
        raise typer.Exit(1)


def _read(stack: str, directory: Path) -> Rehearsed:
    def write(wanted: Mapping[str, Chart]) -> Mapping[str, Path]:
        return charts.write(directory, wanted)

    try:
        return read(PROJECT / f"Pulumi.{stack}.yaml", stack, write)
    except (NotRehearsableError, SettingsError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(USAGE) from None


def _machine(line: str) -> None:
    console.print(f"  machine  {line}", style="cyan", markup=False)


def _run(running: Rehearsal, scanned: Path | None) -> bool:
    """Runs the steps until one fails, and a destroy in any case.

    Args:
        running: the rehearsal.
        scanned: the directory in which checkov checks the stack; None leaves that step out.
    """
    table = Table("step", "result", "seconds", title="Rehearsal, on fake AWS", title_justify="left")
    table.columns[-1].justify = "right"

    def step(name: str, action: Callable[[], tuple[bool, str]]) -> bool:
        console.print(f"\n[bold]{name}[/bold]")
        started = time.monotonic()
        ok, result = action()
        table.add_row(name, result if ok else f"[red]{result}[/red]", f"{time.monotonic() - started:.0f}")
        return ok

    went_well = (
        step("preview", lambda: _preview(running))
        and step("up", lambda: _up(running))
        and step("second preview", lambda: _second_preview(running))
        and (scanned is None or step("policy", lambda: _policy(running, scanned / "policy")))
    )
    went_well = (
        step("protection off", lambda: _unprotect(running)) and step("destroy", lambda: _destroy(running)) and went_well
    )
    console.print()
    console.print(table)
    for problem in running.world.problems:
        console.print(f"Outside the engine: {problem}", style="red", markup=False)
    return went_well and not running.world.problems


def _preview(running: Rehearsal) -> tuple[bool, str]:
    ok = _engine(running, "preview")
    return ok, "all resources would be created" if ok else "refused"


def _up(running: Rehearsal) -> tuple[bool, str]:
    ok = _engine(running, "up", "--yes", "--skip-preview")
    if not ok:
        return False, "failed"
    record = running.world.fake_providers.record
    created = len(record.calls("create"))
    balancers = running.world.load_balancers
    hostnames = [] if balancers is None else [balancer.hostname for balancer in balancers.load_balancers()]
    return True, f"{created} AWS and TLS resources created; load balancer: {', '.join(hostnames) or 'none'}"


def _second_preview(running: Rehearsal) -> tuple[bool, str]:
    planned = running.stack.planned()
    for name, operation in planned.items():
        console.print(f"  {operation} {name}", style="red", markup=False)
    return not planned, f"{len(planned)} changes" if planned else "empty"


def _policy(running: Rehearsal, directory: Path) -> tuple[bool, str]:
    """Checks the resources at AWS with checkov, and prints every failed check."""
    exported = json.loads(running.stack.run("stack", "export", check=True).output)
    directory.mkdir()
    try:
        scanned = scan(exported["deployment"]["resources"], directory)
        reported = report(scanned.findings, load(FILE.read_text()), date.today())
    except (ScanError, UnmappedError, WaiversError) as error:
        console.print(str(error), style="red", markup=False)
        return False, "not checked"
    for each in reported:
        console.print(f"  {each}", style="red" if each.waiver is None else None, markup=False)
    open_ = sum(each.waiver is None for each in reported)
    waived = len(reported) - open_
    return not open_, f"{scanned.passed} checks passed, {waived} failed and are waived, {open_} failed without a waiver"


def _unprotect(running: Rehearsal) -> tuple[bool, str]:
    """Removes protection and services as the runbook says, before a destroy."""
    running.stack.set("cluster.machines.terminationProtection", False)
    cluster = running.stack.config["config"]["switchyard:cluster"]
    if cluster.get("loadBalancer"):
        running.stack.set("cluster.loadBalancer.deletionProtection", False)
    for service in running.stack.config["config"]["switchyard:services"]:
        running.stack.set(f"services.{service}.remove", True)
    ok = _engine(running, "up", "--yes", "--skip-preview")
    return ok, "services removed; instances and load balancer can now be deleted" if ok else "failed"


def _destroy(running: Rehearsal) -> tuple[bool, str]:
    ok = _engine(running, "destroy", "--yes", "--skip-preview")
    left = running.world.fake_providers.aws.instances()
    return ok and not left, f"{len(left)} instances are left" if left or not ok else "only retained resources are left"


def _engine(running: Rehearsal, *arguments: str) -> bool:
    """Runs the engine, whose lines are shown as they come."""
    process = running.stack.start(*arguments)
    try:
        for line in process.stdout or ():
            console.print(line.rstrip(), markup=False)
        return process.wait() == 0
    except BaseException:
        running.stack.kill(process)
        raise


if __name__ == "__main__":
    app()
