"""Runs the commands and applies the configuration of the numbered steps of the runbook, word by word."""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping

import yaml

from devtools.engine import ENGINE_LIMIT, Stack
from devtools.toolchain.paths import PROJECT, binary
from switchyard.gates import runbook
from tests.support.kubectl import Kubectl

RUNBOOK = PROJECT / runbook.RUNBOOK

BLOCK = re.compile(r"^ *```(console|yaml)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

ANSWERS: Mapping[str, tuple[str, ...]] = {"up": ("--yes", "--skip-preview"), "destroy": ("--yes", "--skip-preview")}
"""Answers of an operator at a terminal to the questions of commands."""


def steps(section: str) -> dict[int, str]:
    """The text of each numbered step of a section, by its number."""
    [text] = re.findall(rf"^## {re.escape(section)}$(.*?)^## ", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    parts = re.split(r"^(\d+)\. ", text, flags=re.MULTILINE)
    return {int(number): step for number, step in zip(parts[1::2], parts[2::2], strict=True)}


class Walk:
    """Follows a section of the runbook, as an operator does.

    Args:
        section: heading of the section.
        stack: stack whose file and state the commands work on.
        kubectl: kubectl of the stack's cluster.
    """

    def __init__(self, section: str, stack: Stack, kubectl: Kubectl) -> None:
        self._stack = stack
        self._environment = {**stack.environment, "KUBECONFIG": str(kubectl.kubeconfig)}
        self._steps = steps(section)
        self.left = {number for number, step in self._steps.items() if BLOCK.search(step)}
        """Steps with something to do that nobody has done yet."""

    def step(self, number: int, **words: str) -> list[str]:
        """Follows one step: adds its configuration to the stack's services, and runs its commands.

        Args:
            number: number of the step.
            words: replacements of the words in capitals.

        Returns:
            What each command printed.
        """
        self.left.discard(number)
        printed = []
        for kind, block in BLOCK.findall(self._steps[number]):
            if kind == "yaml":
                for key, entry in yaml.safe_load(block).items():
                    self._stack.set(f"services.{key}", entry)
                continue
            printed += [self._run(command) for command in _commands(block, words)]
        return printed

    def _run(self, command: list[str]) -> str:
        program, *arguments = command
        if program == "pulumi":
            arguments += ANSWERS.get(arguments[0], ("--yes",) if arguments[:2] == ["stack", "rm"] else ())
            if arguments[0] != "stack" and "--stack" not in arguments:
                arguments += ["--stack", self._stack.name]
            arguments += ["--non-interactive", "--color", "never", "--cwd", str(self._stack.directory)]
        result = subprocess.run(
            [program if program == "curl" else str(binary(program)), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=ENGINE_LIMIT,
        )
        assert result.returncode == 0, f"{shlex.join(command)}: {result.stdout}{result.stderr}"
        return result.stdout


def _commands(block: str, words: Mapping[str, str]) -> Iterator[list[str]]:
    """The commands of a block, with the words in capitals replaced."""
    for line in block.splitlines():
        if line.strip().startswith("$ "):
            command = shlex.split(line.strip().removeprefix("$ "))
            yield [re.sub(r"\b[A-Z]{3,}\b", lambda match: words[match.group()], argument) for argument in command]
