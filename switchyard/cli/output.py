"""Output of the commands: text for people by rich, JSON for scripts."""

import json
from typing import Any

from rich.console import Console

from switchyard.errors import ExitCode

ERROR_VERSION = 1
"""Version of the JSON document of an error. It changes when a key is removed or its meaning changes."""

LOG_WIDTH = 120
"""Width of the output in columns if there is no terminal."""

# Texts have reasons of operators and messages of others, in which brackets and colons are no markup.
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def on_terminal(output: Console) -> bool:
    """Whether the output goes to a terminal. FORCE_COLOR, as in many pipelines, asks for colours alone."""
    return output.file.isatty()


if not on_terminal(console):
    console.width = LOG_WIDTH
errors = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True, style="red")


def error_document(text: str, code: str, exit_code: ExitCode) -> dict[str, Any]:
    """The document that every command prints with `--json` when it ends in an error.

    Args:
        text: the message for people.
        code: the code of the error.
        exit_code: the exit code of the command.
    """
    return {"version": ERROR_VERSION, "error": text, "code": code, "exitCode": exit_code.value}


def print_json(document: dict[str, Any]) -> None:
    """Prints a document without rich, which would break its lines at the width of the terminal."""
    print(json.dumps(document, indent=2))
