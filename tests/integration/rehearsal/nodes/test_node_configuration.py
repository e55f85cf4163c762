"""User data and configuration of the machines, checked by the programs that read them: cloud-init and kubeadm.

The update is of the whole stack `production`, on fake AWS and TLS. Each machine is a folder in which its
own boot script has run, with fakes of the packages and of ``kubeadm init`` and ``join``. cloud-init is that of
this machine's Debian release; Ubuntu's is newer.
"""

import base64
import re
import shutil
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from switchyard.bootstrap.cloud_init import SCRIPTS, content
from switchyard.bootstrap.kubeadm import PKI_FILES, PLACEHOLDERS
from switchyard.config.models.nodes import DEFAULT_NODES
from tests.integration.rehearsal.nodes.certificates import client_certificate
from tests.integration.rehearsal.nodes.cluster import GIVEN, MASTER, WORKER, Master, document, files
from tests.integration.rehearsal.nodes.control_plane import kubeadm, static_pod
from tests.integration.rehearsal.nodes.given import (
    HOSTNAME,
    Given,
    cloud_init_keys,
    cloud_init_schema,
    cloud_init_writes,
)
from tests.support.node_machine import Machine

ISSUERS = {
    **{file: file for file in ("ca.crt", "front-proxy-ca.crt", "etcd/ca.crt")},
    "apiserver.crt": "ca.crt",
    "apiserver-kubelet-client.crt": "ca.crt",
    "front-proxy-client.crt": "front-proxy-ca.crt",
    "apiserver-etcd-client.crt": "etcd/ca.crt",
    "etcd/server.crt": "etcd/ca.crt",
    "etcd/peer.crt": "etcd/ca.crt",
    "etcd/healthcheck-client.crt": "etcd/ca.crt",
}
"""All certificates of a control plane, and who signs them."""

KUBECONFIGS = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

needs_debian = pytest.mark.skipif(shutil.which("apt-get") is None, reason="cloud-init comes from Debian's archive")


def test_the_machines_are_those_of_the_node_table(given: Given) -> None:
    assert given.user_data.keys() == DEFAULT_NODES.keys()


@needs_debian
@pytest.mark.parametrize("node_name", DEFAULT_NODES)
def test_cloud_init_takes_the_user_data_of_every_node(given: Given, tmp_path: Path, node_name: str) -> None:
    file = tmp_path / "user-data"
    file.write_text(given.user_data[node_name])
    done = cloud_init_schema(file)
    assert (done.returncode, done.stdout.strip()) == (0, f"Valid cloud-config: {file}"), done.stderr


@needs_debian
@pytest.mark.parametrize("node_name", DEFAULT_NODES)
def test_cloud_init_writes_every_file_as_it_was_before_it_was_packed(
    given: Given, tmp_path: Path, node_name: str
) -> None:
    (tmp_path / "user-data").write_text(given.user_data[node_name])
    cloud_init_writes(tmp_path / "user-data", tmp_path / "root")
    wanted = yaml.safe_load(given.user_data[node_name])["write_files"]
    assert len(wanted) == len(files(tmp_path / "root"))
    for file in wanted:
        path = tmp_path / "root" / file["path"].lstrip("/")
        assert path.read_text() == content(file)
        assert stat.S_IMODE(path.stat().st_mode) == int(file["permissions"], 8)


@needs_debian
def test_cloud_init_knows_every_key_of_the_user_data(given: Given) -> None:
    # It says nothing of one that it does not know, and does nothing for it.
    for text in given.user_data.values():
        assert yaml.safe_load(text).keys() <= cloud_init_keys()
    assert "run_cmd" not in cloud_init_keys()


@needs_debian
@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("permissions: '0644'", "permissions: 420", "permissions"),
        ("  permissions:", "  permission:", "permission"),
        ("runcmd:\n- - /", "runcmd: /", "runcmd"),
        ("#cloud-config\n", "#cloud-confg\n", "#cloud-config"),
    ],
    ids=["type", "field", "command", "header"],
)
def test_cloud_init_refuses_user_data_that_is_wrong(
    given: Given, tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    assert right in given.user_data[WORKER]
    file = tmp_path / "user-data"
    file.write_text(given.user_data[WORKER].replace(right, wrong, 1))
    done = cloud_init_schema(file)
    assert done.returncode != 0
    assert complaint in done.stderr


@pytest.mark.parametrize("node_name", DEFAULT_NODES)
def test_kubeadm_takes_the_configuration_that_every_node_fills_in(machines: dict[str, Machine], node_name: str) -> None:
    text = (machines[node_name].root / "given.yaml").read_text()
    assert not any(placeholder in text for placeholder in PLACEHOLDERS)
    assert ("kind: InitConfiguration" in text) == (node_name == MASTER)
    done = kubeadm(machines[node_name].root, "config", "validate", *GIVEN)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "ok", "")


