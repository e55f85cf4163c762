"""The differences between two pod templates, field by field and without secret values: pure functions."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEYS = ("name", "mountPath", "containerPort", "topologyKey", "key")
"""Fields that identify the entries of a list. A list without such a field is compared as a whole."""

SHOWN = re.compile(
    r"^(?:"
    r"(?:initContainers|containers)\[[^]]*\]\.(?:image|imagePullPolicy|resources(?:\..*)?|restartPolicy"
    r"|ports\[.*"
    r"|(?:liveness|readiness|startup)Probe\.(?:\w+Seconds|\w+Threshold|(?:httpGet|tcpSocket|grpc)\.(?:port|scheme))"
    r"|lifecycle\.preStop\.sleep\.seconds"
    r"|securityContext\.\w+"
    r")"
    r"|serviceAccountName|nodeSelector\..*|priorityClassName|terminationGracePeriodSeconds|automountServiceAccountToken"
    r"|securityContext\.\w+"
    r"|labels\..*"
    r")$"
)
"""Fields whose values are shown. Every other is named only: environment, commands, arguments, headers, paths with their
queries, annotations and volumes may hold secrets."""

PART = re.compile(
    r"^(?:(?:initContainers|containers)\[[^]]*\]\.)?(?P<kind>env|envFrom|volumeMounts|volumes|annotations)"
    r"(?:\[(?P<name>[^]]*)\]|\.(?P<key>[^\[]*)|$)"
)
"""Fields whose entries have names, which distinguish them."""

MOST = 12
"""Number of differences that a message lists."""

ABSENT = object()
"""Value of a field that one of the two templates does not have."""


@dataclass(frozen=True)
class Difference:
    """One field that differs.

    Attributes:
        path: path of the field in the template, for example ``spec.containers[app].image``.
        before: its value in the first template; `ABSENT` where the template does not have it.
        after: its value in the second template.
        keys: path of the field in the notation of managed fields, below the template.
    """

    path: str
    before: Any
    after: Any
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        path = re.sub(r"^(?:spec|metadata)\.", "", self.path)
        if part := PART.match(path):  # the content of these is not shown
            inside = path[part.end() :]
            kind, name = part["kind"], part["name"] or part["key"] or ""
            entry = f"{_of_container(path[: part.start('kind')])}{kind} {name}".rstrip()
            return f"{entry} {'changed' if inside else self._verb}"
        if SHOWN.match(path):
            return f"{_of_container(path)} {_shown(self.before)} => {_shown(self.after)}"
        return f"{_of_container(path).removesuffix(': ')} {self._verb}"

    @property
    def _verb(self) -> str:
        if self.before is ABSENT:
            return "added"
        return "removed" if self.after is ABSENT else "changed"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The fields in which two pod templates differ, each once."""
    return list(_differences(before, after, "", ()))


def listed(changes: Sequence[object]) -> str:
    """The differences for a message, no more than `MOST` of them."""
    texts = list(dict.fromkeys(str(change) for change in changes))
    more = f", and {len(texts) - MOST} more" if len(texts) > MOST else ""
    return ", ".join(texts[:MOST]) + more


def managers(deployment: Mapping[str, Any], keys: Sequence[str]) -> frozenset[str]:
    """The field managers that own a field of a Deployment's pod template, or a part of it."""
    path = ("f:spec", "f:template", *keys)
    owners: dict[int, set[str]] = {}
    for entry in deployment.get("metadata", {}).get("managedFields", ()):
        fields, depth = entry.get("fieldsV1", {}), 0
        for key in path:
            if key not in fields:
                break
            fields, depth = fields[key], depth + 1
        # Whoever owns a field without the ones below it owns all of it, as an atomic list.
        if depth == len(path) or not fields:
            owners.setdefault(depth, set()).add(entry["manager"])
    return frozenset(owners[max(owners)]) if owners else frozenset()


def _differences(before: Any, after: Any, path: str, keys: tuple[str, ...]) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            below = f"{path}.{key}" if path else str(key)
            yield from _differences(before.get(key, ABSENT), after.get(key, ABSENT), below, (*keys, f"f:{key}"))
        return
    if isinstance(before, list) and isinstance(after, list) and (key := _key(before, after)):
        old, new = ({entry[key]: entry for entry in entries} for entries in (before, after))
        for name in dict.fromkeys([*old, *new]):
            own = _entry_key(key, old.get(name) or new[name])
            yield from _differences(old.get(name, ABSENT), new.get(name, ABSENT), f"{path}[{name}]", (*keys, own))
        return
    yield Difference(path, before, after, keys)


def _entry_key(key: str, entry: Mapping[str, Any]) -> str:
    # Ports are distinguished by number and protocol in the API server's record, everything else by one field.
    if "containerPort" in entry:
        return f'k:{{"containerPort":{entry["containerPort"]},"protocol":"{entry.get("protocol", "TCP")}"}}'
    key = "mountPath" if "mountPath" in entry else key
    value = entry[key]
    return f'k:{{"{key}":{value}}}' if isinstance(value, int) else f'k:{{"{key}":"{value}"}}'


def _key(before: Collection[Any], after: Collection[Any]) -> str | None:
    entries = [*before, *after]
    for key in KEYS:
        if all(isinstance(entry, Mapping) and key in entry for entry in entries) and all(
            len({entry[key] for entry in side}) == len(side) for side in (before, after)
        ):
            return key
    return None


def _of_container(path: str) -> str:
    return re.sub(r"^(?:containers|initContainers)\[([^]]*)\]\.?", r"container \1: ", path)


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "(none)"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    return str(value)
