"""A stack's resources in AWS as text that a reviewer reads in a diff.

It has no random values and no secrets, and a fixed order.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from devtools.rehearsal.plan import State, is_secret, planned
from devtools.rehearsal.values import Values

WIDTH = 120
"""Maximum line width in columns. A mapping that fits is on one line."""

SECRET = "(secret)"  # noqa: S105 - stands for one
FILES = "files of the user data"

TAGS = frozenset({"tags", "volumeTags"})
ALL, NONE = "of all that have any", "types with resources that have none"

NAMED = frozenset({"name", "bucket"})
"""Properties for which the provider generates a random name if the program sets none."""

RANDOM = ("arn", "allocationId", "keyId", "publicIp", "certPem", "certRequestPem")
"""Outputs that differ at each rehearsal, and are inputs of other resources."""

WAYS = {"SecurityGroupIngressRule": ("from", "into"), "SecurityGroupEgressRule": ("to", "out of")}


def summary(resources: Iterable[State]) -> str:
    """Every resource in AWS and of TLS by its type and name, with its inputs.

    An id or a random name is the name of the resource behind it, ``<so>``; a policy is its statements, user data the
    files that it writes. Tags of every resource appear once, and ``Name`` not at all: it repeats the name.

    Args:
        resources: all of a stack, as ``pulumi stack export`` has them.

    Raises:
        UnmappedError: one is of a type that is not known.
    """
    wanted = planned(resources)
    names = _names((resource.name, resource.state) for resource in wanted)
    common = _common_tags(resource.state for resource in wanted)
    by_type: dict[str, Values] = {"tags": common}
    for resource in sorted(wanted, key=lambda each: (each.state["type"], each.name)):
        own = {
            key: _own_tags(value, common[ALL]) if key in TAGS else value
            for key, value in resource.state["inputs"].items()
        }
        shown = {key: _shown(key, value, names) for key, value in own.items()}
        kind = resource.state["type"].rpartition(":")[2]
        entry = _rule(kind, shown) if kind in WAYS else {key: value for key, value in shown.items() if value != {}}
        by_type.setdefault(resource.state["type"], {})[resource.name] = entry
    return "".join(f"{line}\n" for kind, entries in by_type.items() for line in (f"{kind}:", *_block(entries, "  ")))


def _common_tags(resources: Iterable[State]) -> Values:
    ours = [state for state in resources if state["type"].startswith("aws:")]
    tagged = [state["inputs"]["tags"].items() for state in ours if state["inputs"].get("tags")]
    common = dict(sorted(set(tagged[0]).intersection(*tagged))) if tagged else {}
    without = {state["type"] for state in ours if not state["inputs"].get("tags")}
    return {ALL: common, NONE: sorted(without)}


def _own_tags(tags: Mapping[str, str], common: Mapping[str, str]) -> Values:
    return {key: value for key, value in tags.items() if key != "Name" and common.get(key) != value}


def _names(resources: Iterable[tuple[str, State]]) -> list[tuple[str, str]]:
    """Random values and their replacements, the longest first: a bucket's ARN before the bucket's name."""
    names: dict[str, str] = {}
    for name, state in resources:
        given = state["inputs"]
        outputs = state.get("outputs", {})
        own = [given[key] for key in NAMED if re.fullmatch(f"{re.escape(name)}-[0-9a-f]{{7}}", str(given.get(key)))]
        random = dict.fromkeys(own, f"<{name}>") | {outputs[key]: f"<{name}.{key}>" for key in RANDOM if key in outputs}
        # The settings of a bucket have the ID of the bucket; a resource that the program names has that name.
        if state["id"] not in given.values():
            random[state["id"]] = f"<{name}>"
        names |= {text: words for text, words in random.items() if isinstance(text, str) and text and text not in names}
    return sorted(names.items(), key=lambda pair: (-len(pair[0]), pair))


def _shown(key: str, value: Any, names: list[tuple[str, str]]) -> Any:
    if is_secret(value):
        return SECRET
    if isinstance(value, Mapping):
        return {inner: _shown(inner, item, names) for inner, item in value.items()}
    if isinstance(value, list):
        return [_shown("", item, names) for item in value]
    if key == "userData":
        return {FILES: [file["path"] for file in yaml.safe_load(value)["write_files"]]}
    if not isinstance(value, str):
        return value
    for text, words in names:
        value = value.replace(text, words)
    return json.loads(value)["Statement"] if value.startswith('{"Version"') else value


def _rule(kind: str, shown: Values) -> str:
    """A rule in one line: ``tcp 6443 from 203.0.113.0/24 into <control-plane>: description``."""
    peer_way, group_way = WAYS[kind]
    known = {"description", "fromPort", "toPort", "ipProtocol", "securityGroupId", "tags"}
    [peer] = [f"{value}" for key, value in shown.items() if key not in known]
    ports = "-".join(str(port) for port in dict.fromkeys([shown.get("fromPort", "all"), shown.get("toPort", "all")]))
    line = f"{shown['ipProtocol']} {ports} {peer_way} {peer} {group_way} {shown['securityGroupId']}"
    tags = "".join(f", {key}={value}" for key, value in shown.get("tags", {}).items())
    return f"{line} ({shown['description']}){tags}"


def _block(value: Values, indent: str) -> Iterator[str]:
    for key, item in value.items():
        line = f"{indent}{_flow({key: item})}"
        if len(line) <= WIDTH or not isinstance(item, dict | list):
            yield line
            continue
        yield f"{indent}{_flow({key: None}).removesuffix(' null')}"
        yield from _block(item, f"{indent}  ") if isinstance(item, dict) else _items(item, f"{indent}  ")


def _items(value: list[Any], indent: str) -> Iterator[str]:
    for item in value:
        line = f"{indent}- {_flow([item])}"
        if len(line) <= WIDTH or not isinstance(item, dict):
            yield line
            continue
        first, *others = _block(item, f"{indent}  ")
        yield f"{indent}- {first.lstrip()}"
        yield from others


def _flow(value: Any) -> str:
    """A mapping or a list as YAML on one line, without its brackets."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return text.strip()[1:-1]
