"""Commands in any order, each killed or with a fault of the API server or of the engine, with a simulated engine.

SWITCHYARD_FAULTY_COMMANDS is the number of commands, and SWITCHYARD_WALK_SEED draws the same ones again.
"""

import os
import random
from pathlib import Path

import pytest

from devtools.sandbox import Sandbox
from tests.support.faulty_releases import FaultyReleases
from tests.support.kubectl import Kubectl

COMMANDS = int(os.environ.get("SWITCHYARD_FAULTY_COMMANDS", "12"))


def test_commands_with_faults_leave_the_releases_before_them_and_end_on_one_full_colour(
    sandbox: Sandbox, kubectl: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ["SWITCHYARD_WALK_SEED"])
    releases = FaultyReleases(kubectl, tmp_path, random.Random(seed))  # noqa: S311 - no secret
    releases.run(COMMANDS)
    with capsys.disabled():
        print(f"\n{COMMANDS} commands with faults, seed {seed}: {dict(releases.counts)}", end=" ")
