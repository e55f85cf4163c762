"""Valid values for the commands that error messages propose."""

import difflib
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from switchyard.config.aws_partition import partition
from switchyard.config.kubernetes import ARGO_ROLLOUTS

Loc = tuple[int | str, ...]

GUARDED = re.compile(r"(allow|adopt|force|skip|remove|delete|retire|replace)([A-Z].*)?")
"""Keys that lift a protection. Error messages never propose such a key, nor a value that lifts the protection."""

_REGION = "ap-northeast-2"
_ARN = f"arn:{partition(_REGION)}"
"""Beginning of an ARN. The rules between an ARN and the cluster's region name the right partition themselves."""

_BY_KEY: Mapping[str, object] = {
    "ami": "ami-0123456789abcdef0",
    "certificate": f"{_ARN}:acm:{_REGION}:123456789012:certificate/11111111-2222-3333-4444-555555555555",
    "chart": ARGO_ROLLOUTS,
    "diskGb": 40,
    "header": "X-Group",
    "host": "api.example.org",
    "image": "ghcr.io/org/backend",
    "key": "token",
    "name": "production",
    "path": "/ready",
    "pause": 300,
    "repository": "https://argoproj.github.io/argo-helm",
    "secret": "backend-secrets",
    "service": "backend",
    "tag": "v1.0.0",
    "type": "t3.medium",
    "value": "beta",
    "version": "2.41.0",
    "waf": f"{_ARN}:wafv2:{_REGION}:123456789012:regional/webacl/production/11111111-2222-3333-4444-555555555555",
    "weight": 10,
    "zone": "ap-northeast-2b",
}
"""Examples for keys without a default."""

LONGEST_OPTION = 60
"""Longest value, in characters, that is compared with the options of a key to find a misspelling."""

LONGEST_VALUE = 500
"""Longest value, in characters, that a proposed command repeats."""

FILE_MODES = frozenset({"defaultMode", "mode"})
"""Keys of the permissions of files, which people write in octal digits and JSON has as a decimal number."""

_GENERAL: tuple[object, ...] = ("example", 1, 10, 1000, 30080, "10.0.0.0/16")

_WORDS = {"yes": True, "on": True, "y": True, "true": True, "no": False, "off": False, "n": False, "false": False}


def example(model: type[BaseModel], loc: Loc, value: object = None, rule: str = "") -> object | None:
    """A valid value at a location of the configuration; None if no single value is valid, or none is known.

    Args:
        model: the outermost model.
        loc: the keys of the location.
        value: the present value, to propose a similar one; None if it is missing or must not be shown.
        rule: the rule for the value, which may have an example.
    """
    annotation, field = type_at(model, loc)
    if annotation is None:
        return None
    candidates = _candidates(str(loc[-1]), field, annotation, value, rule)
    return next((candidate for candidate in candidates if takes(model, loc, candidate)), None)


def takes(model: type[BaseModel], loc: Loc, value: object) -> bool:
    """Whether a model accepts a value at a location."""
    # Which entry of a list it is makes no difference, and a list may have thousands of wrong ones.
    adapter = _adapter(model, tuple(0 if isinstance(key, int) else key for key in loc))
    if adapter is None:
        return False
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@lru_cache
def _adapter(model: type[BaseModel], loc: Loc) -> TypeAdapter[Any] | None:
    annotation, _ = type_at(model, loc)
    return None if annotation is None else TypeAdapter(annotation)


def known_keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """Keys of the (nested) model at a location."""
    annotation = bare(type_at(model, loc)[0])
    return [field.alias or name for name, field in annotation.model_fields.items()] if is_model(annotation) else []


def typing_error(key: str, known: list[str]) -> str | None:
    """The known key of which a key is probably a misspelling; None if there is none, or several.

    A key that only resembles another one may mean something else (`envFrom` is not `env`), so it is not proposed. A
    key that lifts a protection is never proposed.
    """
    if GUARDED.fullmatch(key):
        return None
    allowed = 1 if len(key) <= 6 else 2
    folded = _folded(key)
    near = sorted(
        (_distance(folded, _folded(other)), other)
        for other in known
        if not GUARDED.fullmatch(other) and abs(len(folded) - len(_folded(other))) <= allowed
    )
    if not near or near[0][0] > allowed or (len(near) > 1 and near[1][0] == near[0][0]):
        return None
    return near[0][1]


