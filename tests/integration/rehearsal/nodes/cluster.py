"""The control plane's machine, and its cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from switchyard.config.models.nodes import DEFAULT_NODES
from tests.integration.rehearsal.nodes.control_plane import ControlPlane

MASTER = "k8s-master"
WORKER = "k8s-worker-1"
WORKERS = [name for name in DEFAULT_NODES if name != MASTER]
GIVEN = ("--config", "/given.yaml")
"""Where the fake of ``kubeadm init`` and ``join`` puts what it was given, in the folder of the machine."""


@dataclass(frozen=True)
class Master:
    """The control plane's machine after kubeadm's phases.

    Attributes:
        root: its folder.
        before: the files of its PKI directory before kubeadm, by path.
    """

    root: Path
    before: dict[str, bytes]

    @property
    def pki(self) -> Path:
        return self.root / "etc/kubernetes/pki"

    def certificate(self, file: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.pki / file).read_bytes())


@dataclass(frozen=True)
class Cluster:
    """A control plane that runs, with what kubeadm makes in it for administrators and workers.

    Attributes:
        plane: the processes.
        administrator: our kubeconfig, leading there.
        host: name of the API server in the configuration of all nodes.
        before: whether the administrator might do everything before kubeadm had bound the group.
    """

    plane: ControlPlane
    administrator: Path
    host: str
    before: str

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints for the administrator."""
        done = self.plane.kubectl(self.administrator, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def document(root: Path, kind: str) -> dict[str, Any]:
    """Returns a document of kubeadm's configuration by its kind."""
    [document] = [each for each in yaml.safe_load_all((root / "given.yaml").read_text()) if each["kind"] == kind]
    return dict(document)
