"""Stack `local` as an earlier version of this program left it, under the current program."""

from pathlib import Path

import yaml

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.toolchain.paths import PROJECT
from tests.support.earlier_state import create_objects, earlier_state, expect_known_changes_alone, import_state, steps
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
    expect_known_changes_alone(state, steps(stack))
