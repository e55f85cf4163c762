"""A rehearsed stack `production` as an earlier version of this program left it, under the current program.

Its secrets are encrypted with the passphrase of all stacks of these tests. They belong to no real cluster.
"""

import json
import time
from pathlib import Path
from typing import Any

from devtools.rehearsal.machines.fleet import ADDRESS, ASSOCIATION, INSTANCE
from devtools.rehearsal.values import SIGNATURE
from tests.integration.rehearsal.whole import Whole, whole
from tests.support.earlier_state import (
    create_objects,
    earlier_state,
    expect_known_changes_alone,
    import_state,
    resources,
    steps,
)

PARAMETER = "aws:ssm/parameter:Parameter"
WAIT_SECONDS = 120.0
NODES = 7


def test_a_preview_over_the_state_of_an_earlier_version_replaces_and_deletes_nothing(tmp_path: Path) -> None:
    with whole(tmp_path, "production", _long_lived) as production:
        state = _with_charts(production, tmp_path / "charts")
        _start_machines(production, state)
        create_objects(production.kubectl(), state)
        import_state(production.stack, state)
        expect_known_changes_alone(state, steps(production.stack))


def _long_lived(config: dict[str, Any]) -> None:
    """The state was made with an administrator's certificate that is not due for renewal within the year."""
    config["switchyard:cluster"]["pki"] = {"adminDays": 3649}


def _with_charts(production: Whole, charts: Path) -> dict[str, Any]:
    """Returns the state with its secrets in plain, and with the charts of this rehearsal in the place of its own.

    The place of the charts is in a secret, too: the copy that the provider keeps of a release's inputs.
    """
    import_state(production.stack, earlier_state("production"))
    exported = production.stack.run("stack", "export", "--show-secrets", check=True).output
    state: dict[str, Any] = json.loads(exported.replace("@charts@", str(charts)))
    return state


def _plain(value: Any) -> Any:
    """Returns a value without the wrapping that an exported secret has."""
    return json.loads(value["plaintext"]) if isinstance(value, dict) and SIGNATURE in value else value


def _start_machines(production: Whole, state: dict[str, Any]) -> None:
    """Has the machines of a state boot: they read its secrets, and the API server has its certificates."""
    world = production.running.world
    for resource in resources(state):
        if resource["type"] == PARAMETER:
            production.aws.create(PARAMETER, {key: _plain(value) for key, value in resource["inputs"].items()})
    for kind in (ADDRESS, INSTANCE, ASSOCIATION):
        for resource in resources(state):
            if resource["type"] == kind:
                world.machines.created(kind, resource["id"], resource["outputs"])
    deadline = time.monotonic() + WAIT_SECONDS
    while world.machines.sandbox is None or len(production.kubectl().get("nodes")) < NODES:
        assert not world.machines.problems
        assert time.monotonic() < deadline, "the machines of the state did not join"
        time.sleep(0.2)
