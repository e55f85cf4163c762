"""Runs Pulumi's engine, which keeps the configuration and the state of a stack, as the subprocess `pulumi`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from switchyard.config.commands import engine_path, is_converted
from switchyard.errors import EngineError
from switchyard.release.engine.output import reason
from switchyard.release.engine.replaced_file import replaced

SAME = frozenset({"same", "read", "refresh"})
"""Operations of a preview that change nothing."""

PLAIN = ("--non-interactive", "--color", "never")
"""Options of an operation without a user who watches its output."""


@dataclass(frozen=True)
class Step:
    """A resource that an update would change.

    Attributes:
        urn: URN of the resource.
        op: operation on the resource, for example ``update``.
        diffs: paths of the properties that would change.
    """

    urn: str
    op: str
    diffs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the resource alone."""
        return self.urn.rpartition("::")[2]


class EngineCommand:
    """A command of the engine that runs in parallel with this program.

    It prints to files and not to pipes: the engine of a command that was killed then ends in order, and leaves no lock.

    Args:
        process: process of the engine.
        output: file with its standard output.
        errors: file with its standard error.
    """

    def __init__(self, process: subprocess.Popen[str], output: IO[str], errors: IO[str]) -> None:
        self._process = process
        self._output = output
        self._errors = errors
        self._late: str | None = None

    def wait(self, seconds: float | None = None) -> str:
        """Returns the output of the command. It may be called again, even after the command did not end in time.

        Args:
            seconds: time limit, after which the engine is stopped; None for no limit.

        Raises:
            EngineError: the command failed, or did not end in time.
        """
        if self._late is not None:
            raise EngineError(self._late)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            self._late = f"pulumi has not answered in {seconds:.0f} s"
            raise EngineError(self._late) from None
        output, errors = _content(self._output), _content(self._errors)
        if self._process.returncode:
            raise EngineError(reason(output, errors) or "pulumi failed without giving a reason")
        return output

    def end(self) -> None:
        """Stops the command if it still runs, and waits until it has ended."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """Deletes the output of the command."""
        self._output.close()
        self._errors.close()


class FailedEngineCommand(EngineCommand):
    """A command of an engine that cannot be started.

    Args:
        problem: the reason.
    """

    def __init__(self, problem: str) -> None:
        self._late = problem

    def end(self) -> None:
        """Stops nothing, because nothing runs."""


class Engine:
    """The engine on one stack.

    Commands raise `EngineError` when the engine does not do what it is asked for.

    Args:
        stack: name of the stack; None for the selected one.
        directory: directory of the project, or one below it; None for the working directory.
    """

    def __init__(self, stack: str | None, directory: Path | None = None) -> None:
        self.stack = stack
        self._directory = directory

    def stack_name(self) -> str:
        """The name of the selected stack."""
        return self.run("stack", "--show-name").strip()

    def config(self) -> dict[str, Any]:
        """The configuration of the stack, with the engine's entry for each key."""
        values: dict[str, Any] = json.loads(self.run("config", "--json"))
        return values

    def entries(self, key: str) -> frozenset[str] | None:
        """The names below a key of the configuration, such as those of the services, without running the engine.

        None if the stack file alone does not have them, so that only the engine knows.
        """
        from switchyard.config.stack_file import read_stack_file  # noqa: PLC0415 - a parser not needed to read the state

        written = read_stack_file(self._directory or Path.cwd(), self.stack or self.stack_name(), key.partition(":")[0])
        return None if written is None or written.imports else written.names(key)

    def outputs(self, *, secrets: bool = False, seconds: float | None = None) -> dict[str, Any]:
        """The outputs of the stack.

        Args:
            secrets: whether secret outputs are shown.
            seconds: time limit; None for no limit.
        """
        shown = ("--show-secrets",) if secrets else ()
        values: dict[str, Any] = json.loads(self.run("stack", "output", "--json", *shown, seconds=seconds))
        return values

    def change_config(self, values: Mapping[str, object], removed: Iterable[str] = ()) -> None:
        """Sets and removes values of the configuration, all in one step.

        The engine truncates the stack file before it writes it, and a full disk would leave an empty one. It therefore
        changes a copy, which then replaces the stack file.

        Args:
            values: values by path, for example ``switchyard:services.backend.active``.
            removed: paths without a value afterwards.
        """
        from switchyard.config.stack_file import stack_file  # noqa: PLC0415 - a parser not needed to read the state

        commands = [*_set_commands(values), *(("rm", "--path", engine_path(path)) for path in removed)]
        directory, name = (self._directory or Path.cwd()).resolve(), self.stack or self.stack_name()
        file = stack_file(directory, name)
        if file is None:  # the engine creates it, or says what is wrong
            for command in commands:
                self.run("config", *command)
            return
        try:
            with replaced(file) as copy:
                for command in commands:
                    self.run("config", *command, "--config-file", str(copy))
        except OSError as error:
            raise EngineError(f"{file} cannot be changed, and is as before: {error.strerror or error}") from None

    def preview(self) -> list[Step]:
        """The resources that an update would change; empty if there are none."""
        steps = [step for step in json.loads(self.run("preview", "--json", *PLAIN))["steps"] if step["op"] not in SAME]
        return [Step(step["urn"], step["op"], tuple(step.get("diffReasons") or ())) for step in steps]

    def refresh(self, *targets: str) -> None:
        """Reads resources from the cluster into the state. The program does not run, and the cluster is not changed.

        Args:
            targets: URNs of the resources, where ``**`` stands for any characters.
        """
        self.run("refresh", "--yes", "--skip-preview", *(word for urn in targets for word in ("--target", urn)), *PLAIN)

    def up(self, *targets: str) -> None:
        """Updates the stack.

        Args:
            targets: URNs of the resources to be updated, where ``**`` stands for any characters; none for all.
        """
        self.run("up", "--yes", "--skip-preview", *(word for urn in targets for word in ("--target", urn)), *PLAIN)

    def run(self, *arguments: str, seconds: float | None = None) -> str:
        """Runs one command of the engine, within a time limit if there is one, and returns its output."""
        answer = self._start(*arguments)
        try:
            return answer.wait(seconds)
        finally:
            answer.close()

    def begin_outputs(self) -> "EngineCommand":
        """Starts to read the outputs of the stack, without secret ones, and returns at once."""
        return self._start("stack", "output", "--json")

    def _start(self, *arguments: str) -> EngineCommand:
        # The one in this interpreter's environment first, which has the pinned version, even if it is not activated.
        pulumi = shutil.which("pulumi", path=str(Path(sys.prefix) / "bin")) or shutil.which("pulumi")
        if pulumi is None:
            raise EngineError("pulumi is not installed here. Run `make tools`.")
        options = [] if self.stack is None else ["--stack", self.stack]
        try:
            output, errors = _file(), _file()
            process = subprocess.Popen(
                [pulumi, *arguments, *options],
                cwd=self._directory,
                # Garbage collection is off: a command of the engine is too short to need it.
                env=os.environ | {"GOGC": os.environ.get("GOGC", "off")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                text=True,
            )
        except OSError as error:
            raise EngineError(f"{pulumi} cannot be run: {error.strerror or error}") from None
        return EngineCommand(process, output, errors)


def _set_commands(values: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """Arguments of `pulumi config`: one command sets all values, except for each text that looks like a number."""
    texts = {path: value for path, value in values.items() if is_converted(value)}
    for path, value in texts.items():
        yield ("set", "--path", "--type", "string", engine_path(path), str(value))
    others = [f"{engine_path(path)}={value}" for path, value in values.items() if path not in texts]
    if others:
        yield ("set-all", "--path", *(word for pair in others for word in ("--plaintext", pair)))


def _file() -> IO[str]:
    """A file for the engine's output, in memory if the system can, so that a full disk stops no rollback."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("pulumi"), "w+", encoding="utf-8")
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
