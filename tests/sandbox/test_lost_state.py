"""A state that is lost, new or moved: what serves on the cluster is found, and is guarded as if it were known."""

from pathlib import Path

import pytest

from sandbox.stack import Stack
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl
from tests.sandbox.shared import Shared


@pytest.fixture
def kubectl(shared: Shared) -> Kubectl:
    return shared.kubectl


@pytest.fixture
def forgetful(shared: Shared, tmp_path: Path) -> Stack:
    """The stack that serves, with a state that knows nothing of it."""
    return Stack(tmp_path, shared.stack.snapshot()["config"])


def test_a_new_state_finds_what_serves_and_changes_nothing_of_it(forgetful: Stack, kubectl: Kubectl) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = forgetful.up()
        assert result.ok, result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3
    assert forgetful.planned() == {}


def test_a_new_state_does_not_change_the_pods_that_serve_in_place(forgetful: Stack, kubectl: Kubectl) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    forgetful.set("services.backend.blue.tag", "v1.0.1")
    for result in (forgetful.preview(), forgetful.up()):
        assert not result.ok
        assert "a change of the pods of blue is refused: blue is serving" in result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before


def test_a_new_state_that_has_the_other_colour_active_goes_through_the_gate_before_it_retires_what_serves(
    forgetful: Stack, kubectl: Kubectl
) -> None:
    # The last of the module: another colour serves after it.
    forgetful.set("services.backend.green", {"tag": "v2.0.0", "replicas": 2})
    forgetful.set("services.backend.active", "green")
    forgetful.set("services.backend.blue.replicas", 0)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = forgetful.up()
        assert not result.ok
        assert "green.replicas is 2, but blue serves with 3 ready pods" in result.output
        assert len(kubectl.pods("blue")) == 3

        forgetful.set("services.backend.green.replicas", 3)
        result = forgetful.up()
        assert result.ok, result.output
    kubectl.expect_pods(green=3, blue=0)
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == 3
