"""Extracts the reason of a failure from the engine's output, without its progress. Pure functions."""

import json
import re

DIAGNOSTICS = re.compile(r"^Diagnostics:\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
"""The part of the output in which the engine repeats the messages of each resource."""

CODED = re.compile(r"\(SY-[A-Z]\d{3}\)")
"""Pattern of a message of the program, which has a code."""

MESSAGE = re.compile(r"^ {4}(error|warning|info): ", re.MULTILINE)

ERROR = "error: "

RESOURCE = re.compile(r"^ {2}\S.*:$")

ENDED = re.compile(
    r"(update|preview|refresh|destroy) failed|Resource monitor has terminated.*|.*an unhandled error occurred.*",
    re.DOTALL,
)
"""Lines that the engine prints for every failure."""


def reason(output: str, errors: str) -> str:
    """The reason why a command of the engine failed, from the messages of the engine and of the program.

    Args:
        output: standard output of the command.
        errors: standard error of the command.
    """
    return _of_document(output) or _of_diagnostics(output) or _lines(errors) or _lines(output)


def _of_document(output: str) -> str:
    """The errors of a preview, from its JSON output."""
    try:
        entries = json.loads(output)["diagnostics"]
        messages = [entry["message"] for entry in entries if entry["severity"] == "error"]
    except (KeyError, TypeError, ValueError):
        return ""
    return "\n".join(message.strip() for message in messages if not ENDED.fullmatch(message.strip()))


def _of_diagnostics(output: str) -> str:
    """The errors of an update. Messages of the program come first: they have a code, a cause and a remedy."""
    section = DIAGNOSTICS.search(output)
    if section is None:
        return ""
    coded, others = [], []
    text = "\n".join(line for line in section[1].splitlines() if not RESOURCE.match(line))
    _, *parts = MESSAGE.split(text)
    for severity, message in zip(parts[::2], parts[1::2], strict=True):
        words = " ".join(message.split())
        if CODED.search(words):
            coded.append(words)
        elif severity == "error" and not ENDED.fullmatch(words):
            others.append(words)
    return "\n".join(dict.fromkeys((*coded, *others)))


def _lines(printed: str) -> str:
    """The lines with the reason of a failure, without the mark of an error; all lines if none has it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    lines = [line for line in lines if not ENDED.fullmatch(line.removeprefix(ERROR))] or lines
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    return "\n".join(errors or lines)
