"""The differences between two pod templates are listed, without secrets."""

import copy
from typing import Any

import pytest

from switchyard.kube.differences import MOST, differences, listed, managers
from switchyard.kube.objects import pods_change

SECRET = "hunter2"

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "backend"}, "annotations": {"note": "one"}},
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "org/backend:v1",
                "args": ["serve"],
                "env": [{"name": "VERSION", "value": "blue"}, {"name": "TOKEN", "value": SECRET}],
                "ports": [{"name": "http", "containerPort": 8000, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}},
                "readinessProbe": {
                    "httpGet": {"path": "/ready", "port": "http", "httpHeaders": [{"name": "X", "value": SECRET}]},
                    "periodSeconds": 5,
                },
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "tmp", "mountPath": "/run"}],  # noqa: S108
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}


def changed(path: str, value: Any) -> list[str]:
    """The differences after one field was set, or removed with None."""
    after = copy.deepcopy(TEMPLATE)
    *above, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    node: Any = after
    for key in above:
        node = node[key]
    if value is None:
        del node[last]
    elif last == "+":
        node.append(value)
    else:
        node[last] = value
    return [str(difference) for difference in differences(TEMPLATE, after)]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("spec/containers/0/image", "org/backend:v2", "container app: image org/backend:v1 => org/backend:v2"),
        ("spec/containers/0/resources/limits/cpu", "1", "container app: resources.limits.cpu 500m => 1"),
        ("spec/containers/0/resources/limits/cpu", None, "container app: resources.limits.cpu 500m => (none)"),
        ("spec/containers/0/env/1/value", f"{SECRET}!", "container app: env TOKEN changed"),
        ("spec/containers/0/env/1", None, "container app: env TOKEN removed"),
        ("spec/containers/0/env/+", {"name": "NEW", "value": SECRET}, "container app: env NEW added"),
        ("spec/containers/0/env", None, "container app: env removed"),
        ("spec/containers/0/args", ["serve", f"--password={SECRET}"], "container app: args changed"),
        ("spec/containers/0/command", [SECRET], "container app: command added"),
        ("spec/containers/0/readinessProbe/periodSeconds", 9, "container app: readinessProbe.periodSeconds 5 => 9"),
        (
            "spec/containers/0/readinessProbe/httpGet/path",
            f"/ready?token={SECRET}",
            "container app: readinessProbe.httpGet.path changed",
        ),
        (
            "spec/containers/0/readinessProbe/httpGet/httpHeaders/0/value",
            f"{SECRET}!",
            "container app: readinessProbe.httpGet.httpHeaders[X].value changed",
        ),
        ("spec/containers/0/ports/0/containerPort", 9000, "container app: ports[http].containerPort 8000 => 9000"),
        ("spec/containers/0/volumeMounts/1/mountPath", "/var", "container app: volumeMounts /run removed"),
        ("metadata/annotations/note", SECRET, "annotations note changed"),
        ("metadata/annotations/a.b~c", SECRET, "annotations a.b~c added"),
        ("metadata/annotations", None, "annotations removed"),
        ("metadata/labels/tier", "web", "labels.tier (none) => web"),
        ("spec/volumes/0/emptyDir", {"medium": "Memory"}, "volumes tmp changed"),
        ("spec/volumes/+", {"name": "x", "secret": {"secretName": "x"}}, "volumes x added"),
        ("spec/containers/+", {"name": "proxy", "image": "proxy:v1"}, "container proxy added"),
        ("spec/serviceAccountName", "other", "serviceAccountName (none) => other"),
        ("spec/hostNetwork", True, "hostNetwork added"),
    ],
)
def test_a_field_that_differs_is_reported_without_a_secret(path: str, value: Any, told: str) -> None:
    lines = changed(path, value)
    assert told in lines
    assert SECRET not in " ".join(lines)


def test_equal_templates_differ_in_nothing() -> None:
    assert differences(TEMPLATE, copy.deepcopy(TEMPLATE)) == []


def test_a_list_of_differences_is_limited() -> None:
    text = listed([f"env A{number} changed" for number in range(MOST + 3)])
    assert text.endswith("and 3 more")
    assert text.count("changed") == MOST


def live(image: str, manager: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}}}
    }
    return {
        "metadata": {"managedFields": [{"manager": manager, "fieldsV1": fields}]},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
    }


def test_the_manager_of_a_field_that_a_change_overwrites_is_named() -> None:
    by_hand = pods_change(live("a:9", "kubectl-set"), live("a:1", "switchyard"))
    assert by_hand.fields == ("container app: image a:9 => a:1 (set by kubectl-set)",)
    ours = pods_change(live("a:9", "switchyard"), live("a:1", "switchyard"))
    assert ours.fields == ("container app: image a:9 => a:1",)


def test_changes_by_admission_are_reported_as_such() -> None:
    sent, after = live("a:1", "switchyard"), live("mirror/a:1", "switchyard")
    change = pods_change(live("a:1", "switchyard"), after, sent)
    assert change.fields == ("container app: image a:1 => mirror/a:1 (rewritten by the cluster's admission)",)


def test_the_owner_of_a_list_owns_its_entries() -> None:
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:args": {}}}}}}
    }
    deployment = {"metadata": {"managedFields": [{"manager": "somebody", "fieldsV1": fields}]}}
    assert managers(deployment, ("f:spec", "f:containers", 'k:{"name":"app"}', "f:args", "f:0")) == {"somebody"}
    assert managers(deployment, ("f:spec", "f:volumes")) == frozenset()
    assert managers({"metadata": {}}, ("f:spec",)) == frozenset()
