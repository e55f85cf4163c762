"""`switchyard status`: what is configured and what serves, and exit codes for scripts."""

import json
import subprocess
import sys

import pytest

from devtools.engine import NAME, Stack
from switchyard.manifests.labels import object_labels
from switchyard.release.phases import Result
from tests.support.kubectl import Kubectl
from tests.support.release_records import record

pytestmark = pytest.mark.shared_stack


def status(stack: Stack, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "switchyard", "status", "--stack", NAME, *options]
    return subprocess.run(
        command, cwd=stack.directory, env=stack.environment, capture_output=True, text=True, check=False
    )


def test_status_shows_each_service_and_ends_with_0_when_all_is_as_configured(serving: Stack, kubectl: Kubectl) -> None:
    result = status(serving)
    assert result.returncode == 0, result.stderr
    [row] = [line for line in result.stdout.splitlines() if f"{kubectl.namespace}/backend" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][1:5] == [
        "blue",
        "blue",
        "v1.0.0  3/3 ready",
        "-  0/0 ready",
    ]
    assert "Simulated nodes" in result.stdout


def test_status_ends_with_1_when_another_colour_serves_than_is_configured(serving: Stack, kubectl: Kubectl) -> None:
    selecting = '{{"spec": {{"selector": {{"version": "{}"}}}}}}'
    kubectl.run("patch", "service", "backend", "-p", selecting.format("green"))
    result = status(serving)
    kubectl.run("patch", "service", "backend", "-p", selecting.format("blue"))
    assert result.returncode == 1
    assert "pulumi up --refresh" in result.stdout


def test_status_ends_with_2_and_every_error_when_the_configuration_is_wrong(serving: Stack) -> None:
    serving.set("services.backend.active", "purple")
    result = status(serving)
    assert result.returncode == 2
    assert "switchyard:services.backend.active: 'purple': allowed: blue, green" in result.stderr
    assert "Traceback" not in result.stderr


def test_status_ends_with_1_and_one_line_when_no_api_server_answers(serving: Stack, kubectl: Kubectl) -> None:
    dead = serving.directory / "kubeconfig"
    text = kubectl.kubeconfig.read_text()
    [server] = [line.split()[-1] for line in text.splitlines() if "server:" in line]
    dead.write_text(text.replace(server, "https://127.0.0.1:1"))
    serving.set("cluster.kubeconfig", str(dead))
    result = status(serving)
    assert result.returncode == 1
    assert "The cluster does not answer" in result.stderr
    assert "connection refused" in result.stderr
    assert "Traceback" not in result.stderr


def test_status_without_a_kubeconfig_says_which_is_missing(serving: Stack) -> None:
    serving.set("cluster.kubeconfig", str(serving.directory / "none"))
    result = status(serving)
    assert result.returncode == 1
    assert str(serving.directory / "none") in result.stderr
    assert "Traceback" not in result.stderr


def test_status_ends_with_2_and_no_value_when_one_is_encrypted(serving: Stack) -> None:
    assert serving.run("config", "set", "--secret", "--path", "switchyard:services.backend.env.TOKEN", "hunter2").ok
    result = status(serving)
    assert result.returncode == 2
    assert "switchyard:services: has a value set with --secret" in result.stderr
    assert "hunter2" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_status_ends_with_2_when_a_value_is_no_json(serving: Stack) -> None:
    assert serving.run("config", "set", "switchyard:production", "yes").ok
    result = status(serving)
    assert result.returncode == 2
    assert "switchyard:production" in result.stderr
    assert "Traceback" not in result.stderr


def test_status_shows_what_runs_after_somebody_has_set_another_image(serving: Stack, kubectl: Kubectl) -> None:
    # The last of the module: it leaves the pods as they are.
    kubectl.run("set", "image", "deployment/backend-blue", "app=ghcr.io/org/backend:v9")
    kubectl.run("rollout", "status", "deployment/backend-blue", "--timeout=60s")
    result = status(serving)
    assert result.returncode == 1
    assert "v9  3/3 ready" in result.stdout
    assert "pods of blue run ghcr.io/org/backend:v9 (set by kubectl-set)" in result.stdout

    result = status(serving, "--json")
    assert result.returncode == 1
    [service] = json.loads(result.stdout)["services"]
    assert (service["name"], service["namespace"]) == ("backend", kubectl.namespace)
    assert (service["configured"], service["serving"]) == ("blue", "blue")
    blue = service["tracks"]["blue"]
    assert (blue["tag"], blue["wanted"], blue["ready"]) == ("v9", 3, 3)
    assert service["tracks"]["green"]["tag"] is None


def test_a_doubt_ends_once_status_sees_that_the_switch_is_followed(serving: Stack, kubectl: Kubectl) -> None:
    doubt = "backend: 1 of 2 nodes do not follow the switch to blue (SY-P140)."
    release = record(kind="switch", source="green", target="blue", result=Result.SUCCEEDED, receipt={"doubt": doubt})
    metadata = {"name": "backend-release", "labels": object_labels("backend")}
    data = {"current": json.dumps(release.to_json())}
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    [service] = json.loads(status(serving, "--json").stdout)["services"]
    assert (service["release"]["id"], service["release"]["doubt"]) == (release.id, None)
    assert "is in doubt" not in status(serving).stdout