@pytest.mark.parametrize(
    ("node_name", "field"),
    [
        (MASTER, "localAPIEndpoint"),
        (MASTER, "certSANs"),
        (MASTER, "evictionHard"),
        (MASTER, "clusterCIDR"),
        (WORKER, "caCertHashes"),
    ],
)
def test_kubeadm_refuses_a_field_that_it_does_not_know(
    machines: dict[str, Machine], node_name: str, field: str
) -> None:
    root = machines[node_name].root
    text = (root / "given.yaml").read_text()
    (root / "wrong.yaml").write_text(text.replace(f"{field}:", f"{field}s:"))
    done = kubeadm(root, "config", "validate", "--config", "/wrong.yaml")
    assert done.returncode != 0
    assert re.search(rf'unknown field "([\w.]+\.)?{field}s"', done.stderr), done.stderr


def test_the_check_that_a_restore_leaves_out_is_that_of_data_in_etcds_directory(
    machines: dict[str, Machine], tmp_path: Path
) -> None:
    (tmp_path / "given.yaml").write_text((machines[MASTER].root / "given.yaml").read_text())
    (tmp_path / "var/lib/etcd/member").mkdir(parents=True)
    [option] = re.findall(r"--ignore-preflight-errors=[\w-]+", (SCRIPTS / "boot.sh").read_text())
    # The folder has nothing that other checks look for.
    errors = []
    for options in ((), (option,)):
        done = kubeadm(tmp_path, "init", "phase", "preflight", *GIVEN, *options)
        errors.append(set(re.findall(r"\[ERROR (\S+)\]", done.stderr)))
    assert errors[0] - errors[1] == {"DirAvailable--var-lib-etcd"}
    assert errors[1] <= errors[0]


def test_kubeadm_names_the_image_of_etcd_that_it_starts(master: Master) -> None:
    done = kubeadm(master.root, "config", "images", "list", *GIVEN)
    [image] = [line for line in done.stdout.splitlines() if "/etcd:" in line]
    pod = yaml.safe_load((master.root / "etc/kubernetes/manifests/etcd.yaml").read_text())["spec"]
    assert pod["containers"][0]["image"] == image


def test_kubeadm_keeps_our_files_and_signs_all_others_with_our_certificate_authorities(
    master: Master, given: Given
) -> None:
    ours = {file: given.parameter(f"pki/{file}").strip() for file in PKI_FILES}
    assert {file: content.decode().strip() for file, content in master.before.items()} == ours
    after = files(master.pki)
    assert {file: after[file] for file in master.before} == master.before
    assert {file for file in after if file.endswith(".crt")} == ISSUERS.keys()
    for file, authority in ISSUERS.items():
        certificate = master.certificate(file)
        certificate.verify_directly_issued_by(master.certificate(authority))
        key = serialization.load_pem_private_key(after[file.replace(".crt", ".key")], None)
        assert key.public_key() == certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePrivateKey)


def test_every_kubeconfig_of_the_control_plane_is_signed_by_our_certificate_authority(master: Master) -> None:
    folder = master.root / "etc/kubernetes"
    assert {file.stem for file in folder.glob("*.conf")} == set(KUBECONFIGS)
    for name in KUBECONFIGS:
        [cluster] = yaml.safe_load((folder / f"{name}.conf").read_text())["clusters"]
        trusted = base64.b64decode(cluster["cluster"]["certificate-authority-data"])
        assert trusted.strip() == master.before["ca.crt"].strip()
        client_certificate(folder / f"{name}.conf").verify_directly_issued_by(master.certificate("ca.crt"))


def test_the_api_server_has_a_certificate_for_every_name_that_it_is_called_by(master: Master) -> None:
    names = master.certificate("apiserver.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    endpoint = document(master.root, "ClusterConfiguration")["controlPlaneEndpoint"].partition(":")[0]
    assert {HOSTNAME, endpoint, "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_path_that_a_static_pod_names_is_mounted_into_it(master: Master, component: str) -> None:
    flags, mounts = static_pod(master.root, component)
    paths = [value for value in flags.values() if value.startswith("/")]
    assert paths
    for path in paths:
        assert any(f"{path}/".startswith(f"{mount['path']}/") for mount in mounts), path
    for mount in mounts:
        # What must be there before the pod starts: user data or kubeadm has made it.
        if mount["type"].startswith("File"):
            assert (master.root / mount["path"].lstrip("/")).is_file(), mount
