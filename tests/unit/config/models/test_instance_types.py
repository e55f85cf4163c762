"""The table of instance types against EC2's own answer, as moto has a copy of it."""

import gzip
import importlib.resources
import json
from typing import Any

import pytest

from switchyard.config.models.instance_types import architecture, instance_types
from switchyard.config.models.machine_types import MACHINES, MachineType
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings, kubelet_labels
from tests.support.configuration import BACKEND, error_lines, read

NODE: dict[str, Any] = {"zone": "ap-northeast-2a", "diskGb": 40, "workload": "application"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """What DescribeInstanceTypes answers, by type."""
    packed = importlib.resources.files("moto.ec2.resources").joinpath("instance_types.json.gz").read_bytes()
    types: dict[str, Any] = json.loads(gzip.decompress(packed))
    return types


def test_every_known_type_has_ec2s_figures(described: dict[str, Any]) -> None:
    ec2 = {name: (row["VCpuInfo"]["DefaultVCpus"], row["MemoryInfo"]["SizeInMiB"]) for name, row in described.items()}
    assert {name: (vcpu, memory) for name, vcpu, memory in instance_types()} == {name: ec2[name] for name in MACHINES}
    assert all(described[name]["Hypervisor"] == "nitro" for name in MACHINES)


def test_architecture_follows_from_the_name_of_every_type(described: dict[str, Any]) -> None:
    arm = {name for name, row in described.items() if "arm64" in row["ProcessorInfo"]["SupportedArchitectures"]}
    assert {name for name in described if architecture(name) == "arm64"} == arm


def test_credits_are_for_burstable_types(described: dict[str, Any]) -> None:
    burstable = {name for name, machine in MACHINES.items() if machine.burstable}
    assert burstable == {name for name in MACHINES if described[name]["BurstablePerformanceSupported"]}
    assert not MachineType("trn1.2xlarge", 8, 32768).burstable


def test_ebs_optimization_is_asked_for_where_ec2_has_it(described: dict[str, Any]) -> None:
    # Families that have it in some of their sizes alone are earlier generations, which do without.
    without = {name for name, row in described.items() if row["EbsInfo"]["EbsOptimizedSupport"] != "default"}
    assert {name for name in described if not MachineType(name, 2, 4096).ebs_optimized} == without
    assert not MachineType("t2.medium", 2, 4096).ebs_optimized


def test_every_known_type_leaves_room_for_pods() -> None:
    assert all(machine.allocatable_memory_mib > 0 and machine.allocatable_cpu_m > 0 for machine in MACHINES.values())


def test_any_type_with_given_figures_is_taken() -> None:
    node = {"type": "i4i.xlarge", "vcpu": 4, "memoryGb": 32} | NODE
    nodes = read({"backend": BACKEND}, {"kind": "existing", "nodes": {"one": node}}).cluster.nodes
    assert (nodes["one"].machine.vcpu, nodes["one"].machine.memory_mib) == (4, 32768)
    assert nodes["one"].machine.allocatable_cpu_m == 3880


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"type": "i4i.xlarge"}, "type: 'i4i.xlarge': unknown instance type; known are the usual sizes of t3,"),
        ({"type": "i4i.xlarge"}, "For another one set vcpu and memoryGb of the node as well"),
        ({"type": "i4i.xlarge", "vcpu": 4}, "For another one set memoryGb of the node as well"),
        ({"type": "t3.medium", "vcpu": 4}, "type: 't3.medium': has 2 vCPU and 4 GiB"),
        ({"type": "t3.medium", "memoryGb": 3.5}, "type: 't3.medium': has 2 vCPU and 4 GiB"),
        ({"type": "i4i.xlarge", "vcpu": True, "memoryGb": 32}, "vcpu: True: must be a whole number"),
    ],
)
def test_size_that_is_unknown_or_contradicts_the_table_gets_a_line(given: dict[str, Any], line: str) -> None:
    nodes = {"one": given | NODE}
    assert any(line in problem for problem in error_lines({"backend": BACKEND}, {"kind": "existing", "nodes": nodes}))


def test_matching_figures_beside_a_known_type_are_taken() -> None:
    node = NodeSettings.model_validate({"type": "t3.medium", "vcpu": 2, "memoryGb": 4} | NODE)
    assert node.machine == MACHINES["t3.medium"]


def test_graviton_node_has_the_label_of_its_architecture() -> None:
    node = NodeSettings.model_validate({"type": "m6g.large"} | NODE)
    assert kubelet_labels("one", node)["kubernetes.io/arch"] == "arm64"
    known = DEFAULT_NODES["k8s-worker-1"]
    assert kubelet_labels("k8s-worker-1", known)["kubernetes.io/arch"] == "amd64"
