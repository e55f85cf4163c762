"""A control plane that runs on what kubeadm made of our certificates and our configuration, and those who come to it.

etcd, the API server, the controller manager and the kubelets are the real ones; the kubelets end where they look for a
container runtime, so that no node joins.
"""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from devtools.rehearsal.machines.fleet import ADMINISTRATORS
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import GROUPS
from switchyard.bootstrap import cloud_init, cluster_dns
from switchyard.bootstrap.kubeadm import kubelet_configuration
from switchyard.config.models.nodes import DEFAULT_NODES, labels, taints
from tests.integration.rehearsal.nodes.certificates import forged, kubelet_request, with_user
from tests.integration.rehearsal.nodes.cluster import GIVEN, MASTER, WORKER, WORKERS, Cluster, Master, document
from tests.integration.rehearsal.nodes.control_plane import kubeadm, kubelet_flags
from tests.integration.rehearsal.nodes.given import Given

needs_kubelet = pytest.mark.skipif(
    any(tool.name == "kubelet" and installed_from(tool) is None for tool in GROUPS["nodes"]),
    reason="kubelet missing; run: python -m devtools.toolchain install kubelet",
)


def test_the_administrator_has_all_permissions_once_kubeadm_has_bound_the_group(cluster: Cluster) -> None:
    assert cluster.before == "no"
    assert cluster.kubectl("auth", "can-i", "*", "*").strip() == "yes"
    bound = json.loads(cluster.kubectl("get", "clusterrolebinding", "kubeadm:cluster-admins", "-o", "json"))
    # What a rehearsal of the whole stack makes in kubeadm's place.
    assert {key: bound[key] for key in ("roleRef", "subjects")} == {
        key: ADMINISTRATORS[key] for key in ("roleRef", "subjects")
    }


def test_clients_of_another_certificate_authority_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    file = with_user(cluster.administrator, forged(cluster.administrator), tmp_path / "forged.conf")
    done = cluster.plane.kubectl(file, "get", "namespaces")
    assert done.returncode != 0
    assert "You must be logged in" in done.stderr


def test_a_secret_is_encrypted_in_etcd_and_is_not_in_the_audit_log(cluster: Cluster) -> None:
    cluster.kubectl("create", "secret", "generic", "kept", "--from-literal=word=not-to-be-read")
    cluster.kubectl("create", "configmap", "open", "--from-literal=word=to-be-read")
    stored = cluster.plane.stored("/registry/secrets/default/kept")
    assert stored.startswith(b"k8s:enc:secretbox:v1:key1:")
    assert b"not-to-be-read" not in stored
    assert b"to-be-read" in cluster.plane.stored("/registry/configmaps/default/open")
    log = (cluster.plane.root / "var/log/kubernetes/audit/audit.log").read_text()
    [event] = [
        event
        for event in map(json.loads, log.splitlines())
        if event["verb"] == "create" and event["objectRef"].get("name") == "kept"
    ]
    assert (event["level"], event["user"]["username"]) == ("Metadata", "switchyard-admin")
    assert base64.b64encode(b"not-to-be-read").decode() not in log


def test_service_account_tokens_are_signed_with_our_key(cluster: Cluster, master: Master) -> None:
    cluster.kubectl("create", "serviceaccount", "it")
    head, payload, signature = cluster.kubectl("create", "token", "it").strip().split(".")
    public = serialization.load_pem_public_key(master.before["sa.pub"])
    assert isinstance(public, rsa.RSAPublicKey)
    signed = base64.urlsafe_b64decode(f"{signature}==")
    public.verify(signed, f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())


def test_the_join_token_and_the_hash_are_those_of_kubeadm(cluster: Cluster, given: Given) -> None:
    id_, secret = given.parameter("join/token").split(".")
    stored = json.loads(cluster.kubectl("get", "secret", "-n", "kube-system", f"bootstrap-token-{id_}", "-o", "json"))
    values = {name: base64.b64decode(value).decode() for name, value in stored["data"].items()}
    assert (stored["type"], values["token-secret"]) == ("bootstrap.kubernetes.io/token", secret)
    assert "expiration" not in values
    done = kubeadm(cluster.plane.root, "token", "create", "--print-join-command")
    assert f"--discovery-token-ca-cert-hash {given.parameter('join/ca-hash')}" in done.stdout, done.stderr


