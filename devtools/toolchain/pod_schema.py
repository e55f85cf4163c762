"""Extracts the schema of a pod template, against which the settings check affinity and `podPatch`.

    python -m devtools.toolchain.pod_schema > switchyard/config/pod_schema.jsonl

The result is a copy of a few definitions, because the package with all definitions of Kubernetes has 108 MB, which the
program should not need to refuse a misspelt field.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from devtools.toolchain.versions import KUBERNETES

ROOT = "io.k8s.api.core.v1.PodTemplateSpec"
DROPPED = frozenset(
    {"description", "default", "x-kubernetes-unions", "x-kubernetes-list-type", "x-kubernetes-map-type"}
)
"""Keys of a definition that are not checked."""


def lines() -> Iterator[str]:
    """The definitions that a pod template is made of, one a line, by their short names."""
    minor = KUBERNETES.rpartition(".")[0]
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{minor}.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
    for name in sorted(_reachable(definitions, ROOT, set())):
        yield json.dumps({"name": _short(name), **_stripped(definitions[name])}, sort_keys=True)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _reachable(definitions: dict[str, Any], name: str, seen: set[str]) -> set[str]:
    if name not in seen:
        seen.add(name)
        for other in _references(definitions[name]):
            _reachable(definitions, other, seen)
    return seen


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for below in value.values():
            yield from _references(below)
    elif isinstance(value, list):
        for below in value:
            yield from _references(below)


def _stripped(definition: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in definition.items():
        if key == "$ref":
            kept[key] = _short(value)
        elif key == "properties":
            kept[key] = {name: _stripped(below) for name, below in value.items()}
        elif key not in DROPPED:
            kept[key] = _stripped(value) if isinstance(value, dict) else _each(value)
    return kept


def _each(value: Any) -> Any:
    return [_stripped(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    print(*lines(), sep="\n")
