"""What a sandbox with real nodes is made of: numbers, configuration files, image tags."""

import fcntl
import itertools
import tarfile
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

import sandbox.directory
from sandbox import control_plane, node_config, oci, slots, tags
from sandbox.control_plane import COMPONENTS
from sandbox.faults import ERRORS, NEVER_READY
from sandbox.image import PAUSE
from sandbox.nodes import not_ready
from sandbox.oci import Container, write_archive
from sandbox.slots import NODE_NETWORKS, NODES, NoSlotError, Slot, claim, claimed, release
from settings.machines import RESERVATIONS
from settings.nodes import DEFAULT_NODES
from tests.sandbox import answering

EVERY = [Slot(number) for number in range(len(NODE_NETWORKS))]
INTERFACE_NAME_LIMIT = 15
"""Characters, the kernel's."""

PORTS = [20000, 20001, 20002, 20003, 20004]
WORKER = DEFAULT_NODES["k8s-worker-1"]


def networks(slot: Slot) -> list[IPv4Network]:
    nodes = IPv4Network(f"{slot.host_address}/{slot.prefix_length}", strict=False)
    return [nodes, *(IPv4Network(slot.pod_range(index)) for index in range(NODES))]


def test_no_two_sandboxes_share_a_network_or_touch_those_of_the_smoke_tests() -> None:
    used = [(slot.number, network) for slot in EVERY for network in networks(slot)]
    of_tests = IPv4Network("198.18.128.0/17")
    assert answering.LINK.subnet_of(of_tests)
    for one, other in itertools.combinations(used, 2):
        assert not one[1].overlaps(other[1]), (one, other)
    assert not [network for _, network in used if network.overlaps(of_tests)]


def test_addresses_of_nodes_and_pods_are_in_the_networks_of_their_sandbox() -> None:
    for slot in EVERY:
        nodes, *_ = networks(slot)
        addresses = [slot.host_address, *(slot.node_address(index) for index in range(NODES))]
        assert len(set(addresses)) == NODES + 1
        assert all(IPv4Network(address).subnet_of(nodes) for address in addresses)
        for index in range(NODES):
            assert IPv4Network(slot.pod_range(index)).subnet_of(IPv4Network(slot.pod_network))


def test_no_two_sandboxes_share_a_name_and_the_kernel_takes_those_of_interfaces() -> None:
    interfaces = [name for slot in EVERY for name in (slot.bridge, *(slot.link(index) for index in range(NODES)))]
    assert len(set(interfaces)) == len(EVERY) * (NODES + 1)
    assert max(map(len, interfaces)) <= INTERFACE_NAME_LIMIT
    assert len({slot.cgroup for slot in EVERY}) == len(EVERY)


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(slots, "CLAIMS", tmp_path / "claims")
    return tmp_path / "claims"


def directory(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name


def nothing_to_end(slot: Slot, owner: Path) -> None:
    raise AssertionError(f"{slot} of {owner} was ended")


def test_a_sandbox_keeps_its_number_until_it_gives_it_back(claims: Path, tmp_path: Path) -> None:
    one, other = directory(tmp_path, "one"), directory(tmp_path, "other")
    assert claimed(one) is None
    assert claim(one, nothing_to_end) == claim(one, nothing_to_end) == claimed(one) == Slot(0)
    assert claim(other, nothing_to_end) == Slot(1)
    release(Slot(0))
    release(Slot(0))
    assert (claimed(one), claimed(other)) == (None, Slot(1))
    assert claim(one, nothing_to_end) == Slot(0)


def test_what_a_removed_directory_left_is_ended_before_its_number_is_given_away(claims: Path, tmp_path: Path) -> None:
    gone, stays, new = (directory(tmp_path, name) for name in ("gone", "stays", "new"))
    claim(gone, nothing_to_end)
    claim(stays, nothing_to_end)
    gone.rmdir()
    ended: list[tuple[Slot, Path]] = []

    def end(slot: Slot, owner: Path) -> None:
        assert claimed(gone) == slot, "its number was given away before"
        ended.append((slot, owner))

    assert claim(new, end) == Slot(0)
    assert ended == [(Slot(0), gone)]
    assert (claimed(gone), claimed(stays)) == (None, Slot(1))


def test_a_number_whose_rest_cannot_be_ended_is_not_given_away(claims: Path, tmp_path: Path) -> None:
    gone, new = directory(tmp_path, "gone"), directory(tmp_path, "new")
    claim(gone, nothing_to_end)
    gone.rmdir()

    def end(slot: Slot, owner: Path) -> None:
        raise TimeoutError("processes 1 do not end")

    with pytest.raises(TimeoutError):
        claim(new, end)
    assert (claimed(gone), claimed(new)) == (Slot(0), None)


def test_after_a_reboot_a_sandbox_gets_its_own_number_or_is_told_who_has_it(claims: Path, tmp_path: Path) -> None:
    mine, other = directory(tmp_path, "mine"), directory(tmp_path, "other")
    assert claim(mine, nothing_to_end, 7) == Slot(7)
    release(Slot(7))
    claim(other, nothing_to_end, 7)
    with pytest.raises(NoSlotError, match=rf"^Since the last reboot {other} has the addresses .* of {mine} name. End "):
        claim(mine, nothing_to_end, 7)
    assert claimed(mine) is None


def test_one_sandbox_too_many_is_told_to_end_another(claims: Path, tmp_path: Path) -> None:
    for number in range(len(NODE_NETWORKS)):
        claim(directory(tmp_path, f"sandbox-{number}"), nothing_to_end)
    with pytest.raises(NoSlotError, match=r"^64 sandboxes .* python -m sandbox down$"):
        claim(directory(tmp_path, "one-more"), nothing_to_end)


def test_who_waited_for_a_down_locks_the_file_that_the_next_will_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.directory, "HOME", tmp_path)
    own = tmp_path / "named" / "own"
    waits = iter([True, True, False])
    flock = fcntl.flock

    def ended_meanwhile(file: Any, operation: int) -> None:
        if next(waits):
            (own / "lock").unlink()
            own.rmdir()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", ended_meanwhile)
    with sandbox.directory.locked(own):
        assert next(waits, None) is None
        with (own / "lock").open() as another, pytest.raises(BlockingIOError):
            flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


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


