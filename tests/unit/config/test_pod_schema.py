"""The schema that settings check against: a copy of the pinned Kubernetes', and merges as Kubernetes makes them."""

from typing import Any

import pytest

from devtools.toolchain.pod_schema import lines
from switchyard.config.pod_schema import SCHEMA, merged, violations


def test_the_schema_copy_is_of_the_pinned_kubernetes() -> None:
    wanted = "".join(f"{line}\n" for line in lines())
    assert SCHEMA.read_text() == wanted, (
        "run: python -m devtools.toolchain.pod_schema > switchyard/config/pod_schema.jsonl"
    )


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({}, {"spec": {"hostname": "a"}}, {"spec": {"hostname": "a"}}),
        ({"spec": {"hostname": "a"}}, {"spec": {"hostname": None}}, {"spec": {}}),
        # Of one name: field by field. Of another: behind the others.
        (
            {"spec": {"containers": [{"name": "a", "image": "x", "tty": True}, {"name": "b"}]}},
            {"spec": {"containers": [{"name": "a", "image": "y"}, {"name": "c"}]}},
            {"spec": {"containers": [{"name": "a", "image": "y", "tty": True}, {"name": "b"}, {"name": "c"}]}},
        ),
        (
            {"spec": {"volumes": [{"name": "a"}, {"name": "b"}]}},
            {"spec": {"volumes": [{"name": "a", "$patch": "delete"}]}},
            {"spec": {"volumes": [{"name": "b"}]}},
        ),
        # Ports by number, mounts by path, and lists without a key as a whole.
        (
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1}], "args": ["x"]}]}},
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "p"}], "args": ["y"]}]}},
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "p"}], "args": ["y"]}]}},
        ),
        (
            {"spec": {"tolerations": [{"key": "a"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
        ),
        (
            {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}},
            {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": None, "x/y": 1}}}]}},
            {"spec": {"containers": [{"name": "a", "resources": {"limits": {"x/y": 1}}}]}},
        ),
        (
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"b": "2"}}},
            {"metadata": {"labels": {"a": "1", "b": "2"}}},
        ),
    ],
)
def test_a_patch_is_a_strategic_merge(base: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    before = repr(base)
    assert list(violations(patch, "PodTemplateSpec", patch=True)) == []
    assert merged(base, patch) == result
    assert repr(base) == before


@pytest.mark.parametrize(
    ("value", "definition", "expected"),
    [
        ({"podAffinity": {}}, "Affinity", []),
        ({"podAffinity": []}, "Affinity", [("podAffinity", "must be a mapping")]),
        ({"weight": True, "preference": {}}, "PreferredSchedulingTerm", [("weight", "must be an integer")]),
        ({"weight": 1.5, "preference": {}}, "PreferredSchedulingTerm", [("weight", "must be an integer")]),
        ({"preference": {}}, "PreferredSchedulingTerm", [("weight", "is missing, and Kubernetes needs it")]),
        ({"port": 1}, "HTTPGetAction", []),
        ({"port": "http"}, "HTTPGetAction", []),
        ({"port": 1.5}, "HTTPGetAction", [("port", "must be text or an integer")]),
    ],
)
def test_a_violation_is_reported_by_path_and_rule(value: Any, definition: str, expected: list[tuple[str, str]]) -> None:
    assert list(violations(value, definition)) == expected
