"""Reads the settings of a stack through the engine, so that the command line and the program see the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from switchyard.config.errors import SettingsError
from switchyard.config.loader import NAMESPACE, StackSettings, load, secret_problems
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.stack_file import read_stack_file
from switchyard.errors import ConfigurationError
from switchyard.kube.access import ClusterAccess, StackKubeconfig


def read_settings(stack: str | None) -> tuple[str, StackSettings]:
    """Reads the configuration of a stack.

    Args:
        stack: its name; None takes the one selected.

    Returns:
        The stack's name and its settings.

    Raises:
        ConfigurationError: the engine is missing, or it refuses.
        switchyard.config.errors.SettingsError: the configuration has errors.
    """
    name = stack or _pulumi("stack", "--show-name").strip()
    values = json.loads(_pulumi("config", "--json", "--stack", name))
    encrypted = [key for key, entry in values.items() if entry.get("secret")]
    if problems := list(secret_problems(encrypted)):
        raise SettingsError(problems)  # the engine withholds such a value, so that nothing else can be said of it
    production = _value(values, "production")
    settings = load(
        _value(values, "cluster"),
        _value(values, "services"),
        name,
        production=production,
        former=_value(values, "formerStack"),
        keys=values,
        written=read_stack_file(Path.cwd(), name, NAMESPACE),
    )
    return name, settings


def access_to(stack: str, settings: StackSettings) -> ClusterAccess:
    """How the command line reaches the cluster of a stack.

    Args:
        stack: its name.
        settings: its settings.

    Raises:
        ConfigurationError: the stack creates its cluster, and has not done so yet.
    """
    if not isinstance(settings.cluster, Ec2Cluster):
        return ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context)
    outputs = json.loads(_pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack))
    if (kubeconfig := outputs.get("kubeconfig")) is None:
        raise ConfigurationError(f"stack {stack} has no cluster yet. Create it: pulumi up --stack {stack}")
    return ClusterAccess(stack_kubeconfig=StackKubeconfig(kubeconfig))


def _value(values: dict[str, Any], key: str) -> Any:
    entry = values.get(f"switchyard:{key}")
    if entry is None:
        return None
    if "objectValue" in entry:
        return entry["objectValue"]
    try:
        return json.loads(entry["value"])
    except ValueError:
        return entry["value"]  # text, which the settings refuse in their own words


def _pulumi(*arguments: str) -> str:
    # Beside this interpreter first: it is the one pinned for this project, activated or not.
    pulumi = shutil.which("pulumi", path=str(Path(sys.prefix) / "bin")) or shutil.which("pulumi")
    if pulumi is None:
        raise ConfigurationError("pulumi is not installed here. Run `make tools`.")
    # The engine ends before its garbage is worth collecting.
    environment = os.environ | {"GOGC": os.environ.get("GOGC", "off")}
    result = subprocess.run([pulumi, *arguments], capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        raise ConfigurationError(result.stderr.strip() or f"pulumi {arguments[0]} failed")
    return result.stdout
