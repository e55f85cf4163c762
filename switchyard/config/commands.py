"""Paths of the configuration, and the commands that change it: every one that the program prints is built here."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN_KEY = re.compile(r'(?!\d+$)[^.\[\]"\\]+')
"""A key that the engine reads behind a dot. Digits alone stand for an index of a list in this project's paths."""

_INDEX = re.compile(r"\.(\d+)(?=[.\[]|$)")
_QUOTED = re.compile(r'(\["(?:\\"|[^"])*"\])')
_CONVERTED = re.compile(r"true|false|[-+]?\d+")
"""Text that `pulumi config set --path` would store as a boolean or as a number."""

_of_process: dict[str, str | None] = {"stack": None}
"""The stack that messages of this process are about; None for the selected one. One process is about one stack."""


def about_stack(stack: str | None) -> None:
    """Has the commands that messages of this process name be for a stack, whichever is selected where they are pasted.

    Args:
        stack: its name; None for the selected one.
    """
    _of_process["stack"] = stack


@contextmanager
def messages_about(stack: str | None) -> Iterator[None]:
    """Has the commands that messages name within the block be for a stack. The argument is that of `about_stack`."""
    before = _of_process["stack"]
    about_stack(stack)
    try:
        yield
    finally:
        about_stack(before)


def stack_option(stack: str | None) -> str:
    """What a command that a message suggests needs, so that it is for the same stack.

    Args:
        stack: as it was given to this command; None for the selected one.
    """
    return "" if stack is None else f" --stack {shlex.quote(stack)}"


def typed(command: str) -> str:
    """A command of this program or of the engine as messages name it: for the stack that they are about.

    Args:
        command: for example ``switchyard rollback backend`` or ``pulumi up``.
    """
    return command + stack_option(_of_process["stack"])


def below(path: str, *keys: int | str) -> str:
    """The path of a key or entry under a path.

    Args:
        path: for example ``switchyard:cluster.nodes``.
        keys: of mappings, as text, and of lists, as numbers. A key that holds a dot becomes ``["a.b"]``, as the
            engine's own paths have it; without that, the engine would make two keys of one.
    """
    for key in keys:
        if isinstance(key, int) or _PLAIN_KEY.fullmatch(key):
            path += f".{key}"
        else:
            escaped = key.replace('"', '\\"')
            path += f'["{escaped}"]'
    return path


def engine_path(path: str) -> str:
    """A path as `pulumi config set --path` takes it: with ``[0]`` where this project's messages have ``.0``."""
    parts = _QUOTED.split(path)
    return "".join(part if part.startswith('["') else _INDEX.sub(r"[\1]", part) for part in parts)


def is_converted(value: object) -> bool:
    """Whether a text would be stored as a number, or as true or false, unless its type is said."""
    return isinstance(value, str) and _CONVERTED.fullmatch(value) is not None


def _quoted(path: str) -> str:
    at = engine_path(path)
    return shlex.quote(at) if "'" in at else f"'{at}'"


def set_value(path: str, value: object, *, text: bool = False) -> str:
    """The command that sets a value, without a sentence around it.

    Args:
        path: path of the value.
        value: to be stored; None leaves it out, and the command asks for it at the terminal.
        text: whether it must arrive as text, even where it reads as a number or as true or false.
    """
    at = _quoted(path)
    if value is None:
        return typed(f"pulumi config set --path {at} --type string")
    word = str(value).lower() if isinstance(value, bool) else str(value)
    kind = ""
    if text and _CONVERTED.fullmatch(word):
        kind = " --type string"
    elif isinstance(value, float):
        kind = " --type float"
    if word.startswith("-"):  # which would be read as a flag
        return f"{typed(f'pulumi config set --path{kind}')} {at} -- {shlex.quote(word)}"
    return typed(f"pulumi config set --path {at} {shlex.quote(word)}{kind}")


def remove_value(path: str) -> str:
    """The command that removes a value from the configuration, without a sentence around it."""
    return typed(f"pulumi config rm --path {_quoted(path)}")


def set_command(path: str, example: object, *, text: bool = False) -> str:
    """The command that sets a value, as a remedy."""
    return f"Set it: {set_value(path, example, text=text)}"


def remove_command(path: str) -> str:
    """The command that removes a value, as a remedy."""
    return f"Take it out: {remove_value(path)}"
