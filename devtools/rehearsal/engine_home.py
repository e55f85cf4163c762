"""Creates a home directory of the engine with the fake providers as plugins, separate from the project's own."""

import json
import shlex
from importlib.resources import files
from pathlib import Path

from devtools.toolchain.paths import PULUMI_HOME

PORT_VARIABLE = "SWITCHYARD_REHEARSAL_{name}_PORT"
"""Environment variable with the port of a running fake provider. It runs outside the engine, so that its resources
outlive the engine, as those of AWS do."""


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
        source: home with the other plugins, to which links are created.
    """
    plugins = home / "plugins"
    plugins.mkdir(parents=True)
    for plugin in sorted(path for path in (source / "plugins").glob("resource-*") if path.is_dir()):
        # A folder of links, because the engine does not accept a link to a folder as a plugin.
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
    """Name of the environment variable with the port of a plugin's fake provider."""
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
