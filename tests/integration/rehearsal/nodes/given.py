"""What an update gives the machines of `production` and its administrator, read where they read it."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from devtools.rehearsal.aws.provider import AT_MOTO
from devtools.rehearsal.providers import fake_providers
from devtools.sandbox.debian import node_environment, parts
from tests.integration.rehearsal.conftest import SmallStack

PROGRAM = Path(__file__).parents[1] / "machines"
REGION = "ap-northeast-2"
NAME = "production"
HOSTNAME = "api.production.example.org"
CONFIG: dict[str, Any] = {
    "switchyard:cluster": {
        "kind": "ec2",
        "name": NAME,
        "region": REGION,
        "hostname": HOSTNAME,
        "network": {"administrators": ["203.0.113.0/24"]},
    },
    "switchyard:services": {
        "backend": {
            "image": "ghcr.io/org/backend",
            "active": "blue",
            "nodePort": 30080,
            "blue": {"tag": "v1.0.0", "replicas": 3},
            "green": {"tag": "v1.0.0", "replicas": 0},
        }
    },
}

CLOUD_INIT = ("cloud-init",)

WRITE_FILES = """
import sys, yaml
from cloudinit.config.cc_write_files import write_files
_, user_data, root = sys.argv
files = yaml.safe_load(open(user_data))["write_files"]
write_files("write_files", [{**file, "path": root + file["path"]} for file in files], "")
"""
"""A program for cloud-init's Python; without an owner, so that files are whose who runs it."""


@dataclass(frozen=True)
class Given:
    """What came of an update.

    Attributes:
        user_data: user data of each machine, by node.
        parameters: values of Systems Manager by name.
        kubeconfig: the administrator's.
    """

    user_data: dict[str, str]
    parameters: dict[str, str]
    kubeconfig: str

    def parameter(self, key: str) -> str:
        """A parameter by the end of its name, for example ``join/token``."""
        return self.parameters[f"/switchyard/{NAME}/{key}"]


def build_stack(directory: Path) -> Given:
    """Makes the whole stack at the fake providers, and reads what the machines and the administrator are given.

    Args:
        directory: an empty one.
    """
    (directory / "rehearsal").mkdir()
    (directory / "stack").mkdir()
    with pytest.MonkeyPatch.context() as patch, fake_providers(directory / "rehearsal", region=REGION) as running:
        for name, value in running.environment.items():
            patch.setitem(os.environ, name, value)
        stack = SmallStack(directory / "stack", CONFIG, PROGRAM)
        result = stack.up()
        assert result.ok, result.output
        kubeconfig = stack.run("stack", "output", "kubeconfig", "--show-secrets", check=True).output
        return Given(_user_data(), _parameters(), kubeconfig)


def cloud_init_schema(user_data: Path) -> subprocess.CompletedProcess[str]:
    """Asks cloud-init itself, the one of this machine's Debian release, whether it takes a machine's user data.

    Its packages are unpacked beside the toolchain; none of them is installed.
    """
    return _cloud_init(str(parts(CLOUD_INIT) / "usr/bin/cloud-init"), "schema", "--config-file", str(user_data))


def cloud_init_writes(user_data: Path, root: Path) -> None:
    """Lets the same cloud-init write the files of a machine's user data, all of them into a folder.

    Args:
        user_data: user data of the machine.
        root: the folder.
    """
    done = _cloud_init("-c", WRITE_FILES, str(user_data), str(root))
    assert (done.returncode, done.stderr) == (0, "")


def cloud_init_keys() -> set[str]:
    """Top-level keys of all modules of the same cloud-init."""
    [schema] = parts(CLOUD_INIT).glob("usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v*")
    modules = {name: body for name, body in json.loads(schema.read_text())["$defs"].items() if name.startswith("cc_")}
    return {key for body in modules.values() for key in body["properties"]}


def _cloud_init(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = parts(CLOUD_INIT)
    environment = node_environment(root) | {"PYTHONHOME": str(root / "usr")}
    command = [str(root / "usr/bin/python3"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _user_data() -> dict[str, str]:
    ec2 = boto3.client("ec2", region_name=REGION, config=AT_MOTO)
    texts = {}
    for group in ec2.describe_instances()["Reservations"]:
        for instance in group["Instances"]:
            [name] = [tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name"]
            asked = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
            text = base64.b64decode(asked["UserData"]["Value"]).decode()
            texts[name.removeprefix(f"{NAME}-")] = text
    return texts


def _parameters() -> dict[str, str]:
    pages = boto3.client("ssm", region_name=REGION).get_paginator("get_parameters_by_path")
    path = f"/switchyard/{NAME}"
    return {
        parameter["Name"]: parameter["Value"]
        for page in pages.paginate(Path=path, Recursive=True, WithDecryption=True)
        for parameter in page["Parameters"]
    }
