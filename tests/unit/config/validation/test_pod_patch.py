"""Refused changes of a pod patch, reported by path, value and rule."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.manifests.blue_green import deployment
from tests.support.configuration import BACKEND, error_lines

EXEC = {"exec": {"command": ["/bin/warm"]}}


@pytest.mark.parametrize(
    ("patch", "line"),
    [
        (
            {"spec": {"nodeNme": "x"}},
            "podPatch.spec.nodeNme: (not shown): is no field that Kubernetes has there; did you",
        ),
        (
            {"spec": {"containers": [{"image": "x"}]}},
            "podPatch.spec.containers.0.name: (not shown): is missing; items of",
        ),
        ({"spec": {"containers": {"app": {}}}}, "podPatch.spec.containers: (not shown): must be a list"),
        ({"spec": {"priority": "high"}}, "podPatch.spec.priority: (not shown): must be an integer"),
        (
            {"spec": {"containers": [{"name": "app", "$patch": "replace"}]}},
            "podPatch.spec.containers.0.$patch: (not shown)",
        ),
        (
            {"spec": {"volumes": [{"name": "x", "configMap": {"items": [{"key": "k"}]}}]}},
            "path: (not shown): is missing",
        ),
        (
            {"spec": {"containers": [{"name": "ap", "tty": True}]}},
            "containers.0.name: 'ap': is none of the pod's",
        ),
        ({"metadata": {"labels": {"app": "x"}}}, "podPatch.metadata.labels.app: 'x': is reserved"),
        ({"metadata": {"labels": {"version": None}}}, "podPatch.metadata.labels.version: None: is reserved"),
        ({"metadata": {"labels": None}}, "podPatch.metadata.labels: null: pods are found by them"),
        ({"metadata": {"annotations": {"switchyard/content-hash": "x"}}}, "content-hash: 'x': is reserved"),
        (
            {"metadata": {"name": "x"}},
            "podPatch.metadata.name: 'x': of the metadata of pods, only labels and annotations",
        ),
        ({"spec": None}, "podPatch.spec: null: a patch changes the pod template"),
        ({"spec": {"nodeName": "x"}}, "podPatch.spec.nodeName: 'x': it takes the choice of a node from the scheduler"),
        ({"spec": {"hostNetwork": True}}, "podPatch.spec.hostNetwork: True: pods of a service do not share the node's"),
        ({"spec": {"hostPID": True}}, "podPatch.spec.hostPID: True: pods of a service do not share"),
        ({"spec": {"restartPolicy": "Never"}}, "podPatch.spec.restartPolicy: 'Never': the pods of a Deployment"),
        ({"spec": {"activeDeadlineSeconds": 5}}, "podPatch.spec.activeDeadlineSeconds: 5: it ends pods that serve"),
        (
            {"spec": {"terminationGracePeriodSeconds": 1}},
            "terminationGracePeriodSeconds: 1: the settings have a key for it",
        ),
        ({"spec": {"nodeSelector": {}}}, "podPatch.spec.nodeSelector: a mapping: the settings have a key for it"),
        ({"spec": {"containers": None}}, "podPatch.spec.containers: null: pods need it"),
        ({"spec": {"containers": [{"name": "app", "$patch": "delete"}]}}, "the application's container stays"),
        ({"spec": {"containers": [{"name": "app", "image": "x"}]}}, "containers.0.image: 'x': it is the version"),
        (
            {"spec": {"containers": [{"name": "app", "readinessProbe": None}]}},
            "readinessProbe: None: a version gets traffic",
        ),
        (
            {"spec": {"containers": [{"name": "app", "ports": [{"containerPort": 8000, "$patch": "delete"}]}]}},
            "podPatch.spec.containers.0.ports: a list: the settings have a key for it",
        ),
        (
            {"spec": {"containers": [{"name": "app", "lifecycle": None}]}},
            "lifecycle: None: pods continue to answer until",
        ),
        (
            {"spec": {"containers": [{"name": "app", "lifecycle": {"postStart": EXEC, "preStop": EXEC}}]}},
            "lifecycle: a mapping: pods continue to answer until",
        ),
        (
            {"spec": {"containers": [{"name": "app", "env": [{"name": "VERSION", "value": "x"}]}]}},
            "env.0: (not shown): VERSION is set to the colour",
        ),
        (
            {"spec": {"containers": [{"name": "app", "command": ["sh", None]}]}},
            "podPatch.spec.containers.0.command.1: (not shown): has no value",
        ),
        (
            {"spec": {"initContainers": [{"name": "app"}]}},
            "initContainers.0.name: 'app': is the name of the application's",
        ),
    ],
)
def test_a_patch_that_breaks_what_the_gates_rely_on_is_refused(patch: dict[str, Any], line: str) -> None:
    lines = error_lines({"backend": BACKEND | {"podPatch": patch}})
    assert any(line in problem for problem in lines), lines
    assert all(problem.startswith("switchyard:services.backend.podPatch") for problem in lines)


def test_a_command_after_the_start_is_added_to_the_wait_before_the_end() -> None:
    patch = {"spec": {"containers": [{"name": "app", "lifecycle": {"postStart": EXEC}}]}}
    service = BlueGreenSettings.model_validate(BACKEND | {"podPatch": patch})
    template = deployment("backend", Colour.BLUE, service)["spec"]["template"]
    [container] = template["spec"]["containers"]
    assert container["lifecycle"] == {"postStart": EXEC, "preStop": {"sleep": {"seconds": 35}}}
