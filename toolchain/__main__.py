"""``python -m toolchain install|status``. Exit codes: 0 all there, 1 something is missing, 2 bad usage."""

from typing import Annotated

import typer
from rich.console import Console

from toolchain.download import Downloader
from toolchain.install import InstallError, install, installed_from, only_one
from toolchain.launchers import write_launchers
from toolchain.paths import DOWNLOADS
from toolchain.progress import step
from toolchain.versions import TOOLS, Tool, UnsupportedPlatformError, this_platform

app = typer.Typer(help="The pinned engine, provider and Kubernetes servers, in .tools.", add_completion=False)
console = Console(highlight=False, soft_wrap=True)

Names = Annotated[list[str] | None, typer.Argument(help="Tools; without a name, all of them.")]


@app.command("install")
def install_command(names: Names = None) -> None:
    """Installs what is not there yet. An interrupted run goes on where it stopped."""
    tools = _chosen(names)
    try:
        platform = this_platform()
        with only_one(lambda: console.print("Another installer is at work on this checkout, waiting for it ...")):
            missing = [tool for tool in tools if installed_from(tool) is None]
            downloader = Downloader(DOWNLOADS)
            for number, tool in enumerate(missing, 1):
                title = f"[{number} of {len(missing)}] {tool.name} {tool.version}".replace("[", "\\[", 1)
                with step(console, title) as current:
                    source = install(tool, platform, downloader, current.progress, current.line)
                    current.line(f"{source}, {current.seconds} s")
            launchers = write_launchers()
    except (InstallError, UnsupportedPlatformError) as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True, style="red").print(str(error))
        raise typer.Exit(1) from None
    if not launchers:
        console.print("No virtual environment, so no `pulumi` command was put into one; see .tools/bin.")
    console.print(f"Toolchain: {len(tools)} tools in .tools, {len(missing)} of them new.")


@app.command()
def status(names: Names = None) -> None:
    """Says of each tool whether the pinned version is there, and where it came from."""
    found = {tool: installed_from(tool) for tool in _chosen(names)}
    for tool, source in found.items():
        console.print(f"{tool.name:28} {tool.version:10} {source or 'missing'}")
    if None in found.values():
        raise typer.Exit(1)


def _chosen(names: list[str] | None) -> list[Tool]:
    known = {tool.name: tool for tool in TOOLS}
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}; known: {', '.join(known)}")
    return [known[name] for name in names] if names else list(TOOLS)


if __name__ == "__main__":
    app()
