"""What a run does not need, it does not import: imports are most of the time that a run at one service takes."""

import subprocess
import sys

import pytest

from devtools.toolchain.paths import PROJECT

LOAD = """
from switchyard.config.loader import load

tracks = {"blue": {"tag": "v1", "replicas": 1}, "green": {"tag": "v1", "replicas": 0}}
service = {"strategy": "blueGreen", "image": "ghcr.io/org/backend", "nodePort": 30080, "active": "blue", **tracks}
load({"kind": "existing"}, {"backend": service}, "local")
"""
"""Loads the settings of one service on an existing cluster."""

PREVIEW = """
import ast
from pathlib import Path

program = ast.parse(Path("__main__.py").read_text())
imports = [statement for statement in program.body if isinstance(statement, ast.Import | ast.ImportFrom)]
exec(compile(ast.Module(imports, []), "__main__.py", "exec"))
import components.services.blue_green
"""
"""Imports what the program does, with the strategy of the service."""

STATUS = """
import ast
from pathlib import Path

import switchyard.cli.main
import switchyard.cli.status as command

imports = [part for part in ast.walk(ast.parse(Path(command.__file__).read_text())) if isinstance(part, ast.ImportFrom)]
others = {"switchyard.gates.load_balancer", "switchyard.cli.status_json"}
needed = [part for part in imports if part.module not in others]
exec(compile(ast.Module(needed, []), command.__file__, "exec"))
"""
"""Imports what `switchyard status` does for a table, without what it does for a cluster on EC2."""

EC2 = (
    "boto3",
    "pulumi_aws",
    "switchyard.aws",
    "switchyard.bootstrap",
    "switchyard.config.kinds",
    "switchyard.config.models.ec2",
    "switchyard.config.models.load_balancer",
    "switchyard.config.validation.ec2",
    "switchyard.config.validation.load_balancer",
    "switchyard.gates.load_balancer",
)
"""What only a cluster on EC2 needs."""

COMMAND_LINE_OF_HTTPX = ("click", "httpx._main", "pygments", "rich.progress", "rich.syntax")
DEVELOPMENT = ("devtools", "tests")


@pytest.mark.parametrize(
    ("imports", "needed", "unneeded"),
    [
        pytest.param(
            PREVIEW,
            "components.services.blue_green",
            (
                *EC2,
                *COMMAND_LINE_OF_HTTPX,
                *DEVELOPMENT,
                "components.cluster.ec2",
                "components.cluster.ec2_platform",
                "components.services.argo_blue_green",
                "components.services.canary",
                "pulumi_kubernetes",
                "rich",
                "switchyard.cli",
                "switchyard.gates.argo_blue_green",
                "switchyard.gates.canary",
                "switchyard.release",
            ),
            id="preview",
        ),
        pytest.param(
            STATUS,
            "switchyard.cli.status_table",
            (
                *EC2,
                *COMMAND_LINE_OF_HTTPX,
                *DEVELOPMENT,
                "components",
                "pulumi",
                "switchyard.cli.analysis",
                "switchyard.gates.canary",
                "switchyard.gates.guard",
                "switchyard.release.switch.fast_lane",
                "switchyard.release.watch.verdict",
            ),
            id="status",
        ),
    ],
)
def test_one_service_on_an_existing_cluster_needs_few_modules(
    imports: str, needed: str, unneeded: tuple[str, ...]
) -> None:
    # A module that is None is one that counts as not installed.
    print_modules = "import sys\nprint(*[name for name, module in sys.modules.items() if module is not None])"
    script = f"{imports}\n{LOAD}\n{print_modules}"
    run = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    imported = run.stdout.split()
    assert needed in imported
    below = tuple(f"{name}." for name in unneeded)
    assert [name for name in imported if name in unneeded or name.startswith(below)] == []


@pytest.mark.parametrize("imports", [PREVIEW, STATUS], ids=["preview", "status"])
def test_no_validator_of_a_model_is_built_before_a_value_is_validated(imports: str) -> None:
    models = """
from pydantic import BaseModel

def below(model):
    for child in model.__subclasses__():
        yield child
        yield from below(child)

models = [model for model in below(BaseModel) if model.__module__.startswith("switchyard.")]
print(len(models), *[model.__name__ for model in models if model.__pydantic_complete__])
"""
    run = subprocess.run(
        [sys.executable, "-c", f"{imports}\nimport switchyard.kube.kubeconfig.file\n{models}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    count, *built = run.stdout.split()
    assert int(count) > 50
    assert built == []


def test_pydantic_searches_for_no_plugins() -> None:
    search = """
import importlib.metadata
from unittest.mock import Mock

importlib.metadata.entry_points = Mock(return_value=())
"""
    script = f"{search}\n{LOAD}\nprint(importlib.metadata.entry_points.call_count)"
    run = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0"]
