"""cloud-init's user data of each machine, and the secrets that it fetches at boot from SSM.

User data can be read by everything on a machine and by everyone who may describe it. So it has no secret: the boot
script fetches those from SecureString parameters with the machine's role.
"""

import base64
import gzip
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from switchyard.bootstrap import api_server, cluster_dns, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import Role
from switchyard.errors import ParameterTooLongError, UserDataTooLongError

USER_DATA_LIMIT = 16384
"""Bytes of user data that EC2 takes, before base64."""

PARAMETER_LIMIT = 4096
"""Bytes of a standard parameter of SSM."""

Text = TypeVar("Text")
"""A text, or an output of the engine that will be one."""

PACKED = "gz+b64"
"""Encoding of a compressed file in cloud-init's configuration."""

SCRIPTS = Path(__file__).parent / "node_scripts"

PHASE_FILE = "/var/lib/switchyard/phase"
"""File in which a machine records the phase of its start (`common.sh`)."""

SNAPSHOTS = "snapshots/"
"""Prefix of all backups in the bucket: the control plane's role may write and read below it."""

SNAPSHOT_FILE = "/etcd.db"
"""End of the key of a snapshot, which is uploaded last (`snapshot.sh`)."""

JOIN_TOKEN = "join/token"  # noqa: S105 - the name of a parameter
CA_HASH = "join/ca-hash"
JOIN_PARAMETERS = (JOIN_TOKEN, CA_HASH)
"""Keys of the parameters that every node reads."""

PKI_PARAMETERS = tuple(f"pki/{file}" for file in kubeadm.PKI_FILES)
"""Keys of the parameters that only the control plane reads."""

PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"
"""The pause image of kubeadm 1.34 (its constants). That of another version works as well, and kubeadm warns."""

TIME_SERVICE = "169.254.169.123"
"""Amazon Time Sync Service: link-local, which no security group filters (user guide of EC2, Set the time reference)."""

CONTAINERD = f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true
"""

SYSCTL = """net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
"""

SNAPSHOT_SERVICE = """[Unit]
Description=Snapshot of etcd into the bucket
After=network-online.target containerd.service
[Service]
Type=oneshot
TimeoutStartSec=4min
ExecStart=/usr/local/sbin/switchyard-snapshot
"""

SNAPSHOT_TIMER = """[Unit]
Description=Snapshot of etcd every {minutes} min
[Timer]
OnActiveSec=2min
OnUnitActiveSec={minutes}min
AccuracySec=10s
[Install]
WantedBy=timers.target
"""


LOGIND_OF_UPGRADES = "/etc/systemd/logind.conf.d/unattended-upgrades-logind-maxdelay.conf"
"""An empty file that hides the one of the same name of unattended-upgrades under ``/usr/lib``: 30 s for a shutdown.

