"""The command line on a simulated engine, in a process of its own that is killed before or after one of its writes.

`KilledCommand` starts it as a fork of a process that has the libraries. A write is a request that changes an object on
the API server, a change of the stack file, or one of the simulated engine's state.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from tests.support.forked import Forked, preload

VARIABLE = "SWITCHYARD_KILLED_COMMAND"
"""Environment variable with the request, as JSON."""

STACK = "test"

OUTPUT, MOMENT = "output", "moment"
"""Files beside the stack file: the standard output of the last command, and the last moment of it."""

SECONDS = 120
"""Bound on a command, which takes a few seconds."""

preload(
    "rich.table",
    "switchyard.cli.deploy_command",
    "switchyard.cli.main",
    "switchyard.cli.release_text",
    "switchyard.cli.status_json",
    "switchyard.cli.status_table",
    "switchyard.release.switch.following",
    "tests.support.simulated_engine",
)


@dataclass(frozen=True)
class Request:
    """What a command is to do.

    Attributes:
        arguments: arguments of the command line without the stack; `up` alone is an update by the engine.
        kill: the moment in which it is killed: its number, from 0, or its name; None for never.
        condemned: whether the watch finds the new version bad, which simulated nodes cannot show.
        fault: a fault of the API server or of the engine, and the request that has it; None for none. See
            `tests.support.faulty_api.inject`.
    """

    arguments: tuple[str, ...]
    kill: int | str | None = None
    condemned: bool = False
    fault: tuple[str, int | str] | None = None


@dataclass(frozen=True)
class Ended:
    """How a command has ended.

    Attributes:
        code: exit code of the command; negative for a signal.
        output: what it has printed.
        errors: text that the command has printed on standard error.
        moment: last moment of the command: `before` or `after`, and what was written.
        moments: number of its moments.
    """

    code: int
    output: str
    errors: str
    moment: str
    moments: int

    @property
    def is_killed(self) -> bool:
        """Whether it was killed at a write."""
        return self.code == -signal.SIGKILL


def run(directory: Path, request: Request) -> Ended:
    """Runs a command in the directory of its project, until it has ended or is killed."""
    (directory / MOMENT).write_text("none 0")
    environment = {**os.environ, VARIABLE: json.dumps(asdict(request)), "PULUMI_STACK": STACK}
    process = Forked(__name__, directory, environment)
    _, errors = process.communicate(SECONDS)
    assert process.returncode is not None
    moment, _, number = (directory / MOMENT).read_text().rpartition(" ")
    return Ended(process.returncode, (directory / OUTPUT).read_text(), errors, moment, int(number))


class Moments:
    """The moments before and after each write of this process.

    Args:
        kill: number or name of the one in which it is killed; None for none.
    """

    def __init__(self, kill: int | str | None) -> None:
        self._kill = kill
        self._numbers = itertools.count()

    def be(self, moment: str) -> None:
        """Is in the next moment, and killed if it is the one."""
        number = next(self._numbers)
        Path(MOMENT).write_text(f"{moment} {number + 1}")
        if self._kill in {number, moment}:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, write: str) -> Iterator[None]:
        """The moments around a write."""
        self.be(f"before {write}")
        yield
        self.be(f"after {write}")


def main() -> None:
    """Runs the command of the environment."""
    from switchyard.cli.main import main as command_line
    from switchyard.errors import EngineError
    from switchyard.kube.client import ClusterClient
    from switchyard.release.deploy import steps
    from switchyard.release.engine.engine import Engine
    from switchyard.release.watch.verdict import Outcome, Verdict
    from tests.support.faulty_api import inject
    from tests.support.simulated_engine import SimulatedEngine

    asked = json.loads(os.environ[VARIABLE])
    fault = None if asked["fault"] is None else tuple(asked["fault"])
    request = Request(**asked | {"arguments": tuple(asked["arguments"]), "fault": fault})
    os.dup2(os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    moments = Moments(request.kill)
    engine = SimulatedEngine(Path.cwd(), STACK, moments.around)
    send, change_config = ClusterClient._send, Engine.change_config

    async def sent(
        client: ClusterClient, http: httpx.AsyncClient, method: str, path: str, options: dict[str, Any], *more: bool
    ) -> httpx.Response:
        if method == "GET":
            return await send(client, http, method, path, options, *more)
        with moments.around(path.split("/namespaces/")[1].split("/")[1]):
            return await send(client, http, method, path, options, *more)

    def changed(of_stack: Engine, *arguments: Any, **more: Any) -> None:
        with moments.around("stack file"):
            change_config(of_stack, *arguments, **more)

    async def condemned(*_: object, **__: object) -> Verdict:
        return Verdict(Outcome.BREACH, "The new version is worse than accepted.")

    mock.patch.object(ClusterClient, "_send", sent).start()
    mock.patch.object(Engine, "change_config", changed).start()
    mock.patch.object(Engine, "_start", engine.start).start()
    if request.condemned:
        mock.patch.object(steps, "watch", condemned).start()
    if request.fault is not None:
        inject(*request.fault)
    if request.arguments == ("up",):
        try:
            Engine(STACK).up()
        except EngineError as error:
            sys.exit(str(error))
        return
    sys.argv = ["switchyard", *request.arguments]
    command_line()


if __name__ == "__main__":
    main()
