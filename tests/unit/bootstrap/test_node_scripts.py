"""The scripts of a node, executed: their paths point into a folder of the test, and programs are fakes.

What the fakes cannot show: whether packages install, and whether kubeadm makes a node.
"""

import stat

import yaml

from switchyard.bootstrap import kubeadm
from tests.support.node_machine import Machine
from tests.support.prepared_nodes import CLUSTER, HASH, TOKEN, master, worker

__all__ = ["master", "worker"]


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


def test_the_wait_for_an_api_server_has_a_timeout(worker: Machine) -> None:
    (worker.root / "unreachable").touch()
    assert worker.boot() != 0
    assert worker.calls("kubeadm join") == 0
    assert "after: 4/5 waiting for the API server" in worker.phase


def test_a_failed_boot_succeeds_when_it_is_run_again(master: Machine) -> None:
    (master.root / "broken").touch()
    assert master.boot() != 0
    assert master.phase.startswith("failed")
    (master.root / "broken").unlink()
    assert master.boot() == 0
    assert master.phase == "5/5 done"


def test_a_secret_that_is_missing_is_asked_for_again_and_then_aborted(worker: Machine) -> None:
    (worker.root / "ssm/switchyard/production/join/token").unlink()
    assert worker.boot() != 0
    assert worker.calls("aws ssm get-parameter") == 20
    assert "after: 3/5 identity and secrets" in worker.phase
