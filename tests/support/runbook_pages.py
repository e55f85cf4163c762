"""Runs each command of a page of `docs/runbook/`, whose output must be the one that the page shows."""

import getpass
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from devtools.engine import Stack
from devtools.toolchain.paths import PROJECT, binary
from tests.support.commands import read_back
from tests.support.kubectl import Kubectl

PAGES = PROJECT / "docs" / "runbook"

CODE = re.compile(r"# exit code (\d)")
"""Comment of a page on a command that does not end with 0."""

LIMIT_SECONDS = 600
"""Time limit for one command of a page, seconds. A command waits up to 330 s for the lock of the state."""

VARYING = (
    (re.compile(r"\b\d{14}-[0-9a-f]{6}\b"), "ID"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z"), "TIME"),
    (re.compile(r"\b(backend-(?:blue|green))-[0-9a-f]+-[0-9a-z]{5}\b"), r"\1-POD"),
    (re.compile(r"\b([a-z-]+)-[0-9a-f]{10}\b"), r"\1-HASH"),
    (re.compile(r"(?<![\w.-])\d+(\.\d+)?(?= (s|min|h)\b)"), "N"),
    (re.compile(r"\(process \d+( on \S+)?\)"), "(process N)"),
    (re.compile(r"(?<=\s)(\d+[dhms]){1,2}(?=\s|$)"), "AGE"),
    (re.compile(r"[━┃┏┓┗┛┡┩╇┳┻│─┼┴└┘├┤ \t]+"), " "),
)
"""Patterns of text that differs between two runs, and their replacements. Durations are compared by their unit
alone."""


@dataclass(frozen=True)
class Step:
    """One command of a page.

    Attributes:
        command: words of the command.
        code: exit code of the command.
        shown: the lines that the page shows, in their order; one with dots alone stands for any lines.
    """

    command: tuple[str, ...]
    code: int
    shown: tuple[str, ...]


def section(page: str, heading: str) -> list[Step]:
    """The commands of a section of a page.

    Args:
        page: name of the file, without its suffix.
        heading: heading of the section.
    """
    text = (PAGES / f"{page}.md").read_text() + "\n## "
    [body] = re.findall(rf"^## {re.escape(heading)}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^```console\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    return [step for block in blocks for step in _steps(block)]


def headings(page: str) -> list[str]:
    """The sections of a page that have commands."""
    names = re.findall(r"^## (.*)$", (PAGES / f"{page}.md").read_text(), re.MULTILINE)
    return [name for name in names if section(page, name)]


def _steps(block: str) -> list[Step]:
    steps = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        code = CODE.search(line)
        words = tuple(shlex.split(line, comments=True))
        steps.append(Step(words, int(code[1]) if code else 0, tuple(shown.splitlines())))
    return steps


class Walk:
    """Follows a page on the selected stack, as an operator does.

    Args:
        stack: stack whose directory and environment the commands have.
        kubectl: kubectl of the stack's cluster.
    """

    def __init__(self, stack: Stack, kubectl: Kubectl) -> None:
        self._stack = stack
        self._kubectl = kubectl
        # A selected stack needs no option, as on the page.
        self._environment = {
            **stack.environment,
            "KUBECONFIG": str(kubectl.kubeconfig),
            "PULUMI_STACK": stack.name,
            "COLUMNS": "240",
        }

    def page(self, page: str, before: Callable[[], None] = lambda: None) -> None:
        """Follows every section of a page."""
        for heading in headings(page):
            self.section(page, heading, before)

    def section(self, page: str, heading: str, before: Callable[[], None] = lambda: None) -> None:
        """Runs every command of a section, and compares what it prints with the page.

        Args:
            page: name of the file, without its suffix.
            heading: heading of the section.
            before: function that is called before every command.
        """
        steps = section(page, heading)
        assert steps, f"{page}: {heading} has no command"
        for step in steps:
            before()
            self.run(step)

    def run(self, step: Step) -> str:
        """Runs one command, and compares what it prints with the page."""
        result = subprocess.run(
            self._command(step.command),
            cwd=self._stack.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_SECONDS,
        )
        read_back(self._stack)
        printed = result.stdout + result.stderr
        said = f"$ {shlex.join(step.command)}\n{printed}"
        assert result.returncode == step.code, f"exit code {result.returncode}, the page has {step.code}: {said}"
        streams = (self._as_on_the_page(stream).splitlines() for stream in (result.stdout, result.stderr))
        if missing := _missing(step.shown, streams):
            raise AssertionError(f"the page shows a line that was not printed: {missing}\n{said}")
        return printed

    def _as_on_the_page(self, printed: str) -> str:
        user, host = getpass.getuser(), socket.gethostname()
        for here, shown in (
            (self._kubectl.namespace, "default"),
            (f"{user}@{host}", "oncall@laptop"),
            (f"by {user}", "by oncall"),
            (f"on {host}", "on laptop"),
        ):
            printed = printed.replace(here, shown)
        return printed

    def _command(self, words: tuple[str, ...]) -> list[str]:
        program, *arguments = words
        arguments = [self._kubectl.namespace if word == "default" else word for word in arguments]
        if program == "switchyard":
            return [sys.executable, "-m", "switchyard", *arguments]
        if program == "pulumi":
            arguments += ["--non-interactive", "--color", "never"]
        return [str(binary(program)), *arguments]


def _missing(shown: tuple[str, ...], streams: Iterable[list[str]]) -> str | None:
    """The first line of a page that follows in neither output stream. Each stream has its lines in their order.

    The order between the streams is not known, because they are read separately.
    """
    rests = [[_plain(line) for line in stream] for stream in streams]
    for line in shown:
        wanted = _plain(line)
        if not wanted or wanted == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in wanted.split("...")))
        if not any(_passed(pattern, rest) for rest in rests):
            return line
    return None


def _passed(pattern: re.Pattern[str], rest: list[str]) -> bool:
    """Whether a line matches. The lines up to it are removed then."""
    position = next((number for number, line in enumerate(rest) if pattern.fullmatch(line)), None)
    if position is None:
        return False
    del rest[: position + 1]
    return True


def _plain(line: str) -> str:
    for pattern, stands in VARYING:
        line = pattern.sub(stands, line)
    return line.strip()
