"""The operation of the engine that runs this program, read from the engine's command line."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import psutil

DESTROY = frozenset({"destroy", "down", "dn"})
UPDATE = frozenset({"up", "update", "preview", "pre"})
OTHERS = frozenset({"refresh", "watch", "import"})
WITH_VALUE = frozenset({"-s", "--stack", "-C", "--cwd", "--config-file", "-m", "--message"})
"""Options whose value is the next argument, which might look like a command."""


TARGETED = re.compile(r"--target.*|-[defhjryQ]*t.*")
"""Options that limit an operation to single resources: with a value in the argument, behind other letters (``-yt``)."""


_SELECTING_OPTIONS = ("--target", "--target-replace", "--exclude")
_SELECTING = re.compile(rf"({'|'.join(_SELECTING_OPTIONS)})(?:=(.*))?|(-[defhjryQ]*t)(.*)", re.DOTALL)
_DEPENDENTS = frozenset({"--target-dependents", "--exclude-dependents"})


@dataclass(frozen=True)
class Selection:
    """The resources that an operation of the engine is limited to.

    Attributes:
        targets: patterns of the URNs to update; empty for all.
        excluded: patterns of the URNs that are left as they are.
        dependents: whether dependents are selected as well, which only the engine knows.
    """

    targets: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    dependents: bool = False

    def covers(self, urn: str) -> bool:
        """Whether a resource is selected, as far as the patterns alone say so."""
        is_target = not self.targets or any(_matches(pattern, urn) for pattern in self.targets)
        return is_target and not any(_matches(pattern, urn) for pattern in self.excluded)


def selection() -> Selection | None:
    """The resources that the engine was started for; None for the whole stack."""
    return selected_by(engine_arguments())


def selected_by(arguments: Sequence[str]) -> Selection | None:
    """The resources that arguments of the engine limit its operation to; None for the whole stack."""
    patterns = list(_patterns(arguments))
    if not patterns:
        return None
    return Selection(
        tuple(pattern for option, pattern in patterns if option != "--exclude"),
        tuple(pattern for option, pattern in patterns if option == "--exclude"),
        not _DEPENDENTS.isdisjoint(arguments),
    )


def _patterns(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option that selects resources, with its value."""
    for argument, following in pairwise((*arguments, "")):
        if (match := _SELECTING.fullmatch(argument)) is not None:
            long, long_value, short, short_value = match.groups()
            yield long or short, following if long_value is None and not short_value else long_value or short_value


def _matches(pattern: str, urn: str) -> bool:
    """Whether a URN matches a pattern of the engine, in which `*` stops at a colon and `**` does not."""
    parts = ("[^:]*".join(map(re.escape, part.split("*"))) for part in pattern.split("**"))
    return re.fullmatch(".*".join(parts), urn) is not None


def is_destroy() -> bool:
    """Whether the engine was started to destroy the stack or some of its resources.

    The engine does not report its operation to the program, and runs no hook before the program has ended, so this
    reads its command line. During a destroy a run reads less, because the state of the cluster must not stop it.
    """
    return destroys(engine_arguments())


def is_update() -> bool:
    """Whether the engine was started to update the stack, or to preview that."""
    return updates(engine_arguments())


def is_whole_destroy() -> bool:
    """Whether the engine was started to destroy the whole stack."""
    return destroys_all(engine_arguments())


def project_directory() -> Path:
    """The directory from which the engine searches for the project; the program's own if no engine is found.

    The two differ where Pulumi.yaml has a key `main`.
    """
    return _engine()[1] or Path.cwd()


def config_file() -> Path | None:
    """The stack file with which the engine was started; None for that of the project."""
    named = named_config_file(engine_arguments())
    return None if named is None else project_directory() / named


def engine_arguments() -> tuple[str, ...]:
    """The arguments of the engine that runs this program, with the options that select resources in its environment."""
    return (*_engine()[0], *_options_of(os.environ))


def _options_of(environment: Mapping[str, str]) -> Iterator[str]:
    """The options that select resources, as the engine takes them from `PULUMI_OPTION_...`."""
    for option in (*_SELECTING_OPTIONS, *sorted(_DEPENDENTS)):
        value = environment.get("PULUMI_OPTION_" + option.removeprefix("--").replace("-", "_").upper())
        if value and option in _SELECTING_OPTIONS:
            yield f"{option}={value}"
        elif value and value.lower() in {"1", "t", "true"}:
            yield option


@cache
def _engine() -> tuple[tuple[str, ...], Path | None]:
    """Arguments and working directory of the engine that runs this program; empty if it is not found."""
    for process in psutil.Process().parents():
        with suppress(psutil.Error, IndexError):
            program, *arguments = process.cmdline()
            if Path(program).stem == "pulumi":
                return tuple(arguments), Path(process.cwd())
    return (), None


def named_config_file(arguments: Sequence[str]) -> str | None:
    """The value of `--config-file` on the engine's command line."""
    for argument, value in pairwise((*arguments, "")):
        option, equals, joined = argument.partition("=")
        if option == "--config-file":
            return (joined if equals else value) or None
    return None


def destroys_all(arguments: Sequence[str]) -> bool:
    """Whether the engine's arguments are a destroy that is not limited to single resources."""
    return destroys(arguments) and not any(map(TARGETED.fullmatch, arguments))


def destroys(arguments: Sequence[str]) -> bool:
    """Whether the engine's arguments are a destroy."""
    return _command(arguments) in DESTROY


def updates(arguments: Sequence[str]) -> bool:
    """Whether the engine's arguments are an update or its preview."""
    return _command(arguments) in UPDATE


def _command(arguments: Sequence[str]) -> str:
    """The command of the engine in its arguments; empty if there is none that runs a program."""
    previous = ""
    for argument in arguments:
        if previous not in WITH_VALUE and argument in DESTROY | UPDATE | OTHERS:
            return argument
        previous = argument
    return ""
