"""Tables of the rehearsal that somebody who adds a chart or a resource could forget."""

import ast
import inspect
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pulumi
import pulumi_aws
import pulumi_tls
import pytest
from pydantic.alias_generators import to_camel

from devtools.rehearsal import plan
from devtools.rehearsal.aws.registry import RESOURCE_TYPES
from devtools.rehearsal.configuration import CHARTS
from devtools.rehearsal.tls.provider import KEY, REQUEST, SELF_SIGNED, SIGNED
from devtools.toolchain.paths import PROJECT
from switchyard.config.models.ec2 import Ec2Cluster
from tests.support.charts import chart_fields

SDKS = {"aws": pulumi_aws, "tls": pulumi_tls}
FAKED = {"aws": set(RESOURCE_TYPES), "tls": {KEY, REQUEST, SELF_SIGNED, SIGNED}}


def test_every_chart_of_the_settings_has_its_entry_in_the_rehearsal() -> None:
    charts = set(map(to_camel, chart_fields(Ec2Cluster)))
    assert charts == CHARTS.keys(), "add the chart to CHARTS of devtools/rehearsal/configuration.py"


@pytest.mark.parametrize("sdk", SDKS)
def test_every_type_that_the_program_registers_has_its_row_in_the_rehearsal_and_in_the_plan(sdk: str) -> None:
    registered = {token for file in (PROJECT / "components").rglob("*.py") for token in tokens(file, sdk)}
    assert len(registered) > 3, "the program registers its resources in another way than this test knows"
    assert registered - FAKED[sdk] == set(), f"add a file to devtools/rehearsal/{sdk}/"
    assert registered - plan.TYPES.keys() == set(), "add Terraform's name of the type to TYPES of rehearsal/plan.py"


def tokens(file: Path, sdk: str) -> Iterator[str]:
    """Type tokens of the classes of an SDK that a module names, for example in ``aws.ec2.Vpc(...)``."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Attribute):
            continue
        name = ast.unparse(node)
        if not name.startswith(f"{sdk}."):
            continue
        try:
            candidate = reduce(getattr, name.split(".")[1:], SDKS[sdk])
        except AttributeError:
            continue  # an attribute of something else that has the name of the SDK
        provider = inspect.isclass(candidate) and issubclass(candidate, pulumi.ProviderResource)
        if inspect.isclass(candidate) and issubclass(candidate, pulumi.CustomResource) and not provider:
            yield str(candidate.pulumi_type)
