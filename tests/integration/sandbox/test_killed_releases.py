"""Releases whose command is killed at random moments, with the real engine: each is described, and ends in order.

`make walk` kills 20 releases. SWITCHYARD_WALK_SEED draws the same moments again, as far as the machine is as fast.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from typing import Any

import psutil
import pytest

from devtools.engine import Stack
from tests.support.commands import document, read_back, run_command, start_command, with_a_fault
from tests.support.history import History
from tests.support.injected_faults import BEFORE_RETIREMENT
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease

KILLS = int(os.environ.get("SWITCHYARD_KILLS", "1"))

PODS = 3

RELEASE = {"watch": {"seconds": 0}, "drain": {"method": "none"}, "bakeSeconds": 0}
"""Every phase up to the retirement by one command, without the watch, which simulated nodes do not answer."""

ACTS = ("resume", "abort", "up")
"""What an operator does next; `up` is a plain `pulumi up`, after which the release is resumed."""


def backend(stack: Stack) -> dict[str, Any]:
    settings: dict[str, Any] = stack.config["config"]["switchyard:services"]["backend"]
    return settings


def current(kubectl: Kubectl) -> dict[str, Any] | None:
    """The release in the record; None if none has ever been written."""
    listed = kubectl.run("get", "configmap", "backend-release", "--ignore-not-found", "-o", "json")
    data = json.loads(listed)["data"] if listed else {}
    release: dict[str, Any] | None = json.loads(data["current"]) if "current" in data else None
    return release


def kill(stack: Stack, tag: str, seconds: float, *, with_engine: bool) -> bool:
    """Kills a release after some seconds; False if it has ended before. Returns once no process of it runs."""
    process = start_command(stack, "deploy", "backend", tag, "--yes")
    time.sleep(seconds)  # the moment is the fault
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGKILL)
    if with_engine:
        for member in family:
            member.kill()
    process.communicate()
    psutil.wait_procs(family)
    return process.returncode == -signal.SIGKILL


def continue_release(stack: Stack, kubectl: Kubectl, act: str) -> None:
    """Does what an operator does next, until the release has ended."""
    for command in (act, "resume"):
        read_back(stack)
        release = current(kubectl)
        if release is None or release["result"] != "running":
            return
        if command == "up":
            serving = kubectl.serving()
            stack.up()
            assert kubectl.serving() == serving, "a plain update has switched"
            continue
        result = run_command(stack, command, "backend", "--yes", "--json")
        assert "Traceback" not in result.stderr, result.stderr
        document(result)
    read_back(stack)


def expect_described(stack: Stack) -> None:
    result = run_command(stack, "status", "--json")
    assert "Traceback" not in result.stderr, result.stderr
    [service] = document(result)["services"]
    assert service["serving"] in {"blue", "green"}


@pytest.mark.parametrize("act", ["abort", "rollback"])
def test_an_old_colour_that_was_about_to_be_retired_has_its_pods_in_the_configuration_again(
    stack: Stack, kubectl: Kubectl, act: str
) -> None:
    stack.set("services.backend.release", RELEASE)
    first = stack.up()
    assert first.ok, first.output
    fault = with_a_fault(BEFORE_RETIREMENT)
    killed = run_command(stack, "deploy", "backend", "v2.0.0", "--yes", "--json", code=fault)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    read_back(stack)
    assert backend(stack)["blue"] == {"tag": "v1.0.0", "replicas": 0}
    kubectl.expect_pods(blue=PODS, green=PODS)
    expire_lease(kubectl)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = run_command(stack, act, "backend", "--yes", "--json")
        assert result.returncode == 0, result.stdout + result.stderr
    read_back(stack)
    assert (kubectl.serving(), backend(stack)["active"]) == ("blue", "blue")
    assert backend(stack)["blue"] == {"tag": "v1.0.0", "replicas": PODS}
    assert stack.planned() == {}
    assert history.fewest_ready("backend") == PODS


def test_a_release_killed_at_a_random_moment_ends_on_one_full_colour(
    stack: Stack, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ["SWITCHYARD_WALK_SEED"])
    chance, phases, kills, tag = random.Random(seed), Counter[str](), 0, 2  # noqa: S311 - no secret
    stack.set("services.backend.release", RELEASE)
    first = stack.up()
    assert first.ok, first.output
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        begun = time.monotonic()
        whole = run_command(stack, "deploy", "backend", f"v{tag}.0.0", "--yes", "--json")
        duration = time.monotonic() - begun
        assert document(whole, 0)["result"] == "succeeded"
        while kills < KILLS:
            tag, with_engine = tag + 1, chance.random() < 0.5
            read_back(stack)
            if not kill(stack, f"v{tag}.0.0", chance.uniform(0, duration), with_engine=with_engine):
                continue
            kills += 1
            if with_engine:
                stack.run("cancel", "--yes")  # the runbook's way with a lock that nobody holds
            release = current(kubectl)
            is_running = release is not None and release["tag"] == f"v{tag}.0.0" and release["result"] == "running"
            phases[release["phase"] if release and is_running else "before or after the release"] += 1
            if is_running:
                expire_lease(kubectl)
            expect_described(stack)
            continue_release(stack, kubectl, chance.choice(ACTS))
            ended = current(kubectl)
            assert ended is not None
            assert ended["result"] != "running", ended
            serving = kubectl.serving()
            assert backend(stack)["active"] == serving
            kubectl.expect_pods(**{serving: PODS})
            assert stack.planned() == {}
    assert history.fewest_ready("backend") == PODS
    with capsys.disabled():
        print(f"\n{kills} kills of releases with the real engine, seed {seed}, by phase: {dict(phases)}", end=" ")
