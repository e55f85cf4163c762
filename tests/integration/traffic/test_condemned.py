"""A version that fails under real requests is rolled back by the command that released it."""

import json
import re
from collections.abc import Callable

from devtools.benchmarks.load import Load
from devtools.engine import Stack
from tests.support.commands import document, read_back, run_command
from tests.support.history import History
from tests.support.kubectl import Kubectl

FAILING = "0.5"


def test_a_release_that_fails_under_load_is_rolled_back_and_does_not_return(
    serving: Stack, kubectl: Kubectl, load: Callable[..., Load]
) -> None:
    serving.set("services.backend.green.env", {"FAILURE_RATE": FAILING})
    # The version fails, and a busy machine may be slow as well: the watch is to name what the version does.
    serving.set("services.backend.release.watch.latencyP95", {"enabled": False})
    with History(kubectl.kubeconfig, kubectl.namespace) as history, load("v1.0.0") as running:
        released = run_command(serving, "deploy", "backend", "v2.0.0", "--yes", "--json")
        running.wait_for("blue")
    read_back(serving)
    record = document(released, 1)
    assert (record["phase"], record["result"], record["tag"]) == ("watch", "rolledBack", "v2.0.0"), record
    assert re.search(r"\d+ of \d+ requests \([\d.]+ %\) failed, and 0\.1 % is accepted \(SY-P050\)", record["detail"])
    assert history.colours("backend") == ["blue", "green", "blue"]
    assert history.fewest_ready("backend") == 3

    answered = [request for request in running.requests() if request.colour == "green"]
    assert any(request.failed for request in answered), "no client saw the version fail"
    others = [request for request in running.requests() if request.failed and request.colour != "green"]
    assert others == []

    [kept, *_] = json.loads(run_command(serving, "history", "backend", "--json").stdout)["releases"]
    assert (kept["id"], kept["result"], kept["detail"]) == (record["id"], "rolledBack", record["detail"])
    assert serving.planned() == {}
    serving.set("services.backend.active", "green")
    again = serving.up()
    assert not again.ok
    assert "(SY-P005)" in again.output
    assert kubectl.serving() == "blue"
