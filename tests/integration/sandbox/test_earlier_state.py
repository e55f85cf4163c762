"""Stack `local` as an earlier version of this program left it, under the program of today."""

from pathlib import Path

import yaml

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.toolchain.paths import PROJECT
from tests.support.earlier_state import (
    NEW_RESOURCES,
    create_objects,
    earlier_state,
    import_state,
    marks_of,
    resources,
    steps,
)
from tests.support.kubectl import Kubectl


def test_a_preview_over_the_state_of_an_earlier_version_adds_marks_and_changes_nothing_else(
    sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path
) -> None:
    state = earlier_state("local", kubeconfig=str(sandbox.kubeconfig), namespace=kubectl.namespace)
    create_objects(kubectl, state)
    config = yaml.safe_load((PROJECT / "Pulumi.local.yaml").read_text())["config"]
    config["switchyard:cluster"]["kubeconfig"] = str(sandbox.kubeconfig)
    config["switchyard:services"]["backend"]["namespace"] = kubectl.namespace
    stack = Stack(tmp_path, config, name="local")
    import_state(stack, state)
    planned = steps(stack)
    kept = {one["urn"] for one in resources(state)}
    assert {urn.split("::", 2)[2] for urn in planned.keys() - kept} == NEW_RESOURCES
    assert {urn: planned[urn]["op"] for urn in planned.keys() - kept} == dict.fromkeys(planned.keys() - kept, "create")
    for resource in resources(state):
        step = planned.get(resource["urn"], {"op": "same"})
        marks = marks_of(resource)
        assert step["op"] == ("update" if marks else "same"), step
        if marks:
            changed = {path: change["kind"] for path, change in step["detailedDiff"].items()}
            assert changed == {f"metadata.annotations.{mark}": "add" for mark in marks}, resource["urn"]
