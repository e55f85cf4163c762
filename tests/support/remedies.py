"""Applies the commands that the program prints to a configuration, as the engine does.

The rules are those of `pulumi config set` and `pulumi config rm` of 3.250, which
tests/unit/config/test_commands.py tries beside this module.
"""

import copy
import re
import shlex
from typing import Any

COMMAND = re.compile(r"pulumi config (?:set|rm) .*?(?= && |`|, or: |$)")
ANSWER = "answered"
"""What is typed where a command asks for its value."""


def commands(text: str) -> list[str]:
    """The commands of a message. Each stands at its end, behind another one, or in backticks."""
    return COMMAND.findall(text)


def pastes(text: str) -> list[list[str]]:
    """The commands of a message, those that are pasted together in one list."""
    return [commands(part) for part in text.split(", or: ") if commands(part)]


def pasted(command: str, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration after a command."""
    config = copy.deepcopy(config)
    words = shlex.split(command)
    assert words[:2] == ["pulumi", "config"]
    action, rest = words[2], words[3:]
    kind = None
    if "--type" in rest:
        at = rest.index("--type")
        kind = rest[at + 1]
        del rest[at : at + 2]
    if "--stack" in rest:
        at = rest.index("--stack")
        del rest[at : at + 2]
    rest.remove("--path")
    rest = [word for word in rest if word != "--"]
    path = _parsed(rest[0])
    if action == "rm":
        _remove(config, path)
    else:
        text = rest[1] if len(rest) > 1 else ANSWER
        _set(config, path, _typed(text, kind, top=len(path) == 1))
    return config


def _parsed(path: str) -> list[str | int]:
    """The keys of a path, as ParsePropertyPath of the engine's SDK reads them."""
    keys: list[str | int] = []
    while path:
        if path.startswith('["'):
            match = re.match(r'\["((?:\\"|[^"])*)"\]', path)
            assert match is not None, path
            keys.append(match[1].replace('\\"', '"'))
        elif path.startswith("["):
            match = re.match(r"\[(\d+)\]", path)
            assert match is not None, path
            keys.append(int(match[1]))
        else:
            match = re.match(r"\.?([^.\[]*)", path)
            assert match is not None
            keys.append(match[1])
        path = path[match.end() :]
    return keys


def _typed(text: str, kind: str | None, *, top: bool) -> Any:
    if kind == "string" or (top and kind is None):
        return text
    if kind == "float":
        return int(float(text)) if float(text).is_integer() else float(text)
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if re.fullmatch(r"0|[-+]?[1-9]\d*", text) else text


def _set(config: dict[str, Any], path: list[str | int], value: Any) -> None:
    node: Any = config
    for key, following in zip(path, [*path[1:], None], strict=True):
        new = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(key, int):
            assert isinstance(node, list), f"{path}: expected an array"
            assert key <= len(node), f"{path}: array index out of range"
            node.extend([new] if key == len(node) else [])
        else:
            assert isinstance(node, dict), f"{path}: expected a map"
            if node.get(key) is None:
                node[key] = new
        if following is None:
            node[key] = value
        node = node[key]


def _remove(config: dict[str, Any], path: list[str | int]) -> None:
    node: Any = config
    for key in path[:-1]:
        node = node[key]
    if isinstance(node, dict):
        node.pop(path[-1], None)  # `pulumi config rm` of a key that does not exist succeeds
    else:
        del node[path[-1]]