def test_kubeadm_taints_the_control_plane_as_the_settings_say(cluster: Cluster, tmp_path: Path) -> None:
    # In its kubelet's place: there is none that could register.
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": MASTER, "labels": {"kubernetes.io/hostname": MASTER}},
    }
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(node))
    cluster.kubectl("create", "-f", str(tmp_path / "node.yaml"))
    done = kubeadm(cluster.plane.root, "init", "phase", "mark-control-plane", *GIVEN)
    assert done.returncode == 0, done.stderr
    marked = json.loads(cluster.kubectl("get", "node", MASTER, "-o", "json"))
    own = [taint.model_dump(exclude_none=True) for taint in taints(DEFAULT_NODES[MASTER])]
    assert [taint for taint in marked["spec"]["taints"] if taint in own] == own
    assert labels(DEFAULT_NODES[MASTER]).items() <= marked["metadata"]["labels"].items()


def test_kubeadm_accepts_an_existing_cluster_and_does_not_change_its_node(cluster: Cluster, tmp_path: Path) -> None:
    # As after a restore on another machine: objects of all phases, and a node with another provider's id.
    gone = "aws:///ap-northeast-2a/i-0000000000000000f"
    cluster.kubectl("delete", "node", MASTER, "--ignore-not-found")
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": MASTER, "labels": {"kubernetes.io/hostname": MASTER}},
        "spec": {"providerID": gone},
    }
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(node))
    cluster.kubectl("create", "-f", str(tmp_path / "node.yaml"))
    for _ in ("makes what is not there", "finds all of it"):
        for phase in (("upload-config", "all"), ("mark-control-plane",), ("bootstrap-token",), ("addon", "all")):
            done = kubeadm(cluster.plane.root, "init", "phase", *phase, *GIVEN)
            assert done.returncode == 0, done.stderr
    assert cluster.kubectl("get", "node", MASTER, "-o", "jsonpath={.spec.providerID}") == gone
    # What it marks a node with goes with the node, and so is what own_node of snapshots.sh gives the new one.
    marked = json.loads(cluster.kubectl("get", "node", MASTER, "-o", "json"))["metadata"]
    script = (cloud_init.SCRIPTS / "snapshots.sh").read_text()
    for key in marked["labels"]:
        assert key == "kubernetes.io/hostname" or f"{key}=" in script
    assert not any("kubeadm" in key for key in marked.get("annotations", {}))
    other = cluster.plane.kubectl(
        cluster.administrator, "patch", "node", MASTER, "-p", '{"spec": {"providerID": "aws:///ap-northeast-2b/i-1"}}'
    )
    assert "Forbidden" in other.stderr


def test_kubeadm_keeps_the_dns_off_the_control_plane_and_each_pod_on_a_node_of_its_own(cluster: Cluster) -> None:
    done = kubeadm(cluster.plane.root, "init", "phase", "addon", "coredns", *GIVEN)
    assert done.returncode == 0, done.stderr
    live = json.loads(cluster.kubectl("-n", "kube-system", "get", "deployment", cluster_dns.DEPLOYMENT, "-o", "json"))
    assert live["spec"]["replicas"] == cluster_dns.REPLICAS
    assert live["spec"]["selector"]["matchLabels"] == cluster_dns.PODS
    patch = cluster_dns.patch(DEFAULT_NODES)
    assert patch is not None
    wanted, affinity = (spec["spec"]["template"]["spec"]["affinity"] for spec in (patch, live))
    for kind, terms in wanted.items():
        required = "requiredDuringSchedulingIgnoredDuringExecution"
        assert affinity[kind][required] == terms[required]
    # The command of the warning changes nothing on a cluster that has the patch.
    command = ("-n", "kube-system", "patch", "deployment", cluster_dns.DEPLOYMENT, "--patch", json.dumps(patch))
    assert "no change" in cluster.kubectl(*command)


