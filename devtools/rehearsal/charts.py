"""Small charts that replace those of a stack. Each has only a workload of the expected name that becomes ready."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from devtools.toolchain.paths import BIN, binary
from devtools.toolchain.versions import ROLLOUT_CRDS
from switchyard.config.kubernetes import ARGO_ROLLOUTS
from switchyard.config.models.addons import CALICO, Chart

NODE_AGENT = "calico-node"
"""DaemonSet of the pod network. Nodes turn Ready once it exists."""

NOTICE = "switchyard.local/placeholder"
"""Annotation of every object that such a chart installs."""

VALUES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: values}
data:
  values: |
{{ toYaml .Values | indent 4 }}
"""


class NotRehearsableError(Exception):
    """The stack cannot be rehearsed as it is. The text says why, and what to do."""


def write(directory: Path, charts: Mapping[str, Chart]) -> dict[str, Path]:
    """Writes a chart for each, of the same name and version.

    Args:
        directory: directory that receives their folders.
        charts: the charts, under any keys.

    Returns:
        Paths by the same keys.

    Raises:
        NotRehearsableError: a tool that one of them needs is not installed.
    """
    folders = {}
    for key, chart in charts.items():
        name = chart.chart.rstrip("/").rpartition("/")[2]
        folder = directory / name
        (folder / "templates").mkdir(parents=True)
        about = {"apiVersion": "v2", "name": name, "version": chart.version, "description": "a placeholder"}
        (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
        # The pods of the pod network start before there is a pod network.
        early = name == CALICO.chart
        workloads = [_workload("Deployment", name, early=early)]
        if early:
            workloads.append(_workload("DaemonSet", NODE_AGENT, early=True))
        (folder / "templates" / "workloads.yaml").write_text(yaml.safe_dump_all(workloads))
        (folder / "templates" / "values.yaml").write_text(VALUES)
        if name == ARGO_ROLLOUTS:
            _define_rollouts(folder / "crds")
        folders[key] = folder
    return folders


def _define_rollouts(folder: Path) -> None:
    """Adds the real CRDs, which Helm creates before everything else and never deletes."""
    missing = [file for file in ROLLOUT_CRDS if not (BIN / file).exists()]
    if missing or not binary("rollouts-controller").exists():
        raise NotRehearsableError(
            "The stack installs Argo Rollouts, which is missing on this machine. Run: make tools-canary"
        )
    folder.mkdir()
    for file in ROLLOUT_CRDS:
        definition = _without_descriptions(yaml.safe_load((BIN / file).read_text()))
        (folder / file).write_text(yaml.safe_dump(definition))


def _without_descriptions(part: Any) -> Any:
    """Removes descriptions: Helm stores a whole chart in one Secret, which is too small for them."""
    if isinstance(part, list):
        return [_without_descriptions(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _without_descriptions(value)
        for key, value in part.items()
        if not (key == "description" and isinstance(value, str))
    }


def _workload(kind: str, name: str, *, early: bool) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "placeholder",
        "image": "registry.k8s.io/pause:3.10",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod: dict[str, Any] = {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    if early:
        pod |= {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {NOTICE: "in place of the real chart"}},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }
