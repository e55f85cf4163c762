"""A home for the engine with the fake providers as plugins, beside the project's own and never in it."""

import json
import shlex
from importlib.resources import files
from pathlib import Path

from devtools.toolchain.paths import PULUMI_HOME

PORT_VARIABLE = "SWITCHYARD_REHEARSAL_{name}_PORT"
"""The port of a fake provider that runs: what its resources are must outlive the engine, as AWS does."""


def version(package: str) -> str:
    """Version of the plugin that a Pulumi package of this environment asks for.

    Args:
        package: name of the package, for example ``aws``.
    """
    plugin = files(f"pulumi_{package}").joinpath("pulumi-plugin.json")
    text: str = json.loads(plugin.read_text())["version"]
    return text


def make_home(home: Path, packages: dict[str, str], source: Path = PULUMI_HOME) -> None:
    """Creates a home of the engine in which these plugins are installed, and those of another home.

    Args:
        home: a folder that does not exist yet.
        packages: version by name of package.
        source: where the other plugins are; only linked to.
    """
    plugins = home / "plugins"
    plugins.mkdir(parents=True)
    for plugin in sorted(path for path in (source / "plugins").glob("resource-*") if path.is_dir()):
        # A folder of links and not a link to the folder, which the engine does not take for a plugin.
        (plugins / plugin.name).mkdir()
        for part in plugin.iterdir():
            (plugins / plugin.name / part.name).symlink_to(part)
        (plugins / f"{plugin.name}.lock").touch()
    for package, of_package in packages.items():
        folder = plugins / f"resource-{package}-v{of_package}"
        folder.mkdir()
        (folder / "PulumiPlugin.yaml").write_text("runtime: python\n")
        executable = folder / f"pulumi-resource-{package}"
        executable.write_text(launcher(package))
        executable.chmod(0o755)
        (plugins / f"{folder.name}.lock").touch()


def port_variable(package: str) -> str:
    """Name of the environment variable that tells a plugin where its fake provider listens."""
    return PORT_VARIABLE.format(name=package.upper())


def launcher(package: str) -> str:
    """The plugin itself: prints the port of the fake provider and stays for as long as the engine.

    The engine holds the plugin's standard input, so that it ends with an engine that is killed as well.
    """
    variable = port_variable(package)
    missing = shlex.quote(f"{variable} is not set: {package} is a fake provider here, which a rehearsal starts.")
    return f"""#!/bin/sh
[ -n "${variable}" ] || {{ echo {missing} >&2; exit 1; }}
echo "${variable}"
exec cat >/dev/null
"""