def test_kubelets_take_nobody_without_a_certificate_of_the_cluster() -> None:
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


def listening(found: Mapping[str, Mapping[str, str]]) -> set[str]:
    """What the arguments have components listen on, without ports."""
    keys = ("bind-address", "listen-client-urls", "listen-peer-urls", "server-address")
    values = [values[key] for values in found.values() for key in keys if key in values]
    return {value.removeprefix("http://").partition(":")[0] for value in values}


def test_without_real_nodes_everything_listens_on_the_loopback_interface_alone() -> None:
    found = arguments(None)
    assert set(found) == set(COMPONENTS)
    assert listening(found) == {"127.0.0.1"}
    assert "advertise-address" not in found["kube-apiserver"]


def test_with_real_nodes_the_api_server_alone_listens_elsewhere_and_names_the_bridge() -> None:
    found = arguments(Slot(5))
    api_server = found.pop("kube-apiserver")
    assert listening(found) == {"127.0.0.1"}
    assert api_server["bind-address"] == "0.0.0.0"  # noqa: S104
    assert api_server["advertise-address"] == "198.18.5.1"
    assert api_server["kubelet-client-certificate"] == "/pki/admin.crt"


def test_simulated_kubelets_keep_off_real_nodes_and_controllers_wait_for_no_lease() -> None:
    for slot in (None, Slot(0)):
        found = arguments(slot)
        assert found["kwok-controller"]["manage-all-nodes"] == "false"
        for name in ("kube-controller-manager", "kube-scheduler"):
            assert found[name]["leader-elect"] == "false"


def ready_node(name: str, ready: str = "True", taint: str | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"taints": [{"key": taint}]} if taint else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_nodes_are_ready_when_all_seven_are_there_and_none_is_tainted_as_new() -> None:
    nodes = {name: ready_node(name, taint="dedicated") for name in DEFAULT_NODES}
    assert not_ready(DEFAULT_NODES, nodes.values()) == set()
    nodes["k8s-redis"] = ready_node("k8s-redis", taint="node.kubernetes.io/not-ready")
    nodes["k8s-worker-1"] = ready_node("k8s-worker-1", "Unknown")
    del nodes["k8s-worker-2"]
    assert not_ready(DEFAULT_NODES, nodes.values()) == {"k8s-redis", "k8s-worker-1", "k8s-worker-2"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An archive of an image with two layers."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    archive = tmp_path / "base.tar"
    container = Container(("serve",), "1:1", {"PATH": "/bin"})
    write_archive(archive, "example.org/app:base", [tmp_path / "one", tmp_path / "two"], container)
    return archive


def read(archive: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, manifest and config of every image in an archive; what they name is there, with the size that they say."""
    with tarfile.open(archive) as opened:

        def named(descriptor: Mapping[str, Any]) -> str:
            name = oci.blob(descriptor["digest"])
            assert opened.getmember(name).size == descriptor["size"]
            return name

        for image in oci.document(opened, oci.INDEX_FILE)["manifests"]:
            manifest = oci.document(opened, named(image))
            for layer in manifest["layers"]:
                named(layer)
            config = oci.document(opened, named(manifest["config"]))
            yield image["annotations"]["io.containerd.image.name"], manifest, config


def test_every_tag_is_the_same_files_with_an_environment_of_its_own(base: Path, tmp_path: Path) -> None:
    target = tmp_path / "tagged.tar"
    wanted = tags.environments()
    tags.with_tags(base, "example.org/app", wanted, target)
    [(_, original, started)] = read(base)
    images = list(read(target))
    assert [name for name, _, _ in images] == [f"example.org/app:{tag}" for tag in wanted]
    for (_, manifest, config), environment in zip(images, wanted.values(), strict=True):
        assert manifest["layers"] == original["layers"]
        variables = ["PATH=/bin", *(f"{key}={value}" for key, value in environment.items())]
        assert config == started | {"config": started["config"] | {"Env": variables}}
    with tarfile.open(target) as opened:
        names = opened.getnames()
    assert len(names) == len(set(names)) == len(original["layers"]) + 2 * len(wanted) + len({"index", "layout"})
    assert sorted(path.name for path in tmp_path.glob("tagged*")) == ["tagged.tar"]


def test_the_same_tags_make_the_same_archive_to_the_byte(base: Path, tmp_path: Path) -> None:
    for name in ("first.tar", "second.tar"):
        tags.with_tags(base, "example.org/app", tags.environments(), tmp_path / name)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_a_tag_says_its_version_and_its_fault() -> None:
    found = tags.environments()
    assert found["v1.0.0"] == {"APP_VERSION": "v1.0.0"}
    assert found[f"v2.0.0{NEVER_READY}"] == {"APP_VERSION": f"v2.0.0{NEVER_READY}", "NEVER_READY": "true"}
    assert found[f"v1.0.1{ERRORS}"]["FAILURE_RATE"] == "1"
