"""Ends a command after Ctrl-C, and reports what was changed, what serves and the next command."""

# What reads the cluster is imported when it is needed: no command that ends in another way needs it.
# ruff: noqa: PLC0415

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from switchyard.codes import Code
from switchyard.config.commands import stack_option
from switchyard.errors import ExitCode

if TYPE_CHECKING:
    from switchyard.config.models.service import ServiceSettings
    from switchyard.kube.access import ClusterAccess

SERVING_SECONDS = 3.0
"""Time limit in seconds for reading what serves. A second Ctrl-C ends it as well."""

NOTHING_CHANGED = "Nothing was changed."
"""Message of a command that only reads, or that has not started."""


def end_interrupted(remedy: str, keys: Sequence[str], stack: str | None, *, as_json: bool) -> NoReturn:
    """Ends a command that may have changed something, and reports what serves and the next command.

    Args:
        remedy: the state after the interruption and the next commands, as sentences.
        keys: keys of the services.
        stack: name of the stack; None for the selected one.
        as_json: whether the output is one JSON document.
    """
    serving = _read_serving(keys, stack)
    known = [f"{key} serves {colour}." for key, colour in serving.items() if colour is not None]
    if len(known) < len(serving):
        known.append(f"What serves: switchyard status{stack_option(stack)}.")
    end(" ".join((*known, remedy)), serving, as_json=as_json)


def end(text: str, serving: Mapping[str, str | None] | None = None, *, as_json: bool) -> NoReturn:
    """Prints the message of an interrupted command, and ends it.

    Args:
        text: what was changed and the next commands, as sentences.
        serving: the serving colour by the key of the service, None if unreadable; None without services.
        as_json: whether the output is one JSON document.
    """
    from switchyard.cli.output import errors, print_json

    message = f"Interrupted ({Code.INTERRUPTED}). {text}"
    if as_json:
        document = {"error": message, "code": Code.INTERRUPTED.value, "exitCode": ExitCode.FAILED.value}
        print_json(document if serving is None else {**document, "serving": dict(serving)})
    else:
        errors.print(message)
    raise typer.Exit(ExitCode.FAILED) from None


def _read_serving(keys: Sequence[str], stack: str | None) -> dict[str, str | None]:
    """The serving colour of each service; None if it cannot be read in a short time."""
    import asyncio

    from switchyard.cli.configuration import access_to, read_settings_at_once
    from switchyard.errors import SwitchyardError

    try:
        name, settings = read_settings_at_once(stack, keys)  # errors of other services hide nothing
        access = access_to(name, settings, SERVING_SECONDS)
        places = {key: settings.services[key] for key in keys}
        return asyncio.run(_ask(access, places))
    except (SwitchyardError, KeyError, TimeoutError, KeyboardInterrupt):
        return dict.fromkeys(keys)


async def _ask(access: "ClusterAccess", services: "Mapping[str, ServiceSettings]") -> dict[str, str | None]:
    import asyncio

    from switchyard.kube.cluster import Cluster

    async with asyncio.timeout(SERVING_SECONDS):
        cluster = await Cluster.connect(access)
        tracks = [await cluster.serving_track(own.namespace, own.named(key)) for key, own in services.items()]
    return {key: None if track is None else track.value for key, track in zip(services, tracks, strict=True)}
