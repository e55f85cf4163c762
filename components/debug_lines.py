"""Keeps debug lines that nobody asked for from the engine."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime import settings
from pulumi.runtime.proto import engine_pb2

from switchyard.operation import engine_arguments

ASKED = re.compile(r"--(debug|verbose|event-log|logtostderr|logflow|tracing).*|-[a-zA-Z]*[dv].*")
"""Options of the engine that show debug lines somewhere: alone, with a value, and behind other short options."""

VARIABLES = ("PULUMI_OPTION_DEBUG", "PULUMI_OPTION_VERBOSE", "PULUMI_OPTION_EVENT_LOG")
"""Variables that stand for some of these options."""


def leave_out_debug_lines() -> None:
    """Has the SDK send no debug line to the engine, unless the engine was started to show them.

    The SDK writes a dozen of them a resource, waits for the engine after each, and blocks the event loop meanwhile:
    a sixth of the program's CPU time with 50 services. The engine throws them away without one of these options.
    """
    engine: Any = settings.get_engine()
    if engine is None or asks_for_debug_lines(engine_arguments(), os.environ):
        return
    send = engine.Log

    def log(request: engine_pb2.LogRequest, *arguments: Any, **options: Any) -> Any:
        if request.severity == engine_pb2.DEBUG:
            return None
        return send(request, *arguments, **options)

    engine.Log = log


def asks_for_debug_lines(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether somebody may see debug lines of the program.

    Args:
        arguments: of the engine's command line; none stand for an engine that was not found.
        environment: the variables of the engine.
    """
    return (
        not arguments
        or any(map(ASKED.fullmatch, arguments))
        or any(environment.get(variable) for variable in VARIABLES)
    )
