"""The fast lane of this program as a method of switching: commands `switchyard switch` and `switchyard rollback`."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.benchmarks.method import READY_SECONDS, TAGS, Method, other, ours
from devtools.engine import ENGINE_LIMIT, NAME
from devtools.sandbox import Sandbox
from switchyard.config.models.drain import DrainMethod

SWITCH = "this program, switchyard switch"
ROLLBACK = "this program, switchyard rollback"


@dataclass(frozen=True)
class CommandResult:
    """The result that a command reports.

    Attributes:
        left: connections that were open at the end of the drain; None if they were not counted.
        problem: what went wrong, in the words of the command; empty if nothing.
    """

    left: int | None
    problem: str


class Switch(Method):
    """`switchyard switch`, to the other colour and back, on a stack of this program.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for the stack.
        namespace: a namespace that nothing else uses.
        drain: drain method for kept connections. Without a drain the command does as much as the peers, which have
            none.
        options: further options of the command.
    """

    name = SWITCH

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        namespace: str,
        drain: DrainMethod = DrainMethod.NONE,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sandbox, namespace)
        self._options = options
        self.stack = ours(sandbox, directory, namespace)
        self.stack.set("services.backend.release", {"drain": {"method": drain.value}})
        self.stack.run("up", "--yes", "--skip-preview", check=True)

    def command(self, to: str) -> list[str]:
        """Switches by the colour's name."""
        return self.words("switch", "backend", to)

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the command in the stack's directory, without a terminal."""
        return self._start(self.command(to))

    def settle(self) -> None:
        """Waits until no pod is terminating, and both colours have all their pods: a drain may have replaced some."""
        super().settle()
        for colour in TAGS:
            self.kubectl("rollout", "status", f"deployment/backend-{colour}", f"--timeout={READY_SECONDS}s")

    def words(self, *arguments: str) -> list[str]:
        """The command line: the executable first, as an operator has it on the PATH."""
        executable = self.stack.installation.python / "bin" / "switchyard"
        return [str(executable), *arguments, "--yes", "--stack", NAME, *self._options]

    def finish(self, process: "subprocess.Popen[str]") -> str:
        """Waits for the end of a command, and returns what it prints.

        Raises:
            RuntimeError: it failed; the text is its output.
        """
        output, errors = process.communicate(timeout=ENGINE_LIMIT)
        if process.returncode:
            raise RuntimeError(f"{self.name}: exit code {process.returncode}: {output}{errors}")
        return output

    def _start(self, command: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.stack.directory,
            env=self.stack.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Rollback(Switch):
    """`switchyard rollback`, right after a switch that is not timed."""

    name = ROLLBACK

    def next_colour(self) -> str:
        """Returns the colour that serves now, which the rollback restores."""
        return self.colour

    def prepare(self, to: str) -> None:
        """Switches to the other colour, and waits until configuration and state have it."""
        self.finish(self._start(super().command(other(to))))

    def command(self, to: str) -> list[str]:  # noqa: ARG002 - to what served before
        """Rolls back to the previous version, as the record has it."""
        return self.words("rollback", "backend")


class ThereAndBack(Switch):
    """`switchyard switch` to green and `switchyard rollback` to blue, alternately.

    Each reports the result of its drain.
    """

    def __init__(self, sandbox: Sandbox, directory: Path, namespace: str, drain: DrainMethod) -> None:
        super().__init__(sandbox, directory, namespace, drain, ("--json",))
        self.drain = drain

    def command(self, to: str) -> list[str]:
        """Switches to green, and rolls back to blue."""
        return super().command(to) if to == "green" else self.words("rollback", "backend")

    def next_colour(self) -> str:
        """The colour that does not serve. After a command that failed, the next one tries the same switch."""
        serving = self.kubectl("get", "service", "backend", "-o", "jsonpath={.spec.selector.version}")
        return other(serving)

    def label(self, to: str) -> str:
        """The name of the command and of its drain."""
        return f"{SWITCH if to == 'green' else ROLLBACK}, drain method {self.drain}"

    def old_pods(self, to: str) -> frozenset[str]:
        """The UIDs of the pods of the colour that a command leaves."""
        selector = f"version={other(to)}"
        return frozenset(self.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.uid}").split())


def result_of(code: int, output: str, errors: str) -> CommandResult:
    """The result in the JSON output of a command.

    Args:
        code: exit code of the command.
        output: JSON document that the command printed.
        errors: text that the command printed to standard error.
    """
    try:
        document: dict[str, Any] = json.loads(output)
    except ValueError:
        return CommandResult(None, f"exit code {code}: {output}{errors}".strip())
    drain = (document.get("receipt") or {}).get("drain") or {}
    said = (document.get("error"), document.get("problem"), drain.get("problem"))
    problem = " ".join(filter(None, said)) or (f"exit code {code}: {errors}" if code else "")
    return CommandResult(drain.get("connectionsLeft"), problem.strip())
