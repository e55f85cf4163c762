"""The data of etcd on the control plane: taken over by a successor, snapshots, and the restore of one."""

import stat

import jmespath  # type: ignore[import-untyped]
import pytest

from tests.support.node_machine import Machine
from tests.support.prepared_nodes import later_master, master

__all__ = ["later_master", "master"]


NEWEST = "snapshots/20260131T120000Z/etcd.db"

OTHER = "aws:///ap-northeast-2a/i-0000000000000000f"
"""Provider's id of a machine that is no more."""


def order(machine: Machine, *beginnings: str) -> list[str]:
    """Which of these calls were made, in their order."""
    calls = (machine.root / "calls").read_text().splitlines()
    return [beginning for call in calls for beginning in beginnings if call.startswith(beginning)]


def test_a_first_control_plane_starts_with_an_empty_etcd(master: Machine) -> None:
    assert master.boot() == 0
    assert (master.calls("aws s3api list-objects-v2"), master.calls("aws s3 cp"), master.calls("ctr")) == (1, 0, 0)
    assert (master.root / "data").read_text() == ""
    assert master.calls("kubeadm init") == 1
    assert "--ignore-preflight-errors" not in (master.root / "calls").read_text()
    assert (master.calls("kubectl delete"), master.phase) == (0, "5/5 done")


def test_a_control_plane_of_a_cluster_that_ran_before_does_not_start_empty(later_master: Machine) -> None:
    assert later_master.boot() != 0
    assert later_master.calls("kubeadm init") == 0
    assert later_master.phase.startswith("failed: no snapshot in b, and with an empty etcd the workers would end")
    assert later_master.run("boot", "--empty") == 0
    assert (later_master.calls("kubeadm init"), later_master.phase) == (1, "5/5 done")


def test_a_control_plane_of_a_cluster_that_ran_before_starts_from_its_snapshot(later_master: Machine) -> None:
    (later_master.root / "newest").write_text(f'"{NEWEST}"\n')
    assert later_master.boot() == 0
    assert (later_master.root / "data").read_text() == "member\n"


@pytest.fixture
def successor(master: Machine) -> Machine:
    """A control plane that replaces another one, before its first boot."""
    (master.root / "newest").write_text(f'"{NEWEST}"\n')
    (master.root / "provider").write_text(OTHER)
    return master


def test_a_control_plane_that_replaces_another_has_its_data_before_kubeadm_starts(successor: Machine) -> None:
    assert successor.boot() == 0
    steps = (
        "kubeadm reset",
        "kubeadm config images pull",
        f"aws s3 cp --only-show-errors s3://b/{NEWEST}",
        "ctr --namespace k8s.io images pull gcr.io/etcd-development/etcd:v3.6.4",
        "ctr --namespace k8s.io run",
        "kubeadm init",
        "systemctl enable --now switchyard-snapshot.timer",
        "kubectl delete node k8s-master",
        "systemctl restart kubelet",
        "kubectl taint node k8s-master",
    )
    assert order(successor, *steps) == list(steps)
    assert (successor.root / "data").read_text() == "member\n"
    assert not (successor.root / "var/lib/switchyard/restore").exists()
    assert stat.S_IMODE((successor.root / "var/lib/etcd").stat().st_mode) == 0o700
    [init] = [line for line in (successor.root / "calls").read_text().splitlines() if line.startswith("kubeadm init")]
    assert init.endswith(" --skip-token-print --ignore-preflight-errors=DirAvailable--var-lib-etcd")
    assert image_of_restore(successor) == "gcr.io/etcd-development/etcd:v3.6.4"
    assert successor.phase == "5/5 done"


def image_of_restore(machine: Machine) -> str:
    """The image that makes the data of a snapshot, which comes before the name of its container."""
    [call] = [line for line in (machine.root / "calls").read_text().splitlines() if " run --rm " in line]
    words = call.split()
    [container] = [word for word in words if word.startswith("switchyard-restore-")]
    return words[words.index(container) - 1]


def test_the_image_of_etcd_comes_from_its_second_registry_while_the_first_does_not_answer(successor: Machine) -> None:
    (successor.root / "blocked").touch()
    assert successor.boot() == 0
    assert successor.calls("ctr --namespace k8s.io images pull gcr.io/etcd-development/etcd:v3.6.4") == 3
    assert image_of_restore(successor) == "quay.io/coreos/etcd:v3.6.4"


def test_a_bucket_that_cannot_be_read_is_not_taken_for_an_empty_one(successor: Machine) -> None:
    (successor.root / "denied").touch()
    assert successor.boot() != 0
    assert (successor.calls("aws s3api"), successor.calls("kubeadm init")) == (20, 0)
    assert successor.phase.startswith("failed at line")


@pytest.mark.parametrize("answer", ["", "null\n", '"snapshots/20260131T120000Z/pki.tar.gz"\n'])
def test_an_answer_that_is_no_snapshot_is_not_taken_for_an_empty_bucket(successor: Machine, answer: str) -> None:
    (successor.root / "newest").write_text(answer)
    assert successor.boot() != 0
    assert successor.calls("kubeadm init") == 0
    assert successor.phase.startswith("failed: no snapshot:")


def test_an_unusable_snapshot_starts_no_control_plane(successor: Machine) -> None:
    (successor.root / "spoilt").touch()
    assert successor.boot() != 0
    assert (successor.calls("ctr --namespace k8s.io run"), successor.calls("kubeadm init")) == (1, 0)
    assert successor.phase == f"failed: etcdutl made no data of {NEWEST}"


