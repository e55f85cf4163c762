"""Releases whose command is killed before or after random writes, on a real API server with a simulated engine.

`make walk` kills 1,000 commands. SWITCHYARD_WALK_SEED draws the same writes again.
"""

import math
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devtools.sandbox import Sandbox
from tests.support.killed_releases import KilledReleases
from tests.support.shared import fresh_namespace

KILLS = int(os.environ.get("SWITCHYARD_WRITE_KILLS", "24"))

OF_SERVICE = 25
"""Kills of one service at most. A new one has a short history, so that its record is as quick to write."""

AT_A_TIME = 3
"""Services that are released at the same time."""


def test_a_release_killed_before_or_after_a_write_is_described_and_ends_on_one_full_colour(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ["SWITCHYARD_WALK_SEED"])
    chance = random.Random(seed)  # noqa: S311 - no secret
    services = max(AT_A_TIME, math.ceil(KILLS / OF_SERVICE))
    seeds = [chance.randrange(2**32) for _ in range(services)]

    def released(number: int) -> KilledReleases:
        directory = tmp_path / str(number)
        directory.mkdir()
        with fresh_namespace(sandbox) as kubectl:
            releases = KilledReleases(kubectl, directory, random.Random(seeds[number]))  # noqa: S311 - no secret
            releases.run(math.ceil(KILLS / services))
        return releases

    phases, writes, results, acts = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for releases in pool.map(released, range(services)):
            phases += releases.phases
            writes += releases.writes
            results += releases.results
            acts += releases.acts
    with capsys.disabled():
        print(
            f"\n{phases.total()} kills at writes, seed {seed}, by phase: {dict(phases)}, by command: {dict(acts)}, "
            f"by write: {dict(writes)}; releases by result: {dict(results)}",
            end=" ",
        )
    assert phases.total() >= KILLS
