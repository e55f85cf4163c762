"""`switchyard deploy --together`: two services rolled back as one, and killed between their selectors and resumed."""

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from devtools.engine import NAME, Result, Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.faults import NEVER_READY
from tests.support.commands import KILLED_AFTER_PATCH, document, read_back, run_command, with_a_fault
from tests.support.history import History
from tests.support.hook_server import hook_server
from tests.support.injected_faults import AFTER_DRAIN
from tests.support.killed_api_server import KilledApiServer
from tests.support.kubectl import SECONDS, Kubectl
from tests.support.shared import Shared

KEYS = ["backend", "worker"]

ONE_CONDEMNED = """
import asyncio
from switchyard.release.watch.verdict import Outcome, Verdict
async def condemned(access, name, *_, **__):
    if name == "backend":
        await asyncio.sleep(3600)
    return Verdict(Outcome.BREACH, "The new version is worse than accepted.")
steps.watch = condemned
"""
"""The watch condemns the version of one service, and that of the other would take an hour."""


@pytest.fixture(scope="module")
def stack(of_module: Shared) -> Stack:
    """Two services that nobody watches, as simulated pods do not answer."""
    release = {"watch": {"seconds": 0}, "drain": {"method": "none"}}
    tracks = {"blue": {"tag": "v1.0.0", "replicas": 1}, "green": {"tag": "v1.0.0", "replicas": 0}}
    worker = {"image": "ghcr.io/org/worker", "namespace": of_module.kubectl.namespace, "active": "blue", **tracks}
    of_module.stack.set("services.worker", {**worker, "release": release})
    of_module.stack.set("services.backend.release", release)
    result = of_module.stack.up()
    assert result.ok, result.output
    return of_module.stack


def command(stack: Stack, *arguments: str, injected: str = "") -> subprocess.CompletedProcess[str]:
    result = run_command(stack, *arguments, "--yes", "--json", code=with_a_fault(injected) if injected else None)
    read_back(stack)
    return result


def records(kubectl: Kubectl) -> list[dict[str, Any]]:
    return [json.loads(kubectl.get("configmap", f"{key}-release")["data"]["current"]) for key in KEYS]


def serving(kubectl: Kubectl) -> list[str]:
    return [kubectl.serving(key) for key in KEYS]


def test_two_services_go_back_together_and_are_released_together(of_module: Shared, stack: Stack) -> None:
    kubectl = of_module.kubectl
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        back = document(
            command(stack, "deploy", "backend=v2.0.0", "worker=v2.5.0", "--together", injected=ONE_CONDEMNED)
        )
        assert (back["exitCode"], [release["result"] for release in back["services"]]) == (1, ["rolledBack"] * 2)
        because = "released together with worker, which is rolled back: The new version is worse"
        assert records(kubectl)[0]["detail"].startswith(because)
        assert serving(kubectl) == ["blue", "blue"]

        condemned = document(command(stack, "deploy", "backend=v2.0.0", "worker=v2.5.0", "--together"), 1)
        assert condemned["error"].startswith("worker: the deploy of v2.5.0 is refused (SY-P005)")
        # The version that went back with it may return, with another one of the other service.
        killed = command(stack, "deploy", "backend=v2.0.0", "worker=v2.6.0", "--together", injected=KILLED_AFTER_PATCH)
        assert killed.returncode == -9, killed.stdout + killed.stderr
        assert serving(kubectl) == ["green", "blue"]
        assert [(release["phase"], release["result"], release["together"]) for release in records(kubectl)] == [
            ("switch", "running", KEYS),
            ("switch", "running", KEYS),
        ]
        expired = '{"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}'
        for key in KEYS:
            kubectl.run("patch", "lease", f"{key}-release", "-p", expired)
        resumed = document(command(stack, "resume", "worker"), 0)
        assert (resumed["version"], resumed["command"], resumed["together"]) == (1, "resume", True)
        assert [(release["service"], release["phase"], release["serving"]) for release in resumed["services"]] == [
            ("backend", "bake", {"colour": "green", "tag": "v2.0.0"}),
            ("worker", "bake", {"colour": "green", "tag": "v2.6.0"}),
        ]
    for key in KEYS:
        assert history.colours(key) == ["blue", "green", "blue", "green"]
    assert (history.fewest_ready("backend"), history.fewest_ready("worker")) == (3, 1)
    rolled_back = kubectl.get("configmap", "backend-release")["data"]["rolledBack"]
    assert (serving(kubectl), json.loads(rolled_back), stack.planned()) == (["green", "green"], [], {})


