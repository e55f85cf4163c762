"""Stack `local` on the sandbox: ``python -m devtools.sandbox.local_stack up|down``.

The state is in ``.sandbox/pulumi``, encrypted with a passphrase that is generated for this checkout, so that
removing the sandbox removes both. Other stacks keep the backend that their owner logs in to.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import typer
import yaml
from rich.console import Console

from devtools.sandbox.cluster import Sandbox
from devtools.sandbox.directory import HOME, make_private
from devtools.toolchain.paths import NOTHING_FETCHED, PASSPHRASE, PROJECT, binary, file_backend, pulumi_environment

STACK = "local"
CONFIG = PROJECT / f"Pulumi.{STACK}.yaml"
STATE = HOME / "pulumi"
BACKEND = file_backend(STATE)

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def up() -> None:
    """Creates the stack if there is none, and updates it. Run again, it changes nothing."""
    make_private(STATE)
    if not PASSPHRASE.exists():
        PASSPHRASE.touch(mode=0o600)
        PASSPHRASE.write_text(secrets.token_urlsafe(32))
    _pulumi("login", BACKEND, quiet=True)
    if STACK not in _stacks():
        forget_salt(CONFIG)
        _pulumi("stack", "init", STACK, quiet=True)
    _pulumi("stack", "select", STACK, quiet=True)
    # With a refresh, because the cluster may be a new one, or changed by hand.
    _pulumi("up", "--yes", "--skip-preview", "--refresh", "--stack", STACK)
    # Only for the reader: its exit code does not make an update fail that has succeeded.
    command = [sys.executable, "-m", "switchyard", "status", "--stack", STACK]
    subprocess.run(command, cwd=PROJECT, env=_environment(), check=False)
    console.print(NEXT_STEPS, markup=False)
    if real := Sandbox().real_nodes:
        console.print(ON_REAL_NODES, markup=False)
    for node in real:
        request = f"curl -s http://{node.address}:{_node_port()}/"
        console.print(f"  while {request}; do sleep 0.1; done    # over {node.name}", markup=False)


@app.command()
def down() -> None:
    """Removes the stack and its state. The cluster is removed by `python -m devtools.sandbox down`."""
    if STATE.exists() and STACK in _stacks():
        _pulumi("stack", "rm", STACK, "--yes", "--force", "--preserve-config", quiet=True)
    forget_salt(CONFIG)
    if STATE.exists() and not _stacks():
        shutil.rmtree(STATE)
        PASSPHRASE.unlink(missing_ok=True)


def _node_port() -> int:
    services = yaml.safe_load(CONFIG.read_text())["config"]["switchyard:services"]
    return int(services["backend"]["nodePort"])


def forget_salt(config: Path) -> None:
    """Removes the encryption salt of a deleted state, which would not match a new passphrase."""
    text = config.read_text()
    kept = re.sub(r"^encryptionsalt:.*\n?", "", text, flags=re.MULTILINE)
    if kept != text:
        config.write_text(kept)


def _stacks() -> set[str]:
    listed = _pulumi("stack", "ls", "--json", quiet=True)
    return {stack["name"] for stack in json.loads(listed)}


def _pulumi(*arguments: str, quiet: bool = False) -> str:
    """Runs the engine against the local backend. If it fails, ends the command with the output of the engine."""
    result = subprocess.run(
        [binary("pulumi"), *arguments],
        cwd=PROJECT,
        env=_environment(),
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if result.returncode:
        console.print(f"pulumi {' '.join(arguments)} failed (exit code {result.returncode})", style="red")
        console.print((result.stderr or "").strip())
        raise typer.Exit(1)
    return result.stdout or ""


def _environment() -> dict[str, str]:
    """Returns the environment of the local backend, independent of the user's shell."""
    return pulumi_environment(NOTHING_FETCHED | dict(os.environ)) | {
        "PULUMI_BACKEND_URL": BACKEND,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE),
    }


NEXT_STEPS = """
Next, in this directory:
  source .venv/bin/activate
  switchyard deploy backend v2.0.0    # or any other tag: creates the pods of green, checks them, switches, watches
  switchyard rollback backend         # blue serves again, at once
  switchyard status --watch           # in another terminal, until Ctrl-C
  kubectl --kubeconfig .sandbox/kubeconfig get pods -o wide

A release by the configuration alone, as a pipeline does it:
  pulumi config set --path 'switchyard:services.backend.green.tag' v3.0.0
  pulumi config set --path 'switchyard:services.backend.green.replicas' 3
  pulumi up    # warms green
  pulumi config set --path 'switchyard:services.backend.active' green
  pulumi up    # switches
  pulumi config set --path 'switchyard:services.backend.active' blue
  pulumi up    # rolls back"""

ON_REAL_NODES = """
Pods of real nodes answer requests, and a release watches these requests for 5 minutes. Without requests it is held, and
`switchyard resume backend` continues it. To send requests, in another terminal:"""

if __name__ == "__main__":
    app()
