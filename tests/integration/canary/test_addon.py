"""Argo Rollouts installed by the stack, from a chart in a directory that stands for the published one.

It has the real CustomResourceDefinitions and no controller: that runs beside the API server, as everywhere here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import controller
from devtools.toolchain.paths import BIN
from devtools.toolchain.versions import ROLLOUT_CRDS
from tests.support.kubectl import Kubectl

KEEP = {"helm.sh/resource-policy": "keep"}
"""The annotation of the published chart on its CRDs with `keepCRDs`."""


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox without Argo Rollouts."""
    own = Sandbox(f"{sandbox.name}-addon")
    own.up()
    yield own
    own.down()


@pytest.fixture
def controlled(sandbox: Sandbox) -> Sandbox:
    """The sandbox without CRDs and controller."""
    return sandbox


def without_descriptions(part: Any) -> Any:
    """Removes descriptions: Helm stores a whole chart in one Secret, which is too small for them."""
    if isinstance(part, list):
        return [without_descriptions(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: without_descriptions(value)
        for key, value in part.items()
        if not (key == "description" and isinstance(value, str))
    }


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with the CRDs, and with its values in a ConfigMap."""
    folder = tmp_path / "argo-rollouts"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: argo-rollouts\nversion: 1.2.3\n")
    values = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata:\n  values: {{ toJson .Values | quote }}\n"
    )
    (folder / "templates" / "values.yaml").write_text(values)
    for file in ROLLOUT_CRDS:
        definition = without_descriptions(yaml.safe_load((BIN / file).read_text()))
        definition["metadata"].setdefault("annotations", {}).update(KEEP)
        text = yaml.safe_dump(definition)
        assert "{{" not in text
        (folder / "templates" / file).write_text(f"{{{{ if .Values.installCRDs }}}}\n{text}{{{{ end }}}}\n")
    return folder


def test_a_stack_installs_argo_rollouts_before_its_services_and_leaves_the_crds(
    canary: Stack, kubectl: Kubectl, sandbox: Sandbox, chart: Path, tmp_path: Path
) -> None:
    canary.set("cluster.argoRollouts", {"version": "1.2.3", "chart": str(chart)})
    preview = canary.planned()
    assert preview["argo-rollouts-release"] == "create"
    assert preview["backend-rollout"] == "create"
    update = canary.start("up", "--yes", "--skip-preview")
    kubectl.wait("create", "crd/rollouts.argoproj.io", seconds=60)
    with controller(sandbox, tmp_path / "log"):
        output, _ = update.communicate()
        assert update.returncode == 0, output
        assert kubectl.serving() == "rollout"
        assert canary.planned() == {}
    cluster = Kubectl(sandbox.kubeconfig, "argo-rollouts")
    values = yaml.safe_load(cluster.get("configmap", "values")["data"]["values"])
    assert (values["installCRDs"], values["keepCRDs"]) == (True, True)
    chart_settings = canary.config["config"]["switchyard:cluster"]["argoRollouts"]
    expect_kept_under_a_rollout(canary, cluster)
    canary.set("cluster.argoRollouts", chart_settings)
    assert canary.planned() == {}
    result = canary.run("destroy", "--yes")
    assert result.ok, result.output
    kept = {definition["metadata"]["name"] for definition in kubectl.get("crd")}
    assert "rollouts.argoproj.io" in kept
    assert cluster.run("get", "configmap", "values", "--ignore-not-found") == ""


def expect_kept_under_a_rollout(canary: Stack, cluster: Kubectl) -> None:
    """Without the chart in the settings, neither a preview nor an update deletes the release under a Rollout."""
    canary.set("cluster.argoRollouts", None)
    refusal = "deleting Helm release argo-rollouts is refused (SY-D019): Rollout/backend"
    for result in (canary.preview(), canary.up()):
        assert not result.ok
        assert refusal in result.output
        assert cluster.get("configmap", "values")


def test_a_chart_that_is_retained_outlives_its_stack(stack: Stack, sandbox: Sandbox, chart: Path) -> None:
    settings = {"version": "1.2.3", "chart": str(chart)}
    stack.set("cluster.argoRollouts", settings)
    stack.set("services", {})
    assert stack.up().ok
    stack.set("cluster.argoRollouts", settings | {"retainOnDelete": True})
    assert stack.up().ok
    stack.set("cluster.argoRollouts", None)
    result = stack.up()
    assert result.ok, result.output
    assert stack.planned() == {}
    assert Kubectl(sandbox.kubeconfig, "argo-rollouts").get("configmap", "values")
