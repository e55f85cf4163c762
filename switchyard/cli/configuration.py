"""Reads the settings of a stack for the command line, with the same rules as the program."""

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from switchyard.config.commands import typed
from switchyard.config.errors import SettingsError
from switchyard.config.loader import NAMESPACE, StackSettings, load, secret_problems
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.releases import RELEASES
from switchyard.config.stack_file import Written, local_name, read_stack_file
from switchyard.config.stack_values import read_project, stack_values
from switchyard.errors import ConfigurationError, EngineError, UsageError
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.release.engine.engine import Engine

SELECTED = "PULUMI_STACK"
"""Environment variable with the stack that the engine takes for the selected one."""


def read_settings(stack: str | None, needed: Collection[str] | None = None) -> tuple[str, StackSettings]:
    """Reads the configuration of a stack through the engine.

    Args:
        stack: name of the stack; None for the selected one.
        needed: keys of the services whose settings must have no errors; None for all.

    Returns:
        The stack's name and its settings.

    Raises:
        ConfigurationError: the engine is not installed, or refuses the command.
        switchyard.config.errors.SettingsError: the configuration has errors.
    """
    directory = _directory()
    try:
        name = stack or Engine(None).stack_name()
        entries = Engine(name).config()
    except EngineError as error:
        raise ConfigurationError(_with_remedy(str(error)) or str(error)) from None
    encrypted = [key for key, entry in entries.items() if entry.get("secret")]
    if problems := list(secret_problems(encrypted)):
        raise SettingsError(problems)  # the engine does not return such a value, so it cannot be checked further
    values = {key: _value(entry) for key, entry in entries.items()}
    return name, _loaded(name, values, read_stack_file(directory, name, NAMESPACE), needed)


def read_settings_at_once(stack: str | None, needed: Collection[str] | None = None) -> tuple[str, StackSettings]:
    """Reads the configuration of a stack from its file, so that the state need not be reachable.

    The engine is asked only for what the file does not say: the name of the selected stack, encrypted values, and those
    of an environment. Takes, returns and raises what `read_settings` does.
    """
    directory = _directory()
    name = stack or os.environ.get(SELECTED)
    if name is None:
        try:
            name = Engine(None).stack_name()
        except EngineError as error:
            message = _with_remedy(str(error))
            raise ConfigurationError(message or f"{error} Or name the stack: --stack NAME") from None
    written = read_stack_file(directory, name, NAMESPACE)
    values = stack_values(written, read_project(directory))
    return read_settings(name, needed) if values is None else (name, _loaded(name, values, written, needed))


def _directory() -> Path:
    """The directory in which the command runs. It may be gone, for example with a branch that lacks it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        message = "the current directory no longer exists. Change to the directory of the project, and try again."
        raise ConfigurationError(message) from None


def _loaded(
    stack: str, values: dict[str, Any], written: Written | None, needed: Collection[str] | None
) -> StackSettings:
    return load(
        values.get(f"{NAMESPACE}:cluster"),
        values.get(f"{NAMESPACE}:services"),
        local_name(stack),
        production=values.get(f"{NAMESPACE}:production"),
        former=values.get(f"{NAMESPACE}:formerStack"),
        keys=values,
        raw_releases=values.get(RELEASES),
        written=written,
        needed=needed,
    )


def warn_of_ignored_errors(settings: StackSettings, warn: Callable[[str], None]) -> None:
    """Reports each error in the settings of services that a command does not need.

    Args:
        settings: the settings of the stack.
        warn: reports a warning.
    """
    for problem in settings.ignored:
        warn(f"{problem} ({problem.code}). This command does not need the value; `{typed('pulumi up')}` does.")


def print_ignored_errors(settings: StackSettings) -> None:
    """Prints the errors in the settings of services that a command leaves out, to standard error."""
    from switchyard.cli.output import errors  # noqa: PLC0415 - few configurations have errors

    warn_of_ignored_errors(settings, lambda warning: errors.print(warning, style="yellow"))


def check_known(key: str, stack: str, services: Collection[str], command: str) -> None:
    """Raises an error for a service that the stack does not have.

    Args:
        key: key of the service.
        stack: name of the stack.
        services: keys of the stack's services.
        command: name of the command, which the error shows with a service that the stack has.

    Raises:
        UsageError: the stack has no such service.
    """
    if key not in services:
        from switchyard.release.refusals import refuse_unknown  # noqa: PLC0415 - `status` needs none of its modules

        raise UsageError(str(refuse_unknown(key, stack, services, command)))


def access_to(stack: str, settings: StackSettings, seconds: float | None = None) -> ClusterAccess:
    """The access of the command line to the cluster of a stack.

    Args:
        stack: name of the stack.
        settings: settings of the stack.
        seconds: time limit for the state, which has the kubeconfig of a cluster that the stack creates.

    Raises:
        EngineError: the state cannot be read in that time.
        ConfigurationError: the stack creates its cluster, and has not done so yet.
    """
    if isinstance(settings.cluster, ExistingCluster):
        return ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context)
    outputs = Engine(stack).outputs(secrets=True, seconds=seconds)
    if (kubeconfig := outputs.get("kubeconfig")) is None:
        raise ConfigurationError(f"stack {stack} has no cluster yet. Create it: pulumi up --stack {stack}")
    return ClusterAccess(stack_kubeconfig=StackKubeconfig(kubeconfig))


def _with_remedy(message: str) -> str:
    """A message with the remedy for a wrong directory or stack name; empty for other failures of the engine."""
    if "no Pulumi.yaml project file" in message:
        return f"no Pulumi.yaml is in {Path.cwd()} or above it. Change to the directory of the project, and try again."
    if "no stack named" in message:
        return f"{message}. The stacks that exist: pulumi stack ls. To create one: pulumi stack init NAME"
    return ""


def _value(entry: dict[str, Any]) -> Any:
    if "objectValue" in entry:
        return entry["objectValue"]
    try:
        return json.loads(entry["value"])
    except ValueError:
        return entry["value"]  # text, which the rules of the settings refuse
