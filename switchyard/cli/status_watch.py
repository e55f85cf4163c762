"""`switchyard status --watch`: reads the services each second, and shows changes, until Ctrl-C.

All services share the lists of a reading, one for each kind and namespace. The engine is not called: the
configuration is read again only when the stack file has changed.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from switchyard.cli.configuration import access_to, read_settings_at_once
from switchyard.cli.failures import message_of
from switchyard.cli.service_status import ServiceStatus, inspect_services
from switchyard.config.errors import Problem
from switchyard.config.loader import StackSettings
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import ServiceSettings
from switchyard.config.other_services import separated
from switchyard.config.stack_file import stack_file
from switchyard.errors import ClusterError, SwitchyardError, UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.clock import ServerClock

SECONDS = 1.0
"""Seconds between two readings."""

READ_SECONDS = 10.0
"""Time limit of one reading, in seconds."""


@dataclass(frozen=True)
class StatusReading:
    """The result of one reading.

    Attributes:
        at: the time by the API server's clock.
        services: the services of the last successful reading.
        last_seen: time of the last successful reading.
        error: the reason why the services cannot be read now; None if they can.
        problems: errors in the settings of services, which are left out, or shown by their settings of before.
    """

    at: datetime
    services: tuple[ServiceStatus, ...]
    last_seen: datetime
    error: SwitchyardError | None = None
    problems: tuple[Problem, ...] = ()


class Display(Protocol):
    """Interface of a display for the results of readings."""

    def show(self, reading: StatusReading) -> None:
        """Shows a reading. It is called at least each second, also during the next reading."""


class Configuration:
    """The services of a stack, read again when the stack file has changed.

    Args:
        stack: name of the stack.
        settings: settings of the stack at the start.
    """

    def __init__(self, stack: str, settings: StackSettings) -> None:
        self._stack = stack
        self._services: Mapping[str, ServiceSettings] = settings.services
        self._freezes, self._problems = settings.releases.freeze, settings.ignored
        self._file = stack_file(Path.cwd(), stack)
        self._version = self._written()

    def services(self) -> Mapping[str, ServiceSettings]:
        """The present services of the stack. One whose settings have errors keeps its last settings without errors.

        Raises:
            switchyard.config.errors.SettingsError: the file has other errors.
        """
        version = self._written()
        if version != self._version:
            _, settings = read_settings_at_once(self._stack, ())
            wrong = separated(settings.ignored, self._services, ()).services
            last = {key: service for key, service in self._services.items() if key in wrong}
            self._services, self._freezes = {**last, **settings.services}, settings.releases.freeze
            self._problems = settings.ignored
            self._version = version
        return self._services

    def freezes(self) -> tuple[Freeze, ...]:
        """The freeze windows, as of the last reading of the services."""
        return self._freezes

    def problems(self) -> tuple[Problem, ...]:
        """The errors in the settings of services, as of the last reading of the services."""
        return self._problems

    def _written(self) -> tuple[int, int] | None:
        with suppress(OSError):
            if self._file is not None:
                status = self._file.stat()
                return status.st_mtime_ns, status.st_size
        return None


async def watch(access: ClusterAccess, configuration: Configuration, display: Display) -> None:
    """Reads until it is cancelled. If the API server does not answer, that is reported and the reading repeated.

    Args:
        access: the cluster.
        configuration: the services of the stack.
        display: shows the readings.

    Raises:
        ClusterError: the first reading fails.
    """
    clock = await ServerClock.ask(await access.api())
    now = clock.now()
    reading = StatusReading(now, tuple(await _read(access, configuration)), now, problems=configuration.problems())
    while True:
        display.show(reading)
        await asyncio.sleep(SECONDS)
        next_reading = asyncio.ensure_future(_read_again(access, configuration, reading, clock.now))
        while not (await asyncio.wait({next_reading}, timeout=SECONDS))[0]:
            display.show(replace(reading, at=clock.now()))
        reading = next_reading.result()


async def _read_again(
    access: ClusterAccess, configuration: Configuration, last: StatusReading, now: Callable[[], datetime]
) -> StatusReading:
    try:
        statuses = await _in_time(_read(access, configuration))
    except SwitchyardError as error:
        return replace(last, at=now(), error=error)
    return StatusReading(now(), tuple(statuses), now(), problems=configuration.problems())


async def _read(access: ClusterAccess, configuration: Configuration) -> list[ServiceStatus]:
    return await inspect_services(access, configuration.services(), configuration.freezes())


async def _in_time(reading: Awaitable[list[ServiceStatus]]) -> list[ServiceStatus]:
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await reading
    except TimeoutError:
        raise UnreachableError(f"the API server has not answered in {READ_SECONDS:.0f} s") from None


def watch_status(stack: str | None, *, as_json: bool) -> None:
    """Watches a stack until Ctrl-C.

    Args:
        stack: name of the stack; None for the selected one.
        as_json: whether each change is a JSON document on a line of its own.
    """
    from switchyard.cli.status_changes import Documents, Lines  # noqa: PLC0415 - with the models
    from switchyard.cli.status_display import LiveDisplay  # noqa: PLC0415 - only for a terminal

    name, settings = read_settings_at_once(stack, ())
    configuration, access = Configuration(name, settings), access_to(name, settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the display leaves the terminal as it was
    with suppress(KeyboardInterrupt):
        if as_json or not sys.stdout.isatty():
            shown = Documents(name) if as_json else Lines()
            asyncio.run(watch(access, configuration, shown))
            return
        with LiveDisplay(name) as display:
            asyncio.run(watch(access, configuration, display))


def reason(error: SwitchyardError) -> str:
    """The reason why the services cannot be read, with its code."""
    return message_of(error) if isinstance(error, ClusterError) else str(error)
