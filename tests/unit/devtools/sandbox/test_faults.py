"""Every fault of the sandbox is described, is simulated by all pods or nodes that can, and has a test."""

import ast
import re
from typing import Any

import pytest

from devtools.sandbox import faults, stages, tags
from devtools.toolchain.paths import PROJECT

SOURCE = ast.parse((PROJECT / "devtools" / "sandbox" / "faults.py").read_text())
TEXTS = {name: value for name, value in vars(faults).items() if name.isupper() and isinstance(value, str)}
SUFFIXES = {name: value for name, value in TEXTS.items() if value.startswith("-")}
NODE_FAULTS = {name: value for name, value in TEXTS.items() if name.startswith("NODE_") and name != "NODE_FAULT_LABEL"}
INTEGRATION = [path.read_text() for path in (PROJECT / "tests" / "integration").rglob("*.py")]
SUPPORT = {name for text in INTEGRATION for name in re.findall(r"from tests\.support\.(\w+) import", text)}
TESTS = INTEGRATION + [(PROJECT / "tests" / "support" / f"{name}.py").read_text() for name in SUPPORT]
"""Integration tests, and what they use of tests/support."""


def matched(stage: dict[str, Any], value: str) -> list[str]:
    """What a stage asks of an object for which it wants this value."""
    expressions = stage["spec"]["selector"]["matchExpressions"]
    return [expression["key"] for expression in expressions if value in expression.get("values", ())]


def test_every_text_is_a_suffix_of_a_tag_or_a_value_of_the_nodes_label() -> None:
    assert len(SUFFIXES) > 3
    assert len(NODE_FAULTS) > 0
    assert TEXTS.keys() - SUFFIXES.keys() - NODE_FAULTS.keys() == {"NODE_FAULT_LABEL"}


@pytest.mark.parametrize("name", SUFFIXES)
def test_real_pods_have_every_fault(name: str) -> None:
    assert tags.FAULTS.get(SUFFIXES[name]), f"add {name} to FAULTS of devtools/sandbox/tags.py"


@pytest.mark.parametrize("variable", sorted({name for environment in tags.FAULTS.values() for name in environment}))
def test_the_example_application_reads_the_variable_of_a_fault(variable: str) -> None:
    application = ast.parse((PROJECT / "examples" / "backend" / "settings.py").read_text())
    [settings] = [node for node in application.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    read = {ast.unparse(node.target).upper() for node in settings.body if isinstance(node, ast.AnnAssign)}
    assert variable in read, "add a field to Settings of examples/backend/settings.py"


@pytest.mark.parametrize("name", [name for name, value in SUFFIXES.items() if value not in faults.ON_REAL_NODES_ONLY])
def test_simulated_pods_have_the_fault(name: str) -> None:
    simulating = [
        stage
        for stage in stages.stages()
        if any(re.search(rf"{SUFFIXES[name]}[|)]", str(key)) for key in matched(stage, "true"))
    ]
    assert simulating, f"add a stage with {name} to devtools/sandbox/stages.py, or the fault to ON_REAL_NODES_ONLY"


SIMULATED_INSTEAD_OF_READY = [
    (stage["metadata"]["name"], suffix)
    for stage in stages.stages()
    for suffix in SUFFIXES.values()
    if stages.PENDING in stage["spec"]["selector"]["matchExpressions"]
    and any(re.search(rf"{suffix}[|)]", str(key)) for key in matched(stage, "true"))
]


@pytest.mark.parametrize(("stage", "suffix"), SIMULATED_INSTEAD_OF_READY)
def test_a_pod_with_another_stage_while_it_is_pending_does_not_become_ready_as_others_do(
    stage: str, suffix: str
) -> None:
    [ready] = [entry for entry in stages.stages() if entry["metadata"]["name"] == "pod-ready"]
    excluded = [key for key in matched(ready, "false") if re.search(rf"{suffix}[|)]", str(key))]
    assert excluded, f"exclude {suffix} from stage pod-ready of devtools/sandbox/stages.py, as {stage} simulates it"


@pytest.mark.parametrize("name", NODE_FAULTS)
def test_simulated_nodes_have_the_fault(name: str) -> None:
    kinds = {stage["spec"]["resourceRef"]["kind"] for stage in stages.stages() if matched(stage, NODE_FAULTS[name])}
    assert kinds == {"Node"}, f"add a stage with {name} to devtools/sandbox/stages.py"


@pytest.mark.parametrize("name", TEXTS)
def test_a_fault_says_what_pods_or_nodes_do(name: str) -> None:
    following = {
        ast.unparse(node.targets[0]): after
        for node, after in zip(SOURCE.body, SOURCE.body[1:], strict=False)
        if isinstance(node, ast.Assign)
    }
    docstring = following.get(name)
    assert isinstance(docstring, ast.Expr), f"{name} of devtools/sandbox/faults.py needs a docstring"
    assert ast.literal_eval(docstring.value).endswith(".")


@pytest.mark.parametrize("name", TEXTS)
def test_a_fault_has_an_integration_test(name: str) -> None:
    mentions = re.compile(rf"^(?!from |import |    \w+,$).*(\b{name}\b|{re.escape(TEXTS[name])}\")", re.MULTILINE)
    assert any(mentions.search(text) for text in TESTS), f"no test in tests/integration has {name}"
