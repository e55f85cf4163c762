"""The parts of a sandbox with real nodes: numbers, configuration files, image tags."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.sandbox import control_plane, node_config
from devtools.sandbox.control_plane import COMPONENTS
from devtools.sandbox.image import PAUSE
from devtools.sandbox.nodes import not_ready
from devtools.sandbox.slots import Slot
from switchyard.config.models.machine_types import RESERVATIONS
from switchyard.config.models.nodes import DEFAULT_NODES

PORTS = [20000, 20001, 20002, 20003, 20004]
WORKER = DEFAULT_NODES["k8s-worker-1"]


def mib(quantity: str) -> int:
    return int(quantity.removesuffix("Mi"))


@pytest.mark.parametrize("name", ["k8s-worker-1", "k8s-worker-2"])
def test_a_real_node_allots_what_a_machine_of_its_type_would(name: str) -> None:
    memory_mib, cpus = 24 * 1024, 16
    node = DEFAULT_NODES[name]
    config = node_config.kubelet(node, "switchyard-3/node", Path("/ca.crt"), memory_mib, cpus)
    reserved, eviction = config["systemReserved"], mib(config["evictionHard"]["memory.available"])
    assert eviction == RESERVATIONS.eviction_memory_mib
    assert memory_mib - mib(reserved["memory"]) - eviction == node.machine.allocatable_memory_mib
    assert cpus * 1000 - int(reserved["cpu"].removesuffix("m")) == node.machine.allocatable_cpu_m
    assert config["cgroupRoot"] == "/switchyard-3/node"


def test_a_small_machine_reserves_nothing_rather_than_less() -> None:
    config = node_config.kubelet(WORKER, "group", Path("/ca.crt"), 1024, 1)
    assert config["systemReserved"] == {"cpu": "0m", "memory": "0Mi"}


def test_kubelets_refuse_clients_without_a_certificate_of_the_cluster() -> None:
    config = node_config.kubelet(WORKER, "group", Path("/pki/ca.crt"), 8192, 2)
    assert config["authentication"] == {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": False},
        "x509": {"clientCAFile": "/pki/ca.crt"},
    }


def test_containerd_finds_its_parts_in_their_tree_and_the_pause_image_under_its_name() -> None:
    lines = node_config.containerd(Path("/parts"), Path("/node/cni")).splitlines()
    for line in (
        f'sandbox_image = "{PAUSE}"',
        'bin_dir = "/parts/usr/lib/cni"',
        'conf_dir = "/node/cni"',
        'BinaryName = "/parts/usr/sbin/runc"',
        "restrict_oom_score_adj = true",
    ):
        assert line in lines


def test_pods_get_addresses_of_their_nodes_range() -> None:
    [bridge] = node_config.network("198.19.4.0/24")["plugins"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "198.19.4.0/24"}]]
    assert bridge["isGateway"]


def test_kube_proxy_leaves_the_size_of_the_connection_table_to_the_machine() -> None:
    config = node_config.kube_proxy("k8s-worker-1", Slot(2), Path("/nodes.kubeconfig"))
    assert config["conntrack"] == {"maxPerCore": 0, "min": 0}
    assert config["clusterCIDR"] == "198.19.8.0/22"
    assert (config["hostnameOverride"], config["mode"]) == ("k8s-worker-1", "iptables")


def arguments(slot: Slot | None) -> dict[str, dict[str, str]]:
    """Extra arguments of each component."""
    head, *_ = control_plane.configuration(PORTS, Path("/pki"), slot)
    return {
        patch["name"]: {argument["key"]: argument["value"] for argument in patch["extraArgs"]}
        for patch in head["componentsPatches"]
    }


def listening(by_component: Mapping[str, Mapping[str, str]]) -> set[str]:
    """What the arguments have components listen on, without ports."""
    keys = ("bind-address", "listen-client-urls", "listen-peer-urls", "server-address")
    values = [values[key] for values in by_component.values() for key in keys if key in values]
    return {value.removeprefix("http://").partition(":")[0] for value in values}


def test_without_real_nodes_everything_listens_on_the_loopback_interface_alone() -> None:
    by_component = arguments(None)
    assert set(by_component) == set(COMPONENTS)
    assert listening(by_component) == {"127.0.0.1"}
    assert "advertise-address" not in by_component["kube-apiserver"]


def test_with_real_nodes_the_api_server_alone_listens_elsewhere_and_names_the_bridge() -> None:
    by_component = arguments(Slot(5))
    api_server = by_component.pop("kube-apiserver")
    assert listening(by_component) == {"127.0.0.1"}
    assert api_server["bind-address"] == "0.0.0.0"  # noqa: S104
    assert api_server["advertise-address"] == "198.18.5.1"
    assert api_server["kubelet-client-certificate"] == "/pki/admin.crt"


def test_simulated_kubelets_ignore_real_nodes_and_controllers_need_no_lease() -> None:
    for slot in (None, Slot(0)):
        by_component = arguments(slot)
        assert by_component["kwok-controller"]["manage-all-nodes"] == "false"
        for name in ("kube-controller-manager", "kube-scheduler"):
            assert by_component[name]["leader-elect"] == "false"


def ready_node(name: str, ready: str = "True", taint: str | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"taints": [{"key": taint}]} if taint else {},
        "status": {"conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-11-29T16:00:05Z"}]},
    }


def test_nodes_are_ready_when_all_seven_are_there_and_none_is_tainted_as_new() -> None:
    nodes = {name: ready_node(name, taint="dedicated") for name in DEFAULT_NODES}
    assert not_ready(DEFAULT_NODES, nodes.values()) == set()
    nodes["k8s-redis"] = ready_node("k8s-redis", taint="node.kubernetes.io/not-ready")
    nodes["k8s-worker-1"] = ready_node("k8s-worker-1", "Unknown")
    del nodes["k8s-worker-2"]
    assert not_ready(DEFAULT_NODES, nodes.values()) == {"k8s-redis", "k8s-worker-1", "k8s-worker-2"}


def test_a_node_whose_kubelet_was_started_is_ready_once_that_kubelet_says_so() -> None:
    nodes = [ready_node(name) for name in DEFAULT_NODES]
    started = datetime(2026, 11, 29, 16, 0, 5, tzinfo=UTC)
    assert not_ready(DEFAULT_NODES, nodes, {"k8s-worker-1": started}) == set()
    assert not_ready(DEFAULT_NODES, nodes, {"k8s-worker-1": started + timedelta(seconds=1)}) == {"k8s-worker-1"}
