"""Output of the commands: text for people by rich, JSON for scripts."""

import json
from typing import Any

from rich.console import Console

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


def print_json(document: dict[str, Any]) -> None:
    """Prints a document without rich, which would break its lines at the width of the terminal."""
    print(json.dumps(document, indent=2))
