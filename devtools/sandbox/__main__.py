"""``python -m devtools.sandbox up|down|status|images|rollouts``.

Exit codes: 0 done (for `status`: the cluster runs), 1 failed (it does not run), 2 wrong usage.
"""

import contextlib
import time
from typing import Annotated

import typer
from rich.console import Console

from devtools.sandbox.cluster import Kind, Sandbox
from devtools.sandbox.debian import PartsError
from devtools.sandbox.errors import SandboxError
from devtools.sandbox.image import backend_image, pause_image
from devtools.sandbox.oci import ImageError, digest
from devtools.sandbox.prometheus import PORT, prometheus, scraping
from devtools.sandbox.rollouts import argo_rollouts
from devtools.toolchain.install import installed_from
from devtools.toolchain.paths import PROJECT
from devtools.toolchain.versions import GROUPS

app = typer.Typer(help="The local 7-node cluster.", add_completion=False, no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

Name = Annotated[str | None, typer.Option(help="A sandbox beside the one of stack `local`.")]

Nodes = Annotated[
    Kind | None, typer.Option(help="What worker-1 and worker-2 are; real ones need root. Without it, as they are.")
]

SIMULATED = "Its kubelets are simulated: pods turn Ready without running; probes and images are not exercised."
REAL = "worker-1 and worker-2 are real and run the example application; the five others are simulated."


@app.command()
def up(name: Name = None, nodes: Nodes = None) -> None:
    """Starts the cluster. Run again, it changes nothing; after a crash, it repairs."""
    started = time.monotonic()
    sandbox = Sandbox(name)
    try:
        sandbox.up(nodes, console.print)
    except SandboxError as error:
        _fail(error)
    console.print(f"Sandbox {sandbox.name}: 7 nodes ready at {sandbox.server}, {time.monotonic() - started:.1f} s.")
    _print_kind_of_nodes(sandbox)


@app.command()
def down(name: Name = None) -> None:
    """Ends the cluster and removes its state."""
    sandbox = Sandbox(name)
    try:
        sandbox.down()
    except SandboxError as error:
        _fail(error)
    console.print(f"Sandbox {sandbox.name}: ended.")


@app.command()
def status(name: Name = None) -> None:
    """Shows whether the cluster runs."""
    sandbox = Sandbox(name)
    processes = sandbox.processes()
    if not sandbox.running():
        console.print(f"Sandbox {sandbox.name}: not running ({', '.join(processes) or 'no'} processes).")
        raise typer.Exit(1)
    console.print(f"Sandbox {sandbox.name}: ready at {sandbox.server}")
    _print_kind_of_nodes(sandbox)
    for component, pid in sorted(processes.items()):
        console.print(f"  {component:26} process {pid}")
    for node in sandbox.real_nodes:
        for component, pid in sorted(node.processes().items()):
            console.print(f"  {node.name + ' ' + component:26} process {pid}")
    console.print(f"kubectl --kubeconfig {sandbox.kubeconfig} get nodes")


@app.command()
def images() -> None:
    """Builds the images that real nodes run, and lists them."""
    try:
        for archive in (backend_image(), pause_image()):
            size = archive.stat().st_size / 2**20
            console.print(f"{archive.relative_to(PROJECT)}  {digest(archive)}  {size:.1f} MiB")
    except (ImageError, PartsError) as error:
        _fail(error)


@app.command()
def rollouts(name: Name = None) -> None:
    """Runs Argo Rollouts and a Prometheus that scrapes the pods, until Ctrl-C."""
    sandbox = Sandbox(name)
    tools = [tool.name for tool in GROUPS["canary"] if installed_from(tool) is None]
    if tools:
        _fail(SandboxError(f"{', '.join(tools)} missing. Run: make tools-canary"))
    if not sandbox.running():
        _fail(SandboxError(f"Sandbox {sandbox.name} does not run. Start it: python -m devtools.sandbox up"))
    log = sandbox.directory / "rollouts-controller.log"
    data = sandbox.directory / "prometheus"
    with argo_rollouts(sandbox, log) as controller, prometheus(data, scraping(sandbox.kubeconfig), PORT) as address:
        console.print(f"Argo Rollouts runs (log: {log}), and Prometheus at {address}. Ctrl-C ends both.")
        with contextlib.suppress(KeyboardInterrupt):
            controller.wait()
    if controller.returncode > 0:
        _fail(SandboxError(f"Argo Rollouts' controller ended with {controller.returncode}; see {log}"))


def _print_kind_of_nodes(sandbox: Sandbox) -> None:
    console.print(SIMULATED if sandbox.kind() is Kind.SIMULATED else REAL)
    for node in sandbox.real_nodes:
        console.print(f"  NodePorts of {node.name}: http://{node.address}:<port>, from this machine")


def _fail(error: Exception) -> None:
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True, style="red").print(str(error))
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