def _candidates(key: str, field: FieldInfo | None, annotation: Any, value: object, rule: str) -> Iterator[object]:
    guarded = GUARDED.fullmatch(key) is not None
    if value is not None and not guarded:
        yield from _near(key, value, annotation)
    default = field.get_default(call_default_factory=True, validated_data={}) if field is not None else None
    if isinstance(default, Enum | IPv4Network):
        default = str(default)
    if isinstance(default, str | int | float):
        yield default
    if guarded:
        yield False
    if key in _BY_KEY:
        yield _BY_KEY[key]
    if (match := re.search(r"Examples?: ([^\s,;]+)", rule)) is not None:
        yield match[1].removesuffix(".")  # that of the sentence
    yield from _options(annotation)
    yield from _GENERAL
    yield True


def _near(key: str, value: object, annotation: Any) -> Iterator[object]:
    """Values that were probably meant, derived from the present value."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > LONGEST_VALUE:
        return
    if isinstance(value, bool):
        text = str(value).lower()
    folded = text.strip().lower()
    if bare(annotation) is str:
        yield text.strip()
    if key == "image":
        yield re.sub(r"(:[^/:]*)?(@.*)?$", "", folded)
    if bare(annotation) is IPv4Network and "/" in text:
        yield _network(text)
    if folded in _WORDS:
        yield _WORDS[folded]
    if key in FILE_MODES and (mode := file_mode(folded)) is not None:
        yield mode
    if re.fullmatch(r"-?[0-9]{1,15}", folded):
        yield int(folded)
    options = [str(option) for option in _options(annotation) if len(folded) <= LONGEST_OPTION]
    by_folded = {option.lower(): option for option in options}
    for close in difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.7):
        yield by_folded[close]


def file_mode(text: str) -> int | None:
    """The number of permissions in octal digits, such as 0400 or 0o400; None for another text."""
    match = re.fullmatch(r"(?:0o?)?([0-7]{3})", text)
    return None if match is None else int(match[1], 8)


def _network(text: str) -> str | None:
    """The network that an address with a prefix is in."""
    try:
        return str(IPv4Network(text, strict=False))
    except ValueError:
        return None


def _options(annotation: Any) -> Iterator[object]:
    plain = bare(annotation)
    if get_origin(plain) is Literal:
        yield from get_args(plain)
    elif isinstance(plain, type) and issubclass(plain, Enum):
        yield from (option.value for option in plain)


def type_at(model: type[BaseModel], loc: Loc) -> tuple[Any, FieldInfo | None]:
    """The type at a location, with its rules, and the field of the model if there is one."""
    current: Any = model
    field = None
    for key in loc:
        current, field = bare(current), None
        if is_model(current):
            fields = {inner.alias or name: inner for name, inner in current.model_fields.items()}
            if (field := fields.get(str(key))) is None:
                return None, None
            metadata = tuple(field.metadata)
            current = Annotated[(field.annotation, *metadata)] if metadata else field.annotation
        elif get_origin(current) is dict:
            current = get_args(current)[1]
        elif get_origin(current) is tuple:
            current = get_args(current)[0]
        else:
            return None, None
    return current, field


def bare(annotation: Any) -> Any:
    """A type without its rules, and without None for an optional one."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in {Union, UnionType}:
            annotation = next(option for option in get_args(annotation) if option is not type(None))
        else:
            return annotation


def is_model(annotation: Any) -> bool:
    """Whether a type is a model."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _folded(key: str) -> str:
    return re.sub(r"[\s_-]", "", key).lower()


def _distance(word: str, other: str) -> int:
    """Edits between two words, where two exchanged neighbours count as one edit."""
    previous: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(word, 1):
        previous, earlier, row = row, previous, [i]
        for j, right in enumerate(other, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and word[i - 2] == right:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
