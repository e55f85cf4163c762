"""A folder that stands for a machine: the files of its user data, secrets in place of SSM, fakes of programs.

The scripts of a node run in it for once, their paths leading into the folder.
"""

import functools
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from switchyard.bootstrap import cloud_init

PACKAGES = ("apt-get", "apt-mark", "snap")
SYSTEM = ("modprobe", "sleep", "swapoff", "sysctl", "systemctl")
PROGRAMS = (*PACKAGES, *SYSTEM, "aws", "crictl", "ctr", "curl", "kubeadm", "kubectl")

FAKE = """#!/bin/sh
for last; do :; done
name=${0##*/}
echo "$name $*" >>"$ROOT/calls"
case "$name $*" in
  "curl "*api/token*) echo imds ;;
  "curl "*instance-id) echo i-0123456789abcdef0 ;;
  "curl "*availability-zone) echo ap-northeast-2b ;;
  "curl "*local-ipv4) echo 10.0.2.7 ;;
  "curl "*Release.key*) : >>"$last" ;;
  "curl "*livez) [ ! -e "$ROOT/unreachable" ] ;;
  "aws s3 cp "*) case "$last" in /*) echo snapshot >"$last" ;; esac ;;
  "aws s3api "*) [ ! -e "$ROOT/denied" ] && exec cat "$ROOT/newest" ;;
  "aws "*) exec cat "$ROOT/ssm$5" ;;
  "crictl ps "*) [ ! -e "$ROOT/running" ] || cat "$ROOT/running"; [ ! -e "$ROOT/mute" ] ;;
  "crictl exec "*etcdutl*) echo 'exec: "etcdutl": executable file not found in $PATH' >&2; exit 1 ;;
  "ctr "*" images pull gcr.io/"*) [ ! -e "$ROOT/blocked" ] && touch "$ROOT/pulled" ;;
  "ctr "*" images pull "*) touch "$ROOT/pulled" ;;
  "ctr "*" run "*" registry.k8s.io/etcd:"*) echo 'exec: "etcdutl": executable file not found in $PATH' >&2; exit 1 ;;
  "ctr "*" run "*) [ -e "$ROOT/pulled" ] || exit 1
    [ -e "$ROOT/spoilt" ] || mkdir -p "$ROOT/var/lib/switchyard/restore/data/member" ;;
  "kubectl get node "*) exec cat "$ROOT/provider" ;;
  "kubeadm config images list "*) echo registry.k8s.io/pause:3.10.1; echo registry.k8s.io/etcd:3.6.4-0 ;;
  "kubeadm init "*) cp -p "$3" "$ROOT/given.yaml"
    ls -A "$ROOT/var/lib/etcd" 2>/dev/null >"$ROOT/data"; [ ! -e "$ROOT/broken" ] ;;
  "kubeadm join "*) cp -p "$3" "$ROOT/given.yaml"; [ ! -e "$ROOT/broken" ] ;;
esac
"""
"""Every program of the machine, by the name that it is called by. POSIX, because such a shell starts fastest.

kubeadm's image of etcd has no etcdutl, and containerd runs only an image that was pulled.
"""


@dataclass
class Machine:
    """A folder that stands for a machine's file system."""

    root: Path

    def boot(self) -> int:
        return self.run("boot")

    def run(self, script: str, *arguments: str) -> int:
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "ROOT": str(self.root)}
        program = ["bash", f"{self.root}/usr/local/sbin/switchyard-{script}", *arguments]
        return subprocess.run(program, env=environment, capture_output=True, check=False, timeout=60).returncode

    def calls(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in (self.root / "calls").read_text().splitlines())

    @property
    def phase(self) -> str:
        return (self.root / "var/lib/switchyard/phase").read_text().strip()


@functools.cache
def _files(user_data: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(user_data)["write_files"])


def machine(root: Path, user_data: str, parameters: Mapping[str, str]) -> Machine:
    """A machine before its first boot.

    Args:
        root: an empty folder.
        user_data: user data of the machine.
        parameters: values by name, in place of SSM.
    """
    for file in _files(user_data):
        path = root / file["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = cloud_init.content(file)
        if content.startswith("#!"):
            for top in ("/etc/", "/usr/local/", "/var/lib/", "/run/switchyard", "/dev/console"):
                content = content.replace(top, f"{root}{top}")
        path.write_text(content)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/fstab").write_text("/dev/sda / ext4\n/swap none swap sw\n")
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    for name, value in parameters.items():
        path = root / "ssm" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (root / "newest").write_text('"none"\n')
    (root / "provider").write_text("aws:///ap-northeast-2b/i-0123456789abcdef0")
    (root / "bin").mkdir()
    for name in PROGRAMS:
        (root / "bin" / name).write_text(FAKE)
        (root / "bin" / name).chmod(0o755)
    return Machine(root)
