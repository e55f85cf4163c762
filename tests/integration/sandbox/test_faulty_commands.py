"""Commands in any order, each killed or with a fault of the API server or of the engine, with a simulated engine.

`make walk` runs 500 commands. SWITCHYARD_WALK_SEED draws the same ones again.
"""

import os
import random
from pathlib import Path

import pytest

from devtools.sandbox import Sandbox
from tests.support.faulty_releases import FaultyReleases
from tests.support.killed_releases import PODS
from tests.support.kubectl import Kubectl

COMMANDS = int(os.environ.get("SWITCHYARD_FAULTY_COMMANDS", "10"))


@pytest.mark.parametrize("act", ["switch blue", "rollback"])
def test_a_deploy_bakes_on_and_is_retired_after_commands_that_have_not_switched(
    sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path, act: str
) -> None:
    releases = FaultyReleases(kubectl, tmp_path, random.Random(), holds=False)  # noqa: S311 - draws nothing
    releases.begin()
    assert releases.command("deploy").code == 0, releases.told
    deploy = releases.record()["current"]
    assert (deploy["kind"], deploy["phase"], deploy["result"]) == ("deploy", "bake", "running")

    failed = releases.command(act, fault=("500", "PATCH services/backend"))
    assert (failed.code, kubectl.serving()) == (1, "green"), releases.told
    record = releases.record()
    assert (record["current"], record["rolledBack"]) == (deploy, [])
    assert releases.command(act, kill="before services").is_killed, releases.told
    record = releases.record()
    assert (record["current"]["result"], record["history"][0], kubectl.serving()) == ("running", deploy, "green")

    retired = releases.command("retire")
    assert retired.code == 0, releases.told
    record = releases.record()
    kind = act.partition(" ")[0]
    assert [(release["kind"], release["result"]) for release in record["history"]] == [
        ("deploy", "succeeded"),
        (kind, "failed"),
        (kind, "failed"),
    ]
    assert (record["current"], record["rolledBack"]) == (record["history"][0], [])
    kubectl.expect_pods(blue=0, green=PODS)


def test_commands_with_faults_leave_the_releases_before_them_and_end_on_one_full_colour(
    sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ["SWITCHYARD_WALK_SEED"])
    releases = FaultyReleases(kubectl, tmp_path, random.Random(seed))  # noqa: S311 - no secret
    releases.run(COMMANDS)
    with capsys.disabled():
        print(f"\n{COMMANDS} commands with faults, seed {seed}: {dict(releases.counts)}", end=" ")