It sorts after the kubelet's own ``99-kubelet.conf``, and a kubelet that does not get the time that its configuration
asks for does nothing at a shutdown (kubernetes/kubernetes#102818). It reloads logind itself when it starts, which
then does not see the hidden file any more.
"""


def parameter_prefix(cluster: Ec2Cluster) -> str:
    """Path of all parameters of a cluster."""
    return f"/switchyard/{cluster.name}"


def parameter_name(cluster: Ec2Cluster, key: str) -> str:
    """Name of one parameter.

    Args:
        cluster: the cluster.
        key: one of `PKI_PARAMETERS` and `JOIN_PARAMETERS`.
    """
    return f"{parameter_prefix(cluster)}/{key}"


def readable_parameters(cluster: Ec2Cluster, role: Role) -> list[str]:
    """Names of the parameters that machines of a role may read, and no others."""
    keys = JOIN_PARAMETERS + (PKI_PARAMETERS if role is Role.CONTROL_PLANE else ())
    return [parameter_name(cluster, key) for key in keys]


def secrets(files: Mapping[str, Text], join_token: Text, discovery_hash: Text) -> dict[str, Text]:
    """The secrets that the machines fetch at boot, by the keys of their parameters.

    Args:
        files: files of the control plane, by path under its PKI directory: `kubeadm.PKI_FILES`.
        join_token: bootstrap token with which workers join.
        discovery_hash: hash by which workers verify the certificate authority.
    """
    pki = {key: files[file] for key, file in zip(PKI_PARAMETERS, kubeadm.PKI_FILES, strict=True)}
    return {**pki, JOIN_TOKEN: join_token, CA_HASH: discovery_hash}


def parameter_value(name: str, value: str) -> str:
    """Returns the value of a parameter if SSM accepts it.

    Raises:
        ParameterTooLongError: it is over the limit. The message has the name and never the value.
    """
    size = len(value.encode())
    if size > PARAMETER_LIMIT:
        raise ParameterTooLongError(
            f"{name}: {size} bytes: a standard parameter holds {PARAMETER_LIMIT} ({ParameterTooLongError.code}). The "
            "parameter was not written. Use a shorter key."
        )
    return value


def user_data(
    cluster: Ec2Cluster, node_name: str, *, endpoint: str, backup_bucket: str, cluster_exists: bool = False
) -> str:
    """A machine's user data: a #cloud-config that writes files and runs the boot script.

    Args:
        cluster: settings of the cluster.
        node_name: name of the machine, a key of the node table.
        endpoint: the API server's Elastic IP.
        backup_bucket: name of the bucket for snapshots of etcd.
        cluster_exists: whether the cluster has run before, so that a control plane without a snapshot of it must not
            start: by its empty etcd the kubelets of all workers would end their pods.

    Raises:
        UserDataTooLongError: it is over the limit of EC2.
    """
    role = cluster.nodes[node_name].role
    is_control_plane = role is Role.CONTROL_PLANE
    settings = {
        "NODE": node_name,
        "ROLE": role.value,
        "REGION": cluster.region,
        "KUBERNETES": cluster.kubernetes,
        "MINOR": cluster.kubernetes.rpartition(".")[0],
        "API_SERVER": kubeadm.internal_name(cluster, endpoint),
        "PARAMETERS": parameter_prefix(cluster),
    }
    if is_control_plane:
        settings |= {
            "PKI_FILES": " ".join(kubeadm.PKI_FILES),
            "BUCKET": backup_bucket,
            "PREFIX": SNAPSHOTS,
            "SNAPSHOT": "required" if cluster_exists else "optional",
        }
    files = _common_files(settings)
    if is_control_plane:
        documents = kubeadm.init_configuration(cluster, endpoint)
        files += _control_plane_files(cluster)
    else:
        documents = kubeadm.join_configuration(cluster, endpoint, node_name)
    files.append(_file("/etc/switchyard/kubeadm.yaml", kubeadm.to_yaml(*documents), "0600"))
    config = {
        "hostname": node_name,
        # Nodes are reached by Session Manager; no account has a password or a key.
        "disable_root": True,
        "ssh_pwauth": False,
        # The security groups let no NTP out, and which servers an image asks by itself is the image's affair.
        "ntp": {"enabled": True, "servers": [TIME_SERVICE]},
        "write_files": files,
        "runcmd": [["/usr/local/sbin/switchyard-boot"]],
    }
    text = "#cloud-config\n" + yaml.dump(config, Dumper=_Dumper, sort_keys=False, width=1000)
    size = len(text.encode())
    if size > USER_DATA_LIMIT:
        raise UserDataTooLongError(
            f"user data of {node_name}: {size} bytes: EC2 takes {USER_DATA_LIMIT} ({UserDataTooLongError.code}). The "
            "machine was not created. Shorten the scripts in switchyard/bootstrap/node_scripts."
        )
    return text


def content(file: Mapping[str, str]) -> str:
    """The text that cloud-init writes for an entry of ``write_files``."""
    text = file["content"]
    return gzip.decompress(base64.b64decode(text)).decode() if file.get("encoding") == PACKED else text


def _common_files(settings: dict[str, str]) -> list[dict[str, str]]:
    environment = "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items())
    return [
        _file("/etc/switchyard/node.env", environment),
        _file("/etc/modules-load.d/switchyard.conf", "overlay\nbr_netfilter\n"),
        _file("/etc/sysctl.d/99-switchyard.conf", SYSCTL),
        _file("/etc/containerd/config.toml", CONTAINERD),
        _file("/etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\n"),
        _file(LOGIND_OF_UPGRADES, ""),
        _script("/usr/local/lib/switchyard/common.sh", "common", "0644"),
        _script("/usr/local/sbin/switchyard-boot", "boot"),
    ]


def _control_plane_files(cluster: Ec2Cluster) -> list[dict[str, str]]:
    units = "/etc/systemd/system/switchyard-snapshot"
    dns_patch = cluster_dns.patch(cluster.nodes)
    return [
        _file(kubeadm.AUDIT_POLICY_FILE, kubeadm.to_yaml(api_server.audit_policy()), "0600"),
        _script("/usr/local/lib/switchyard/snapshots.sh", "snapshots", "0644"),
        _script("/usr/local/sbin/switchyard-snapshot", "snapshot"),
        _script("/usr/local/sbin/switchyard-restore", "restore"),
        _file(f"{units}.service", SNAPSHOT_SERVICE),
        _file(f"{units}.timer", SNAPSHOT_TIMER.format(minutes=cluster.backup.every_minutes)),
        *([] if dns_patch is None else [_file(cluster_dns.PATCH_FILE, kubeadm.to_yaml(dns_patch))]),
    ]


def _file(path: str, content: str, permissions: str = "0644") -> dict[str, str]:
    return {"path": path, "permissions": permissions, "content": content}


def _script(path: str, name: str, permissions: str = "0755") -> dict[str, str]:
    """A compressed script without its comments: as plain texts the scripts are larger than the limit."""
    shebang, *lines = (SCRIPTS / f"{name}.sh").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.lstrip().startswith("#")]
    packed = gzip.compress("\n".join([shebang, *kept, ""]).encode(), mtime=0)
    return {"encoding": PACKED, **_file(path, base64.b64encode(packed).decode(), permissions)}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such: shorter than in quotes, and readable where they are looked up."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
