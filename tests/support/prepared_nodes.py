"""Machines on which the scripts of a node run, with what cloud-init has put there."""

import functools
from pathlib import Path

import pytest

from switchyard.bootstrap import cloud_init, kubeadm
from switchyard.config.models.ec2 import Ec2Cluster
from tests.support.node_machine import Machine, machine

CLUSTER = Ec2Cluster(kind="ec2", name="production")
TOKEN = "abcdef.0123456789abcdef"
HASH = f"sha256:{'0' * 64}"


def prepared(root: Path, node_name: str, *, cluster_exists: bool = False) -> Machine:
    files = {file: f"content of {file}" for file in kubeadm.PKI_FILES}
    secrets = cloud_init.secrets(files, TOKEN, HASH)
    return machine(
        root,
        _user_data(node_name, cluster_exists=cluster_exists),
        {cloud_init.parameter_name(CLUSTER, key): value for key, value in secrets.items()},
    )


@functools.cache
def _user_data(node_name: str, *, cluster_exists: bool) -> str:
    return cloud_init.user_data(
        CLUSTER, node_name, endpoint="203.0.113.10", backup_bucket="b", cluster_exists=cluster_exists
    )


@pytest.fixture
def worker(tmp_path: Path) -> Machine:
    return prepared(tmp_path, "k8s-worker-1")


@pytest.fixture
def master(tmp_path: Path) -> Machine:
    return prepared(tmp_path, "k8s-master")


@pytest.fixture
def later_master(tmp_path: Path) -> Machine:
    """The control plane of a cluster that has run before."""
    return prepared(tmp_path, "k8s-master", cluster_exists=True)
