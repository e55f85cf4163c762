"""``python -m devtools.toolchain install|status``.

Exit codes: 0 everything is installed, 1 something is missing, 2 wrong usage.
"""

from typing import Annotated

import typer
from rich.console import Console

from devtools.toolchain.download import Downloader
from devtools.toolchain.install import InstallError, install, installed_from, installer_lock
from devtools.toolchain.launchers import write_launchers
from devtools.toolchain.paths import DOWNLOADS
from devtools.toolchain.progress import step
from devtools.toolchain.tools import Tool, UnsupportedPlatformError, this_platform
from devtools.toolchain.versions import GROUPS

app = typer.Typer(help="The pinned engine, provider and Kubernetes servers, in .tools.", add_completion=False)
console = Console(highlight=False, soft_wrap=True)

Names = Annotated[list[str] | None, typer.Argument(help="Tools; without a name or a group, the core.")]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help=f"All tools of a group, may be repeated: {', '.join(GROUPS)}.")
]


@app.command("install")
def install_command(names: Names = None, group: Groups = None) -> None:
    """Installs what is missing. An interrupted run is resumed where it stopped."""
    tools = _chosen(names or [], group or [])
    try:
        platform = this_platform()
        with installer_lock(lambda: console.print("Another installer is at work on this checkout, waiting for it ...")):
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
def status(names: Names = None, group: Groups = None) -> None:
    """Shows for each tool whether the pinned version is installed, and its source."""
    sources = [(tool, installed_from(tool)) for tool in _chosen(names or [], group or [])]
    for tool, source in sources:
        console.print(f"{tool.name:28} {tool.version:10} {source or 'missing'}")
    if any(source is None for _, source in sources):
        raise typer.Exit(1)


def _chosen(names: list[str], groups: list[str]) -> list[Tool]:
    """The named tools and those of the named groups, each once, in the order of installation."""
    tools = {tool.name: (tool, group) for group, members in GROUPS.items() for tool in members}
    for kind, asked, known in (("tool", names, list(tools)), ("group", groups, list(GROUPS))):
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise typer.BadParameter(f"no {kind} {', '.join(unknown)}; known: {', '.join(known)}")
    if not names and not groups:
        groups = ["core"]
    return [tool for tool, group in tools.values() if tool.name in names or group in groups]


if __name__ == "__main__":
    app()
