"""The engine is killed during a switch: the colour that served continues to serve, and the next update converges.

All tests share one stack: each begins with the colour that serves, whichever it is, and warms the other one.
"""

import itertools
from pathlib import Path

import pytest

from devtools.engine import Stack
from tests.support.history import History
from tests.support.killed_engine import HeldWrite, kill_at_write
from tests.support.kubectl import Kubectl
from tests.support.shared import Shared

KILLED_AT = {
    "while the next warms": ("Deployment backend-{next}", True),
    "before the switch": ("Service backend", False),
    "after the switch": ("Service backend", True),
    "before the last retires": ("Deployment backend-{last}", False),
    "while the last retires": ("Deployment backend-{last}", True),
}
"""The write at which the engine is killed, and whether the API server has done it."""

VERSIONS = itertools.count(2)


@pytest.fixture
def kubectl(of_module: Shared) -> Kubectl:
    return of_module.kubectl


@pytest.fixture
def serving(of_module: Shared) -> Stack:
    return of_module.stack


@pytest.fixture
def colours(kubectl: Kubectl) -> tuple[str, str]:
    """The colour that serves, and the one that is idle."""
    last = kubectl.serving()
    return last, "green" if last == "blue" else "blue"


def switch(serving: Stack, last: str, following: str, *, retire: bool) -> None:
    """Sets a new version of the other colour, which is to serve."""
    serving.set(f"services.backend.{following}", {"tag": f"v{next(VERSIONS)}.0.0", "replicas": 3})
    serving.set("services.backend.active", following)
    if retire:
        serving.set(f"services.backend.{last}.replicas", 0)


@pytest.mark.parametrize(("target", "written"), KILLED_AT.values(), ids=KILLED_AT)
def test_an_engine_killed_in_the_middle_of_a_switch_leaves_pods_and_the_next_update_converges(
    serving: Stack, kubectl: Kubectl, colours: tuple[str, str], tmp_path: Path, target: str, written: bool
) -> None:
    last, following = colours
    switch(serving, last, following, retire=True)
    held = HeldWrite(kubectl, tmp_path, target.format(last=last, next=following))
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        kill_at_write(serving, held, written=written)
        blocked = serving.up()
        assert not blocked.ok
        assert "pulumi cancel" in blocked.output
        assert serving.run("cancel", "--yes").ok
        result = serving.up()
        assert result.ok, result.output
    assert kubectl.serving() == following
    kubectl.expect_pods(**{following: 3, last: 0})
    assert serving.planned() == {}
    assert history.colours("backend") == [last, following]
    assert history.fewest_ready("backend") == 3


def test_the_state_has_no_file_that_a_kill_can_leave_half_written(serving: Stack) -> None:
    assert list((serving.directory / "state").rglob("test.json"))
    assert not list((serving.directory / "state").rglob("*.attrs"))


def test_a_rollback_after_a_lost_switch_does_not_report_success(
    serving: Stack, kubectl: Kubectl, colours: tuple[str, str]
) -> None:
    """The selector was written, and the engine killed before it recorded that."""
    last, following = colours
    switch(serving, last, following, retire=False)
    serving.set("services.backend.active", last)
    assert serving.up().ok
    record = serving.run("stack", "export", check=True).output
    serving.set("services.backend.active", following)
    assert serving.up().ok
    exported = serving.directory / "before.json"
    exported.write_text(record)
    assert serving.run("stack", "import", "--force", "--file", str(exported)).ok

    serving.set("services.backend.active", last)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert not result.ok
        assert f"{following} serves on the cluster, though the stack has {last}" in result.output
        result = serving.up("--refresh")
        assert result.ok, result.output
    assert kubectl.serving() == last
    assert serving.outputs()["services"]["backend"]["active"] == last
    assert history.fewest_ready("backend") == 3


@pytest.mark.parametrize("written", [False, True], ids=["before the switch", "after the switch"])
def test_a_rollback_after_a_kill_at_the_switch_converges(
    serving: Stack, kubectl: Kubectl, colours: tuple[str, str], tmp_path: Path, written: bool
) -> None:
    last, following = colours
    switch(serving, last, following, retire=False)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        kill_at_write(serving, HeldWrite(kubectl, tmp_path, "Service backend"), written=written)
        assert kubectl.serving() == (following if written else last)
        assert serving.run("cancel", "--yes").ok

        serving.set("services.backend.active", last)
        serving.set(f"services.backend.{following}.replicas", 0)
        result = serving.up("--refresh")
        assert result.ok, result.output
    assert kubectl.serving() == last
    kubectl.expect_pods(**{following: 0})
    assert history.fewest_ready("backend") == 3
