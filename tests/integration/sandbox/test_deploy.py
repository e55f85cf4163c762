"""`switchyard deploy`: to the end, refused, and killed; a full colour serves at every write."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from devtools.engine import NAME, Stack
from devtools.sandbox.faults import CRASH_LOOP, NEVER_READY
from tests.support.commands import KILLED_AFTER_PATCH, document, read_back, run_command, with_a_fault
from tests.support.history import History
from tests.support.hook_server import HookServer, hook_server
from tests.support.injected_faults import AFTER_CALL, CONDEMNED, REAL_NODES, WHILE_WARMING
from tests.support.kubectl import SECONDS, Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.shared import Shared


@pytest.fixture(scope="module")
def stack(of_module: Shared) -> Stack:
    """The stack, whose releases are watched by nobody: its nodes are simulated, and their pods do not answer."""
    of_module.stack.set("services.backend.release", {"watch": {"seconds": 0}, "drain": {"method": "none"}})
    return of_module.stack


@pytest.fixture
def kubectl(of_module: Shared) -> Kubectl:
    return of_module.kubectl


@pytest.fixture
def green(stack: Stack, kubectl: Kubectl) -> None:
    """Green serves v2.0.0 and blue is retired, as the first test leaves them; a test that runs alone sees to it."""
    if kubectl.serving() == "blue":
        for act in (("deploy", "backend", "v2.0.0"), ("retire", "backend")):
            document(command(stack, *act), 0)


def command(stack: Stack, *arguments: str, injected: str = "") -> subprocess.CompletedProcess[str]:
    code = with_a_fault(injected) if injected else None
    result = run_command(stack, *arguments, "--yes", "--json", code=code)
    read_back(stack)
    return result


def backend(stack: Stack) -> dict[str, Any]:
    settings: dict[str, Any] = stack.config["config"]["switchyard:services"]["backend"]
    return settings


def current(kubectl: Kubectl) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(kubectl.get("configmap", "backend-release")["data"]["current"])
    return parsed


def expect_killed(stack: Stack, kubectl: Kubectl, tag: str, moment: str, phase: str, serving: str) -> None:
    result = command(stack, "deploy", "backend", tag, injected=moment)
    assert result.returncode == -9, result.stdout + result.stderr
    record = current(kubectl)
    assert (record["phase"], record["result"], record["tag"]) == (phase, "running", tag)
    assert kubectl.serving() == serving
    expire_lease(kubectl)


def test_a_release_killed_while_it_warms_is_resumed_to_its_end_and_retired(stack: Stack, kubectl: Kubectl) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        expect_killed(stack, kubectl, "v2.0.0", WHILE_WARMING, "warm", "blue")
        assert document(command(stack, "deploy", "backend", "v2.1.0"), 1)["code"] == "SY-P062"

        record = document(command(stack, "resume", "backend"))
        assert (record["version"], record["phase"], record["result"]) == (1, "bake", "running")
        assert [phase["phase"] for phase in record["phases"]] == ["warm", "prove", "switch", "drain", "watch", "bake"]
        assert {phase["outcome"] for phase in record["phases"][:-1]} == {"passed"}
        assert "was not watched" in record["phases"][4]["detail"]
        assert record["receipt"]["readyEndpoints"] == 3
        assert (kubectl.serving(), backend(stack)["active"]) == ("green", "green")
        stack.set("services.backend.active", "blue")  # an operator's rollback, before `pulumi up`
        assert "(SY-P065)" in document(command(stack, "retire", "backend"), 1)["detail"]
        stack.set("services.backend.active", "green")
        record = document(command(stack, "retire", "backend"))
        assert (record["phase"], record["result"]) == ("retire", "succeeded")
    assert (history.colours("backend"), backend(stack)["active"]) == (["blue", "green"], "green")
    assert history.fewest_ready("backend") == 3
    kubectl.expect_pods(blue=0, green=3)
    assert stack.planned() == {}


@pytest.mark.usefixtures("green")
def test_a_release_killed_after_the_patch_is_aborted_and_its_version_does_not_return(
    stack: Stack, kubectl: Kubectl
) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        expect_killed(stack, kubectl, "v3.0.0", KILLED_AFTER_PATCH, "switch", "blue")
        plain = stack.up()
        assert "blue serves on the cluster, though the stack has green (SY-S010)" in plain.output
        assert kubectl.serving() == "blue"
        record = document(command(stack, "abort", "backend"))
        assert record["result"] == "rolledBack"
        assert record["detail"].startswith("aborted by ")
    assert history.colours("backend") == ["green", "blue", "green"]
    assert history.fewest_ready("backend") == 3
    assert (kubectl.serving(), backend(stack)["active"]) == ("green", "green")
    assert document(command(stack, "deploy", "backend", "v3.0.0"), 1)["code"] == "SY-P005"


@pytest.mark.usefixtures("green")
def test_a_condemned_version_is_rolled_back_without_an_operator(stack: Stack, kubectl: Kubectl) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        record = document(command(stack, "deploy", "backend", "v3.1.0", injected=CONDEMNED), 1)
        assert (record["phase"], record["result"]) == ("watch", "rolledBack")
        assert "worse than accepted (SY-P050)" in record["detail"]
    assert history.colours("backend") == ["green", "blue", "green"]
    assert history.fewest_ready("backend") == 3
    [rolled_back, *_] = json.loads(kubectl.get("configmap", "backend-release")["data"]["rolledBack"])
    assert (rolled_back["tag"], rolled_back["release"]) == ("v3.1.0", record["id"])
    assert (kubectl.serving(), backend(stack)["active"], stack.planned()) == ("green", "green", {})


@pytest.mark.usefixtures("green")
def test_a_preview_that_would_change_something_else_refuses_the_release(stack: Stack, kubectl: Kubectl) -> None:
    before = stack.snapshot()
    stack.set("services.backend.green.replicas", 4)
    pending = stack.snapshot()
    record = document(command(stack, "deploy", "backend", "v4.0.0"), 1)
    assert (record["result"], record["phase"]) == ("refused", "warm")
    assert "backend-green (update)" in record["detail"]
    assert "(SY-P064)" in record["detail"]
    assert stack.snapshot()["config"] == pending["config"]
    stack.restore(before)

    serves = document(command(stack, "deploy", "backend", "v2.0.0"), 1)
    assert serves["code"] == "SY-P061"
    nothing = document(command(stack, "resume", "backend"), 1)
    assert nothing["code"] == "SY-P063"
    assert (kubectl.serving(), stack.planned()) == ("green", {})


def test_a_version_that_cannot_be_watched_is_refused_before_its_switch(stack: Stack, kubectl: Kubectl) -> None:
    serving = kubectl.serving()
    unwatched = backend(stack)["release"]["watch"]
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        stack.set("services.backend.release.watch", {"prometheus": "http://prometheus.monitoring:9090"})
        record = document(command(stack, "deploy", "backend", "v4.5.0", injected=REAL_NODES), 1)
        assert (record["result"], record["phase"]) == ("refused", "prove")
        assert "(SY-P157): the samples of http_requests_total of" in record["detail"]
        assert "Prometheus (http://prometheus.monitoring:9090, through the API server) " in record["detail"]

        stack.set("services.backend.release.watch", {"seconds": 60})
        pods = document(command(stack, "deploy", "backend", "v4.5.0", injected=REAL_NODES), 1)
        assert (pods["result"], pods["phase"]) == ("refused", "prove")
        assert "3 of 3 pods do not answer (backend-" in pods["detail"]

        urgent = command(stack, "deploy", "backend", "v4.5.0", "--hotfix", "--hold-after", "prove", injected=REAL_NODES)
        held = document(urgent, 0)
        assert (held["held"], held["hotfix"], held["phase"]) == (True, True, "switch")
        assert "(SY-P157). The release is a hotfix and continues." in urgent.stderr
        assert document(command(stack, "abort", "backend"), 0)["result"] == "failed"
    assert history.colours("backend") == [serving]
    stack.set("services.backend.release.watch", unwatched)
    assert (kubectl.serving(), stack.planned()) == (serving, {})


def test_a_release_without_its_terminal_outlives_it_and_an_abort_ends_it(stack: Stack, kubectl: Kubectl) -> None:
    serving = kubectl.serving()
    idle = "green" if serving == "blue" else "blue"
    started = document(command(stack, "deploy", "backend", f"v5.0.0{NEVER_READY}", "--detach"), 0)
    process = psutil.Process(started["process"])
    os.kill(process.pid, signal.SIGHUP)  # as at the end of a terminal
    assert (os.getsid(process.pid), process.terminal()) == (process.pid, None)
    image = f"ghcr.io/org/backend:v5.0.0{NEVER_READY}"
    kubectl.wait(f"jsonpath={{.spec.template.spec.containers[0].image}}={image}", f"deployment/backend-{idle}")

    [service] = document(run_command(stack, "status", "--json"))["services"]
    holder = service["release"]["holder"]
    assert (holder["process"], holder["detached"], service["release"]["phase"]) == (process.pid, True, "warm")
    assert process.is_running()

    aborted = command(stack, "abort", "backend", "--reason", "500s on /pay")
    record = document(aborted, 0)
    assert f"interrupts {holder['user']}@" in aborted.stderr
    assert (record["id"], record["result"]) == (started["release"], "failed")
    assert (record["detail"][:11], ": 500s on /pay. " in record["detail"]) == ("aborted by ", True)
    process.wait(SECONDS)  # it has released its Leases a moment before
    assert "Interrupted" in Path(started["log"]).read_text()
    kubectl.expect_pods(**{serving: 3, idle: 0})
    assert (kubectl.serving(), backend(stack)[idle]["replicas"]) == (serving, 0)


@pytest.mark.usefixtures("green")
def test_hooks_run_once_and_nobody_goes_back_behind_an_irreversible_one(stack: Stack, kubectl: Kubectl) -> None:
    kubectl.run("create", "secret", "generic", "ci", "--from-literal=token=Bearer hidden")
    with hook_server() as server, History(kubectl.kubeconfig, kubectl.namespace) as history:
        secret = {"Authorization": {"secret": "ci", "key": "token"}}
        hooks = {
            "beforeWarm": [{"name": "expand", "job": {"command": ["expand"]}}],
            "beforeSwitch": [{"name": "approve", "http": {"url": server.url, "secretHeaders": secret}}],
            "afterSwitch": [{"name": "purge", "http": {"url": server.url}, "onFailure": "continue"}],
            "beforeRetire": [{"name": "contract", "job": {"image": f"org/x:v1{CRASH_LOOP}"}, "irreversible": True}],
            "onRollback": [{"name": "alert", "http": {"url": server.url}}],
        }
        stack.set("services.backend.release.hooks", hooks)
        expect_killed(stack, kubectl, "v5.0.0", AFTER_CALL, "watch", "blue")
        record = document(command(stack, "resume", "backend"), 0)
        assert record["phase"] == "bake"
        outcomes = [(hook["name"], hook["outcome"]) for hook in record["hooks"]]
        assert outcomes == [("expand", "passed"), ("approve", "passed"), ("purge", "unknown")]
        assert [(body["hook"], body["tag"]) for _, _, body in server.calls] == [
            ("approve", "v5.0.0"),
            ("purge", "v5.0.0"),
        ]
        assert server.calls[0][1]["authorization"] == "Bearer hidden"
        assert server.calls[0][1]["idempotency-key"] == f"{record['id']}/approve"

        record = document(command(stack, "retire", "backend"), 1)
        assert (record["held"], record["phase"], record["hooks"][-1]["outcome"]) == (True, "retire", "failed")
        assert "hook contract at beforeRetire has failed" in record["detail"]
        jobs = json.loads(kubectl.run("get", "jobs", "-l", f"switchyard/release={record['id']}", "-o", "json"))["items"]
        ended = {job["metadata"]["labels"]["switchyard/hook"]: job["status"] for job in jobs}
        assert (ended["expand"]["succeeded"], ended["contract"]["failed"], len(jobs)) == (1, 1, 2)
        assert "hidden" not in json.dumps(kubectl.get("configmap", "backend-release"))

        for act in ("abort", "rollback"):
            assert document(command(stack, act, "backend"), 1)["code"] == "SY-P092"
            assert kubectl.serving() == "blue"
        stack.set("services.backend.active", "green")
        update = stack.preview()
        assert "the switch to green v2.0.0 is refused (SY-P092): hook contract of the release of" in update.output
        assert f"switchyard rollback backend --override REASON --stack {NAME}" in update.output
        stack.set("services.backend.active", "blue")
        document(command(stack, "rollback", "backend", "--override", "nothing was dropped"), 0)
        rollback = current(kubectl)
        assert (rollback["override"], rollback["result"]) == ("nothing was dropped", "succeeded")
        assert [(hook["name"], hook["outcome"]) for hook in rollback["hooks"]] == [("alert", "passed")]
        alert = server.calls[-1][2]
        assert (alert["hook"], alert["fromTag"], alert["tag"], alert["colour"]) == (
            "alert",
            "v5.0.0",
            "v2.0.0",
            "green",
        )
    assert history.colours("backend") == ["green", "blue", "green"]
    assert history.fewest_ready("backend") == 3


def test_a_freeze_stops_a_deploy_and_an_update_and_no_rollback(stack: Stack, kubectl: Kubectl) -> None:
    before = kubectl.serving()
    stack.set("services.backend.release.hooks", {})
    window = {"reason": "holidays", "by": "ada", "from": "2020-01-01T00:00:00Z", "until": "2090-01-01T00:00:00Z"}
    subscribed = {"name": "chat", "format": "slack", "secret": {"name": "webhooks", "key": "chat"}}
    stack.set("releases", {"freeze": [window], "notifications": [subscribed]})
    refused = document(command(stack, "deploy", "backend", "v6.0.0"), 1)
    assert refused["code"] == "SY-P100", refused
    assert "holidays (by ada), until 2090-01-01T00:00:00Z" in refused["error"]
    assert kubectl.serving() == before

    with hook_server() as server:
        kubectl.run("create", "secret", "generic", "webhooks", f"--from-literal=chat={server.url}")
        server.status = 503
        deployed = command(stack, "deploy", "backend", "v6.0.0", "--override", "a fix")
        record = document(deployed, 0)
        assert record["override"] == "a fix (in the freeze: holidays (by ada), until 2090-01-01T00:00:00Z)"
        assert "has not received the message about the start of a release: it answered 503 (SY-P110)" in deployed.stderr
        assert server.url not in deployed.stdout + deployed.stderr
        after = kubectl.serving()
        assert after != before
        converged = stack.up()  # changes no selector, so that the freeze does not matter
        assert converged.ok, converged.output

        stack.set("services.backend.active", before)
        for result in (stack.preview(), stack.up()):
            assert not result.ok
            assert f"the switch to {before} is refused (SY-P100): releases are frozen: holidays" in result.output
            assert "switchyard rollback backend" in result.output
        stack.set("services.backend.active", after)
        assert kubectl.serving() == after

        server.status = 200
        server.calls.clear()
        document(command(stack, "rollback", "backend"), 0)
        expect_told(server, record["id"], kubectl)
    assert kubectl.serving() == before
    assert stack.up().ok
    stack.set("releases", {})


def expect_told(server: HookServer, release: str, kubectl: Kubectl) -> None:
    """Asserts that what waited while the webhook was down has arrived once, in its order, and the rollback."""
    ids = [headers["idempotency-key"] for _, headers, _ in server.calls]
    assert ids[:2] == [f"{release}/start", f"{release}/verdict"]
    assert len(ids) == len(set(ids)), ids
    assert any(key.endswith("/rollback") for key in ids), ids
    assert "the release of v6.0.0" in server.calls[0][2]["text"]
    record = kubectl.get("configmap", "backend-release")["data"]
    assert json.loads(record.get("outbox", "{}")).get("messages", []) == []
    assert server.url not in json.dumps(record)