def test_no_snapshot_is_taken_before_kubeadm_has_ended_well(successor: Machine) -> None:
    (successor.root / "broken").touch()
    assert successor.boot() != 0
    assert successor.calls("systemctl enable --now switchyard-snapshot.timer") == 0
    (successor.root / "broken").unlink()
    (successor.root / "var/lib/etcd/left").touch()
    assert successor.boot() == 0
    assert successor.calls("ctr --namespace k8s.io run") == 2
    assert (successor.root / "data").read_text() == "member\n"


@pytest.mark.parametrize(
    ("keys", "newest"),
    [
        ([], "none"),
        (["snapshots/20260131T120000Z/pki.tar.gz"], "none"),
        (
            [
                "snapshots/20260131T120000Z/etcd.db",
                "snapshots/20260131T121500Z/etcd.db",
                "snapshots/20260131T123000Z/pki.tar.gz",
            ],
            "snapshots/20260131T121500Z/etcd.db",
        ),
    ],
)
def test_the_newest_snapshot_is_the_last_one_that_is_whole(master: Machine, keys: list[str], newest: str) -> None:
    assert master.boot() == 0
    [call] = [line for line in (master.root / "calls").read_text().splitlines() if line.startswith("aws s3api")]
    query = call.partition(" --query ")[2]
    for contents in ({"Contents": [{"Key": key} for key in keys]}, *([] if keys else [{}, {"Contents": None}])):
        assert jmespath.search(query, contents) == newest


@pytest.fixture
def running(master: Machine) -> Machine:
    """A control plane that has been set up, with data of etcd."""
    manifests, data = master.root / "etc/kubernetes/manifests", master.root / "var/lib/etcd/member"
    for folder in (manifests, data, master.root / "var/lib/switchyard"):
        folder.mkdir(parents=True)
    (manifests / "etcd.yaml").write_text("    image: registry.k8s.io/etcd:3.6.4-0\n")
    (manifests / "kube-apiserver.yaml").touch()
    (data / "old").touch()
    (master.root / "var/lib/switchyard/done").touch()
    (master.root / "var/lib/switchyard/phase").write_text("5/5 done\n")
    (master.root / "newest").write_text(f'"{NEWEST}"\n')
    return master


def test_a_restore_changes_the_data_and_keeps_what_was_there(running: Machine) -> None:
    assert running.run("restore") == 0
    library = running.root / "var/lib"
    [before] = library.glob("etcd.before-*")
    assert (before / "member/old").exists()
    assert not (library / "etcd/member/old").exists()
    assert (library / "etcd/member").is_dir()
    kept = {path.name for path in (running.root / "etc/kubernetes/manifests").iterdir()}
    assert kept == {"etcd.yaml", "kube-apiserver.yaml"}
    assert running.phase.startswith("restore: done from snapshots/20260131T120000Z/etcd.db")
    assert running.calls("kubectl delete node") == 0


def test_the_state_after_a_restore_becomes_the_newest_snapshot(running: Machine) -> None:
    assert running.run("restore", "20260131T120000Z") == 0
    steps = ("systemctl restart kubelet", "systemctl start --no-block switchyard-snapshot.service")
    assert order(running, *steps) == list(steps)


def test_a_restore_on_another_machine_registers_the_node_again(running: Machine) -> None:
    (running.root / "provider").write_text(OTHER)
    assert running.run("restore", "20260131T120000Z") == 0
    assert running.calls("kubectl delete node k8s-master") == 1
    assert running.calls("kubectl taint node k8s-master") == 1


def test_a_restore_without_a_snapshot_stops_no_component(running: Machine) -> None:
    (running.root / "newest").write_text('"none"\n')
    assert running.run("restore") != 0
    assert running.phase == "failed: no snapshot in b"
    assert (running.root / "var/lib/etcd/member/old").exists()
    assert running.calls("systemctl") == 0


def test_a_replaced_control_plane_gets_kubeadms_labels_and_taints(running: Machine) -> None:
    (running.root / "provider").write_text(OTHER)
    assert running.run("restore") == 0
    [labels] = [call for call in (running.root / "calls").read_text().splitlines() if call.startswith("kubectl label")]
    assert labels.endswith(
        "node-role.kubernetes.io/control-plane= node.kubernetes.io/exclude-from-external-load-balancers="
    )


@pytest.mark.parametrize("trouble", ["mute", "running"])
def test_data_is_not_touched_while_etcd_may_run(running: Machine, trouble: str) -> None:
    (running.root / trouble).write_text("0123456789ab\n")
    assert running.run("restore") != 0
    assert (running.root / "var/lib/etcd/member/old").exists()
    assert running.phase.startswith("failed at line")


def test_a_restore_accepts_a_point_in_time_only(running: Machine) -> None:
    assert running.run("restore", "../../etc") != 0
    assert not (running.root / "calls").exists()
    assert "a time such as 20260131T120000Z" in running.phase


def test_a_snapshot_is_whole_when_its_last_file_is_there(running: Machine) -> None:
    (running.root / "running").write_text("0123456789ab\n")
    (running.root / "etc/kubernetes/pki").mkdir()
    assert running.run("snapshot") == 0
    uploads = [line for line in (running.root / "calls").read_text().splitlines() if line.startswith("aws s3 cp")]
    assert [line.rpartition("/")[2] for line in uploads] == ["pki.tar.gz", "etcd.db"]
    assert running.phase == "5/5 done"


def test_a_snapshot_fails_while_etcd_does_not_run(running: Machine) -> None:
    assert running.run("snapshot") != 0
    assert running.calls("aws") == 0