@pytest.mark.parametrize("node_name", WORKERS)
def test_every_worker_finds_the_cluster_by_its_own_configuration(
    kubelets: dict[str, Path], master: Master, node_name: str
) -> None:
    certificate = (kubelets[node_name] / "etc/kubernetes/pki/ca.crt").read_bytes()
    assert certificate.strip() == master.before["ca.crt"].strip()


def test_a_worker_does_not_join_a_cluster_of_another_certificate_authority(kubelets: dict[str, Path]) -> None:
    root = kubelets[WORKER]
    text = (root / "here.yaml").read_text()
    (root / "other.yaml").write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", text))
    done = kubeadm(root, "join", "phase", "kubelet-start", "--config", "/other.yaml")
    assert done.returncode != 0
    assert "none of the public keys" in done.stderr


@needs_kubelet
@pytest.mark.parametrize("node_name", DEFAULT_NODES)
def test_every_kubelet_takes_its_configuration_and_its_flags(
    kubelets: dict[str, Path], cluster: Cluster, node_name: str
) -> None:
    root, flags = kubelets[node_name], kubelet_flags(kubelets[node_name])
    kind = "InitConfiguration" if node_name == MASTER else "JoinConfiguration"
    registration = document(root, kind)["nodeRegistration"]
    for argument in registration["kubeletExtraArgs"]:
        assert flags[argument["name"]] == argument["value"]
    # The control plane's node is tainted by the last phase of kubeadm's, once it is there.
    tainted = [] if node_name == MASTER else registration["taints"]
    assert flags.get("register-with-taints", "") == ",".join(
        f"{taint['key']}={taint['value']}:{taint['effect']}" for taint in tainted
    )
    config = yaml.safe_load((root / "var/lib/kubelet/config.yaml").read_text())
    # Workers have these from the cluster.
    for key in ("cgroupDriver", "evictionHard", "kubeReserved", "maxPods", "systemReserved"):
        assert config[key] == kubelet_configuration()[key]
    said = cluster.plane.kubelet(root, flags)
    assert "failed to run Kubelet: validate service connection" in said, said
    assert "/run/containerd/containerd.sock" in said


@needs_kubelet
@pytest.mark.parametrize(
    ("flag", "value", "complaint"),
    [
        ("node-labels", "node-role.kubernetes.io/worker=", "unknown 'kubernetes.io' or 'k8s.io' labels"),
        ("register-with-taints", "dedicated=redis:NoSchedul", "invalid taint effect"),
        ("node-ipp", "10.0.2.7", "unknown flag: --node-ipp"),
    ],
)
def test_a_kubelet_refuses_a_flag_that_is_wrong(
    kubelets: dict[str, Path], cluster: Cluster, flag: str, value: str, complaint: str
) -> None:
    said = cluster.plane.kubelet(kubelets[WORKER], kubelet_flags(kubelets[WORKER]) | {flag: value})
    assert complaint in said


def test_a_worker_gets_a_certificate_for_its_token_alone(
    cluster: Cluster, given: Given, master: Master, tmp_path: Path
) -> None:
    user = {"token": given.parameter("join/token")}
    file = with_user(cluster.administrator, user, tmp_path / "bootstrap.conf")
    (tmp_path / "request.yaml").write_text(yaml.safe_dump(kubelet_request(WORKER)))
    asked = cluster.plane.kubectl(file, "create", "-f", str(tmp_path / "request.yaml"))
    assert asked.returncode == 0, asked.stderr
    cluster.kubectl("wait", "csr", WORKER, "--for=jsonpath={.status.certificate}", "--timeout=60s")
    pem = base64.b64decode(cluster.kubectl("get", "csr", WORKER, "-o", "jsonpath={.status.certificate}"))
    x509.load_pem_x509_certificate(pem).verify_directly_issued_by(master.certificate("ca.crt"))
