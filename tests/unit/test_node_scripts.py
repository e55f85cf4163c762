"""The scripts of a node, run for once: their paths lead into a folder of the test, programs are stand-ins.

What the stand-ins cannot show: whether packages install, and whether kubeadm makes a node.
"""

import stat
from pathlib import Path

import jmespath  # type: ignore[import-untyped]
import pytest
import yaml

from render import cloud_init, kubeadm
from settings.ec2 import Ec2Cluster
from tests.unit.node_machine import Machine, machine

CLUSTER = Ec2Cluster(kind="ec2", name="production")
TOKEN = "abcdef.0123456789abcdef"
HASH = f"sha256:{'0' * 64}"
NEWEST = "snapshots/20260131T120000Z/etcd.db"
OTHER = "aws:///ap-northeast-2a/i-0000000000000000f"
"""Provider's id of a machine that is no more."""


def prepared(root: Path, node_name: str) -> Machine:
    files = {file: f"content of {file}" for file in kubeadm.PKI_FILES}
    secrets = cloud_init.secrets(files, TOKEN, HASH)
    return machine(
        root,
        cloud_init.user_data(CLUSTER, node_name, endpoint="203.0.113.10", backup_bucket="b"),
        {cloud_init.parameter_name(CLUSTER, key): value for key, value in secrets.items()},
    )


@pytest.fixture
def worker(tmp_path: Path) -> Machine:
    return prepared(tmp_path, "k8s-worker-1")


@pytest.fixture
def master(tmp_path: Path) -> Machine:
    return prepared(tmp_path, "k8s-master")


def test_a_worker_joins_with_its_identity_and_its_secrets_filled_in(worker: Machine) -> None:
    assert worker.boot() == 0
    given = (worker.root / "given.yaml").read_text()
    assert not any(placeholder in given for placeholder in kubeadm.PLACEHOLDERS)
    config = yaml.safe_load(given)
    assert config["discovery"]["bootstrapToken"]["token"] == TOKEN
    assert config["discovery"]["bootstrapToken"]["caCertHashes"] == [HASH]
    arguments = {each["name"]: each["value"] for each in config["nodeRegistration"]["kubeletExtraArgs"]}
    assert arguments["provider-id"] == "aws:///ap-northeast-2b/i-0123456789abcdef0"
    assert arguments["node-ip"] == "10.0.2.7"
    assert worker.phase == "5/5 done"


def test_only_root_reads_the_filled_configuration_and_nothing_of_it_stays(worker: Machine) -> None:
    assert worker.boot() == 0
    assert stat.S_IMODE((worker.root / "given.yaml").stat().st_mode) == 0o600
    assert list((worker.root / "run/switchyard").iterdir()) == []


def test_no_program_is_given_a_secret_as_an_argument(worker: Machine) -> None:
    assert worker.boot() == 0
    assert TOKEN not in (worker.root / "calls").read_text()


def test_the_control_plane_has_its_certificates_before_kubeadm_starts(master: Machine) -> None:
    assert master.boot() == 0
    for file in kubeadm.PKI_FILES:
        path = master.root / "etc/kubernetes/pki" / file
        assert path.read_text() == f"content of {file}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (master.root / "etc/hosts").read_text().splitlines() == [
        "127.0.0.1 localhost",
        f"10.0.2.7 {kubeadm.internal_name(CLUSTER, '203.0.113.10')}",
    ]
    assert master.calls("systemctl enable --now switchyard-snapshot.timer") == 1


def test_swap_is_off_after_the_next_boot_too(worker: Machine) -> None:
    assert worker.boot() == 0
    assert (worker.root / "etc/fstab").read_text() == "/dev/sda / ext4\n#/swap none swap sw\n"


def test_a_machine_that_is_a_node_is_left_alone_by_a_second_run(master: Machine) -> None:
    assert (master.boot(), master.boot()) == (0, 0)
    assert (master.calls("kubeadm init"), master.calls("kubeadm reset")) == (1, 1)


def test_joining_is_tried_five_times_and_the_phase_file_says_that_it_failed(worker: Machine) -> None:
    (worker.root / "broken").touch()
    assert worker.boot() != 0
    assert worker.calls("kubeadm join") == 5
    assert worker.phase.startswith("failed at line")
    assert "after: 4/5 kubeadm join" in worker.phase


def test_an_api_server_that_never_answers_is_waited_for_with_a_bound(worker: Machine) -> None:
    (worker.root / "unreachable").touch()
    assert worker.boot() != 0
    assert worker.calls("kubeadm join") == 0
    assert "after: 4/5 waiting for the API server" in worker.phase


def test_a_boot_that_failed_ends_well_when_it_is_run_again(master: Machine) -> None:
    (master.root / "broken").touch()
    assert master.boot() != 0
    assert master.phase.startswith("failed")
    (master.root / "broken").unlink()
    assert master.boot() == 0
    assert master.phase == "5/5 done"


def test_a_secret_that_is_missing_is_asked_for_again_and_then_given_up(worker: Machine) -> None:
    (worker.root / "ssm/switchyard/production/join/token").unlink()
    assert worker.boot() != 0
    assert worker.calls("aws ssm get-parameter") == 20
    assert "after: 3/5 identity and secrets" in worker.phase


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
    [made] = [line for line in (successor.root / "calls").read_text().splitlines() if line.startswith("ctr ")]
    assert " registry.k8s.io/etcd:3.6.4-0 " in made
    assert successor.phase == "5/5 done"


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


def test_a_snapshot_that_makes_no_data_starts_no_control_plane(successor: Machine) -> None:
    (successor.root / "spoilt").touch()
    assert successor.boot() != 0
    assert (successor.calls("ctr"), successor.calls("kubeadm init")) == (1, 0)
    assert successor.phase == f"failed: etcdutl made no data of {NEWEST}"


def test_no_snapshot_is_taken_before_kubeadm_has_ended_well(successor: Machine) -> None:
    (successor.root / "broken").touch()
    assert successor.boot() != 0
    assert successor.calls("systemctl enable --now switchyard-snapshot.timer") == 0
    (successor.root / "broken").unlink()
    (successor.root / "var/lib/etcd/left").touch()
    assert successor.boot() == 0
    assert successor.calls("ctr") == 2
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


def test_a_restore_on_another_machine_registers_the_node_anew(running: Machine) -> None:
    (running.root / "provider").write_text(OTHER)
    assert running.run("restore", "20260131T120000Z") == 0
    assert running.calls("kubectl delete node k8s-master") == 1
    assert running.calls("kubectl taint node k8s-master") == 1


def test_a_restore_without_a_snapshot_stops_nothing(running: Machine) -> None:
    (running.root / "newest").write_text('"none"\n')
    assert running.run("restore") != 0
    assert running.phase == "failed: no snapshot in b"
    assert (running.root / "var/lib/etcd/member/old").exists()
    assert running.calls("systemctl") == 0


def test_a_node_of_another_machine_gets_all_that_kubeadm_marks_the_control_plane_with(running: Machine) -> None:
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


def test_a_restore_takes_a_time_and_nothing_else(running: Machine) -> None:
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


def test_no_snapshot_is_taken_for_one_while_etcd_does_not_run(running: Machine) -> None:
    assert running.run("snapshot") != 0
    assert running.calls("aws") == 0
