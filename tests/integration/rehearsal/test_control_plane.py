"""Replacement of the control plane's instance together with its Elastic IP."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.rehearsal.providers import FakeProviders
from devtools.toolchain.paths import PROJECT
from tests.integration.rehearsal.conftest import SmallStack

PROGRAM = Path(__file__).parent / "machines"
MASTER, ADDRESS = "cluster-machines-k8s-master", "cluster-machines-address"


@pytest.fixture
def machines(aws: FakeProviders, tmp_path: Path) -> SmallStack:
    """The half in AWS of `staging`, whose machines are not protected."""
    config: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.staging.yaml").read_text())["config"]
    config["switchyard:cluster"]["machines"]["terminationProtection"] = False
    directory = tmp_path / "stack"
    directory.mkdir()
    stack = SmallStack(directory, config, PROGRAM)
    result = stack.up()
    assert result.ok, result.output
    return stack


def test_a_replaced_control_plane_keeps_its_address(machines: SmallStack, aws: FakeProviders) -> None:
    before = {resource["urn"].rpartition("::")[2]: resource for resource in machines.state()}
    result = machines.up("--target-replace", before[MASTER]["urn"], "--target", before[ADDRESS]["urn"])
    assert result.ok, result.output
    after = {resource["urn"].rpartition("::")[2]: resource for resource in machines.state()}
    assert after[MASTER]["id"] != before[MASTER]["id"]
    assert after[ADDRESS]["outputs"]["instanceId"] == after[MASTER]["id"]
    assert after["cluster-endpoint-address"] == before["cluster-endpoint-address"]
    assert after[MASTER]["id"] in aws.aws.instances()
    assert before[MASTER]["id"] not in aws.aws.instances()
    assert {name for name, resource in after.items() if resource.get("id") != before[name].get("id")} == {
        MASTER,
        ADDRESS,
    }
    assert machines.planned() == {}
