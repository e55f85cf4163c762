"""The machines of `production` after their boot scripts and kubeadm's phases, and a control plane from that."""

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import GROUPS
from tests.integration.rehearsal.nodes.cluster import GIVEN, MASTER, Cluster, Master, document, files
from tests.integration.rehearsal.nodes.control_plane import kubeadm, running
from tests.integration.rehearsal.nodes.given import Given, build_stack
from tests.support.node_machine import Machine, machine

PLACES = (
    "/etc/hosts",
    "/etc/kubernetes",
    "/etc/switchyard",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/switchyard",
)
"""What the scripts and kubeadm change on a machine of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [tool.name for group in ("core", "ec2") for tool in GROUPS[group] if installed_from(tool) is None]
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.sandbox)
        if platform.system() != "Linux":
            item.add_marker(
                pytest.mark.skip(reason="kubeadm changes its root to the folder of a machine: on Linux only")
            )
        if missing:
            reason = f"{', '.join(missing)} missing; run: python -m devtools.toolchain install --group core --group ec2"
            item.add_marker(pytest.mark.skip(reason=reason))


def written() -> dict[str, int]:
    """When each of those places was written to, and each file in those that nothing but kubeadm writes to."""
    inside = [path for place in PLACES if place.startswith("/etc/") for path in Path(place).rglob("*")]
    existing = [path for path in (*map(Path, PLACES), *inside) if path.exists()]
    return {str(path): path.stat().st_mtime_ns for path in existing}


@pytest.fixture(scope="session", autouse=True)
def nothing_of_this_machine_is_written() -> Iterator[None]:
    before = written()
    yield
    assert written() == before


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Returns user data, parameters and kubeconfig of an update of the whole stack."""
    return build_stack(tmp_path_factory.mktemp("update"))


@pytest.fixture(scope="session")
def machines(given: Given, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Machine]:
    """Every machine after its boot script."""
    by_name = {
        name: machine(tmp_path_factory.mktemp(name), user_data, given.parameters)
        for name, user_data in given.user_data.items()
    }
    for each in by_name.values():
        assert each.boot() == 0
    return by_name


@pytest.fixture(scope="session")
def master(machines: dict[str, Machine]) -> Master:
    """The control plane's machine after the phases of ``kubeadm init`` that make files."""
    root = machines[MASTER].root
    control_plane = Master(root, files(root / "etc/kubernetes/pki"))
    for phase in (("certs", "all"), ("kubeconfig", "all"), ("control-plane", "all"), ("etcd", "local")):
        done = kubeadm(root, "init", "phase", *phase, *GIVEN)
        assert done.returncode == 0, done.stderr
    return control_plane


@pytest.fixture(scope="session")
def cluster(master: Master, given: Given) -> Iterator[Cluster]:
    """The control plane, started from what kubeadm made."""
    host = document(master.root, "ClusterConfiguration")["controlPlaneEndpoint"].partition(":")[0]
    with running(master.root) as plane:
        administrator = plane.reached(given.kubeconfig, master.root / "administrator.conf")
        before = plane.kubectl(administrator, "auth", "can-i", "*", "*").stdout.strip()
        plane.lead_here(master.root, host, MASTER)
        # The first phase with a client binds the administrators' group, by the super-admin.conf that kubeadm made.
        for phase in (("bootstrap-token",), ("upload-config", "all")):
            done = kubeadm(master.root, "init", "phase", *phase, *GIVEN)
            assert done.returncode == 0, done.stderr
        yield Cluster(plane, administrator, host, before)


@pytest.fixture(scope="session")
def kubelets(cluster: Cluster, machines: dict[str, Machine]) -> dict[str, Path]:
    """Folders of all machines, by node, after the phase of kubeadm that writes what a kubelet reads.

    On a worker it looks for the cluster first.
    """
    for name, each in machines.items():
        if name != MASTER:
            cluster.plane.lead_here(each.root, cluster.host, name)
        done = kubeadm(
            each.root, "init" if name == MASTER else "join", "phase", "kubelet-start", "--config", "/here.yaml"
        )
        assert done.returncode == 0, done.stderr
    return {name: each.root for name, each in machines.items()}
