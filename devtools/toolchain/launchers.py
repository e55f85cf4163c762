"""The commands of the activated virtual environment: `pulumi` with its environment, `kubectl` and its plugin."""

import shlex
import sys
from pathlib import Path

from devtools.toolchain.paths import PASSPHRASE, binary, pulumi_defaults, search_path

LINKED = ("kubectl", "kubectl-argo-rollouts")
"""Commands that need no environment, if they are installed."""


def launcher() -> str:
    """A script that runs the pinned engine; a shell script, because it starts in a millisecond.

    Variables that the user has set stay: another home, backend or passphrase.
    """
    defaults = "\n".join(
        f"{name}=${{{name}:-{shlex.quote(value)}}}; export {name}" for name, value in pulumi_defaults().items()
    )
    path = ":".join(map(str, search_path()))
    return f"""#!/bin/sh
# Written by the installer of the toolchain; a change here is lost at the next one.
PATH={shlex.quote(path)}:$PATH; export PATH
{defaults}
passphrase={shlex.quote(str(PASSPHRASE))}
if [ -z "${{PULUMI_CONFIG_PASSPHRASE+set}}${{PULUMI_CONFIG_PASSPHRASE_FILE+set}}" ] && [ -r "$passphrase" ]; then
  PULUMI_CONFIG_PASSPHRASE_FILE=$passphrase; export PULUMI_CONFIG_PASSPHRASE_FILE
fi
# The objects of a stack have delete hooks, which are the program's, so that a destroy runs it. A refresh need not, and
# so this is no default for every command.
for argument in "$@"; do
  if [ "$argument" = destroy ]; then PULUMI_RUN_PROGRAM=${{PULUMI_RUN_PROGRAM:-true}}; export PULUMI_RUN_PROGRAM; fi
done
exec {shlex.quote(str(binary("pulumi")))} "$@"
"""


def write_launchers() -> bool:
    """Installs the commands in the virtual environment of this process; returns False if there is none."""
    if sys.prefix == sys.base_prefix:
        return False
    folder = Path(sys.prefix) / "bin"
    _replace(folder / "pulumi", launcher())
    for name in LINKED:
        link = folder / name
        if binary(name).exists() and not (link.is_symlink() and link.readlink() == binary(name)):
            link.unlink(missing_ok=True)
            link.symlink_to(binary(name))
    return True


def _replace(file: Path, text: str) -> None:
    if file.exists() and file.read_text() == text:
        return
    new = file.with_name(f".{file.name}.new")
    new.write_text(text)
    new.chmod(0o755)
    new.replace(file)
