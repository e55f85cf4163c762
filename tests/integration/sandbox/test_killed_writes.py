"""Releases whose command is killed before or after random writes, on a real API server with a simulated engine.

`make walk` kills 1,000 commands. SWITCHYARD_WALK_SEED draws the same writes again.
"""

import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devtools.sandbox import Sandbox
from tests.support.history import History
from tests.support.killed_releases import PODS, Counts, KilledReleases
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.shared import fresh_namespace

KILLS = int(os.environ.get("SWITCHYARD_WRITE_KILLS", "18"))

OF_SERVICE = 25
"""Kills of one service at most. A new one has a short history, so that its record is as quick to write."""

AT_A_TIME = 3
"""Services that are released at the same time."""


def test_a_release_whose_abort_was_killed_has_its_pods_in_the_configuration_when_it_is_resumed(
    sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path
) -> None:
    releases = KilledReleases(kubectl, tmp_path, random.Random(), Counts())  # noqa: S311 - draws nothing
    releases.begin()
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for act, moment in (("deploy", "before services"), ("abort", "after stack file")):
            killed = releases.command(act, moment)
            assert (killed.is_killed, killed.moment) == (True, moment), killed
            expire_lease(kubectl)
        resumed = releases.command("resume")
        assert resumed.code == 0, resumed
        release = releases.current()
        assert release is not None
        assert release["result"] == "succeeded"
        releases.expect_end(release)
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == PODS


def test_a_release_killed_before_or_after_a_write_is_described_and_ends_on_one_full_colour(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ["SWITCHYARD_WALK_SEED"])
    chance, services = random.Random(seed), max(AT_A_TIME, math.ceil(KILLS / OF_SERVICE))  # noqa: S311 - no secret
    chances = [random.Random(chance.randrange(2**32)) for _ in range(services)]  # noqa: S311 - no secret
    counts = [Counts() for _ in range(services)]

    def release(number: int) -> None:
        directory = tmp_path / str(number)
        directory.mkdir()
        with fresh_namespace(sandbox) as kubectl:
            KilledReleases(kubectl, directory, chances[number], counts[number]).run(math.ceil(KILLS / services))

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ended = [pool.submit(release, number) for number in range(services)]
    total = Counts()
    for count in counts:
        total.add(count)
    with capsys.disabled():
        print(f"\n{total.phases.total()} kills at writes, seed {seed}: {total}", end=" ")
    for service in ended:
        service.result()  # raises what has failed
    assert total.phases.total() >= KILLS
