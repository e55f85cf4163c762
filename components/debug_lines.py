"""Drops the SDK's debug lines where the engine would not show them."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime import settings
from pulumi.runtime.proto import engine_pb2

from switchyard.operation import engine_arguments

SHOWING_OPTION = re.compile(r"--(debug|verbose|event-log|logtostderr|logflow|tracing).*|-[a-zA-Z]*[dv].*")
"""Options with which the engine shows debug lines: alone, with a value, and combined with other short options."""

VARIABLES = ("PULUMI_OPTION_DEBUG", "PULUMI_OPTION_VERBOSE", "PULUMI_OPTION_EVENT_LOG")
"""Environment variables that set some of these options."""


def drop_unseen_debug_lines() -> None:
    """Stops the SDK from sending debug lines to the engine, unless the engine was started to show them.

    The SDK sends about a dozen lines for each resource and blocks the event loop until the engine has answered each:
    a sixth of the program's CPU time with 50 services. Without one of these options the engine discards the lines. The
    SDK has no setting for this, so the method of its connection to the engine is replaced: the only place that all
    debug lines pass, and one that keeps every other line as it is.
    """
    engine: Any = settings.get_engine()
    if engine is None or shows_debug_lines(engine_arguments(), os.environ):
        return
    send = engine.Log

    def log(request: engine_pb2.LogRequest, *arguments: Any, **options: Any) -> Any:
        if request.severity == engine_pb2.DEBUG:
            return None
        return send(request, *arguments, **options)

    engine.Log = log


def shows_debug_lines(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether the engine shows debug lines of the program, or may do so.

    Args:
        arguments: the arguments of the engine's command line; empty where the engine's process is unknown.
        environment: the environment variables of the engine.
    """
    return (
        not arguments
        or any(map(SHOWING_OPTION.fullmatch, arguments))
        or any(environment.get(variable) for variable in VARIABLES)
    )
