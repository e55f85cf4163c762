"""Paths of the configuration, and the commands that change it. Every such command in a message is built here."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN_KEY = re.compile(r'(?!\d+$)[^.\[\]"\\]+')
"""A key that the engine accepts after a dot. Digits alone are the index of a list in this project's paths."""

_INDEX = re.compile(r"\.(\d+)(?=[.\[]|$)")
_QUOTED = re.compile(r'(\["(?:\\"|[^"])*"\])')
_CONVERTED = re.compile(r"true|false|[-+]?\d+")
"""Text that `pulumi config set --path` would store as a boolean or as a number."""

_of_process: dict[str, str | None] = {"stack": None}
"""The stack that messages of this process are about; None for the selected one. A process handles one stack."""


def about_stack(stack: str | None) -> None:
    """Sets the stack that commands in this process's messages name, so that they work whichever stack is selected.

    Args:
        stack: name of the stack; None leaves commands without a stack, for the selected one.
    """
    _of_process["stack"] = stack


@contextmanager
def messages_about(stack: str | None) -> Iterator[None]:
    """Sets the stack that commands in messages name, as `about_stack` does, until the end of the `with` block."""
    before = _of_process["stack"]
    about_stack(stack)
    try:
        yield
    finally:
        about_stack(before)


def options(**values: str | bool | None) -> str:
    """Options of a command as they are typed at a shell, each after a blank; those without a value are left out.

    Args:
        values: by the name of the option, with `_` for `-`; True for a flag that is set.
    """
    text = ""
    for name, value in values.items():
        if value:
            text += f" --{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(value)}")
    return text


def stack_option(stack: str | None) -> str:
    """The option that a suggested command needs to be for the same stack; empty for the selected stack.

    Args:
        stack: the stack as it was given to this command; None for the selected one.
    """
    return "" if stack is None else f" --stack {shlex.quote(stack)}"


def typed(command: str) -> str:
    """A command of Switchyard or Pulumi as a message shows it, with the option for the stack of this process.

    Args:
        command: for example ``switchyard rollback backend`` or ``pulumi up``.
    """
    return command + stack_option(_of_process["stack"])


def below(path: str, *keys: int | str) -> str:
    """The path of a key or entry under a path.

    Args:
        path: for example ``switchyard:cluster.nodes``.
        keys: keys of mappings as strings, and indexes of lists as numbers. A key with a dot is written ``["a.b"]``, as
            in the engine's own paths, because the engine would otherwise read it as two keys.
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
    """Whether `pulumi config set` would store a text as a number or a boolean, unless its type is given."""
    return isinstance(value, str) and _CONVERTED.fullmatch(value) is not None


def _quoted(path: str) -> str:
    at = engine_path(path)
    return shlex.quote(at) if "'" in at else f"'{at}'"


def set_value(path: str, value: object, *, text: bool = False) -> str:
    """The command that sets a value, without a sentence around it.

    Args:
        path: path of the value.
        value: the value; with None the command has no value, and asks for it at the terminal.
        text: whether the value must be stored as text, even if it looks like a number or a boolean.
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


def clear_map(path: str) -> str:
    """The commands that leave an empty map at a path, without a sentence around them.

    `pulumi config set` stores the value `{}` as text; a map whose last key is removed stays, and is empty.
    """
    key = below(path, "none")
    return f"{remove_value(path)} && {set_value(key, 'none')} && {remove_value(key)}"


def set_command(path: str, example: object, *, text: bool = False) -> str:
    """The sentence of a remedy with the command that sets a value."""
    return f"Set it: {set_value(path, example, text=text)}"


def remove_command(path: str) -> str:
    """The sentence of a remedy with the command that removes a value."""
    return f"Remove it: {remove_value(path)}"