def test_both_go_on_in_one_process_without_a_terminal_and_one_abort_ends_it(of_module: Shared, stack: Stack) -> None:
    kubectl = of_module.kubectl
    if serving(kubectl) == ["blue", "blue"]:  # unless the test before has released both
        document(command(stack, "deploy", "backend=v2.0.0", "worker=v2.5.0", "--together"), 0)
    assert document(command(stack, "abort", "backend"), 0)["exitCode"] == 0
    assert serving(kubectl) == ["blue", "blue"]
    versions = (f"backend=v3.0.0{NEVER_READY}", "worker=v3.0.0")
    started = document(command(stack, "deploy", *versions, "--together", "--detach"), 0)
    process = psutil.Process(started["process"])
    assert [entry["service"] for entry in started["services"]] == KEYS
    image = f"ghcr.io/org/backend:v3.0.0{NEVER_READY}"
    kubectl.wait(f"jsonpath={{.spec.template.spec.containers[0].image}}={image}", "deployment/backend-green")

    services = document(run_command(stack, "status", "--json"))["services"]
    holders = {service["key"]: service["release"]["holder"] for service in services}
    assert {key: (holder["process"], holder["detached"]) for key, holder in holders.items()} == dict.fromkeys(
        KEYS, (process.pid, True)
    )

    aborted = command(stack, "abort", "worker")
    assert [release["result"] for release in document(aborted, 0)["services"]] == ["failed", "failed"]
    assert aborted.stderr.count("interrupts ") == 1
    process.wait(SECONDS)  # it has released its Leases a moment before
    assert [release["id"] for release in records(kubectl)] == [entry["release"] for entry in started["services"]]
    assert (serving(kubectl), stack.planned()) == (["blue", "blue"], {})


def test_an_api_server_that_restarts_between_drain_and_watch_ends_no_release(
    of_module: Shared, stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    old, api = serving(of_module.kubectl), KilledApiServer(sandbox, tmp_path / "back")
    with hook_server() as server:
        server.before_answer = api.kill
        versions, code = ("backend=v4.0.0", "worker=v4.0.0"), with_a_fault(AFTER_DRAIN)
        deployed = run_command(
            stack, "deploy", *versions, "--together", "--yes", "--json", code=code, DRAINED=server.url
        )
    assert api.killed is not None, deployed.stdout + deployed.stderr
    api.wait()
    read_back(stack)
    released = document(deployed, 0)["services"]
    assert [(release["phase"], release["result"]) for release in released] == [("bake", "running")] * 2
    assert "the record of phase watch is tried again for 60 s at most" in deployed.stderr
    assert sandbox.processes()["kube-apiserver"] != api.killed.pid
    document(command(stack, "abort", "backend"), 0)
    assert serving(of_module.kubectl) == old


def test_a_pipeline_with_the_previous_configuration_ends_no_release_and_a_change_by_hand_takes_all_back(
    of_module: Shared, stack: Stack, tmp_path: Path
) -> None:
    kubectl, updates, colours = of_module.kubectl, list[Result](), list[list[str]]()
    [old, _] = serving(kubectl)
    previous = tmp_path / "previous.yaml"
    previous.write_text((stack.directory / f"Pulumi.{NAME}.yaml").read_text())

    def update_and_revert() -> None:
        updates.append(stack.up("--config-file", str(previous)))
        colours.append(serving(kubectl))
        kubectl.run("patch", "service", "backend", "-p", json.dumps({"spec": {"selector": {"version": old}}}))

    with hook_server() as server:
        hooks = {"afterSwitch": [{"name": "tell", "http": {"url": server.url}}]}
        stack.set("services.backend.release.hooks", hooks)
        server.before_answer = update_and_revert
        deployed = document(command(stack, "deploy", "backend=v5.0.0", "worker=v5.0.0", "--together"), 1)
    assert updates, deployed
    [update] = updates
    assert not update.ok
    assert f"backend: the switch to {old} is refused (SY-P001): the deploy of v5.0.0 by " in update.output
    [backend, worker] = deployed["services"]
    assert colours == [[backend["to"], worker["to"]]], "the pipeline has ended a release"

    # A selector that is changed by hand meets no gate; the release notices it, and condemns no version.
    assert [release["result"] for release in (backend, worker)] == ["rolledBack"] * 2
    assert (backend["phases"][-1]["outcome"], worker["phases"][-1]["outcome"]) == ("reverted", "breached")
    assert backend["detail"].startswith("the old colour serves again")
    assert worker["detail"].startswith("released together with backend, which is rolled back: the old colour serves")
    rolled_back = json.loads(kubectl.get("configmap", "backend-release")["data"]["rolledBack"])
    assert "v5.0.0" not in [version["tag"] for version in rolled_back]
    stack.set("services.backend.release.hooks", {})
    assert (serving(kubectl), stack.planned()) == ([old, old], {})
