"""Stack `staging`, from its own file: an update that is killed on its way, and the end of it all."""

import re
import time
from pathlib import Path

from tests.rehearsal.whole import Whole, whole

WAIT_SECONDS = 120.0
ORDER = (
    "load-balancer-",
    "backend",
    "aws-load-balancer-controller-release",
    "calico-release",
    "cluster-machines-k8s-master",
    "cluster-network-vpc",
)
"""What a destroy deletes one after the other, by the beginnings of their names."""


def test_an_update_that_was_killed_while_a_chart_was_installed_is_taken_up_again_and_a_destroy_leaves_nothing(
    tmp_path: Path,
) -> None:
    with whole(tmp_path, "staging") as staging:
        _kill_while_calico_is_installed(staging)
        output = staging.up()
        assert "was left pending-install by an update that did not end, and is forgotten" in output
        assert staging.stack.planned() == {}
        assert len(staging.aws.instances()) == 7
        assert staging.kubectl().serving() == "blue"
        assert staging.running.world.problems == []

        balancers = staging.running.world.load_balancers
        assert balancers is not None
        assert len(balancers.load_balancers()) == 1
        result = staging.stack.destroy()
        assert result.ok, result.output
        gone = [line.split()[2] for line in result.output.splitlines() if re.match(r" -  \S+ \S+ deleted", line)]
        places = [next(i for i, name in enumerate(gone) if name.startswith(start)) for start in ORDER]
        assert places == sorted(places), gone
        assert balancers.load_balancers() == []
        assert staging.aws.instances() == []
        made, deleted = (set(staging.record.names(operation)) for operation in ("create", "delete"))
        assert made == deleted


def _kill_while_calico_is_installed(staging: Whole) -> None:
    engine = staging.stack.start("up", "--yes", "--skip-preview")
    deadline = time.monotonic() + WAIT_SECONDS
    while not _being_installed(staging):
        assert engine.poll() is None, engine.communicate()
        assert time.monotonic() < deadline, "no chart was ever installed"
        time.sleep(0.05)
    staging.stack.kill(engine)
    assert engine.returncode == -9
    assert staging.stack.run("cancel", "--yes").ok


def _being_installed(staging: Whole) -> bool:
    if staging.running.world.machines.sandbox is None:
        return False
    secrets = staging.kubectl("tigera-operator").get("secrets")
    return any(secret["metadata"]["labels"].get("status") == "pending-install" for secret in secrets)
