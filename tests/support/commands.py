"""Runs commands of the command line on a stack of a test."""

import json
import subprocess
import sys
from typing import Any

import yaml

from devtools.engine import NAME, Stack

WITH_A_FAULT = """
import os, signal
import switchyard.release.deploy.acts as acts
import switchyard.release.deploy.steps as steps
import switchyard.release.switch.fast_lane as lane
import switchyard.release.switch.switching as switching
{}
from switchyard.cli.main import main
main()
"""


KILLED_AFTER_PATCH = """
apply = switching.apply_selector
async def killed(*arguments):
    await apply(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
switching.apply_selector = killed
"""
"""A fault: the command is killed in the moment after the API server has accepted a selector."""


def with_a_fault(code: str) -> str:
    """The command line as a program in which some code runs first, which replaces a part of it."""
    return WITH_A_FAULT.format(code)


def run_command(
    stack: Stack, *arguments: str, code: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command, or a program with its arguments, without a terminal.

    Args:
        stack: stack whose directory and environment the command has.
        arguments: arguments of the command without the stack.
        code: a program in place of the command line.
        environment: further variables.
    """
    program = ["-c", code] if code else ["-m", "switchyard"]
    return subprocess.run(
        [sys.executable, *program, *arguments, "--stack", NAME],
        cwd=stack.directory,
        env={**stack.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def start_command(stack: Stack, *arguments: str) -> subprocess.Popen[str]:
    """Starts a command without a terminal, and returns at once.

    Args:
        stack: stack whose directory and environment the command has.
        arguments: arguments of the command without the stack.
    """
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "switchyard", *arguments, "--stack", NAME],
        cwd=stack.directory,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def document(result: subprocess.CompletedProcess[str], code: int | None = None) -> dict[str, Any]:
    """The document that a command has printed.

    Args:
        result: result of the command.
        code: the exit code that it must have; None for any.
    """
    assert code in {None, result.returncode}, result.stdout + result.stderr
    assert result.stdout, result.stderr
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def read_back(stack: Stack) -> None:
    """Takes the stack file as the engine has changed it."""
    stack.restore(yaml.safe_load((stack.directory / f"Pulumi.{NAME}.yaml").read_text()))
