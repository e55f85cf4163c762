"""A lost, new or moved state: objects belong to the state that created them, unless a setting says otherwise."""

import re
from pathlib import Path

import pytest

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.shared_stack


@pytest.fixture
def namesake(serving: Stack, tmp_path: Path) -> Stack:
    """A stack of the same project and name as the one that serves, in another backend, which knows nothing of it."""
    directory = tmp_path / "new"
    directory.mkdir()
    return Stack(directory, serving.snapshot()["config"])


@pytest.fixture
def forgetful(namesake: Stack) -> Stack:
    """The namesake stack, with the setting that the state of what serves is lost."""
    namesake.set("formerStack", "switchyard/test")
    return namesake


def test_a_state_of_the_same_name_takes_over_nothing_without_a_setting(
    serving: Stack, namesake: Stack, kubectl: Kubectl
) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    config = serving.snapshot()
    namesake.set("services.backend.green", {"tag": "v9", "replicas": 3})
    namesake.set("services.backend.active", "green")
    objects = kubectl.get("deployments,services,serviceaccounts,poddisruptionbudgets")
    versions = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in objects}
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for result in (namesake.preview(), namesake.up()):
            assert not result.ok
            assert "each belongs to stack switchyard/test of another state (identity " in result.output
        assert namesake.destroy().ok
        objects = kubectl.get("deployments,services,serviceaccounts,poddisruptionbudgets")
        assert {i["metadata"]["uid"]: i["metadata"]["resourceVersion"] for i in objects} == versions
        assert serving.planned() == {}

        # As if that state was lost: the way on is in the refusal.
        namesake.restore(serving.snapshot() | {"encryptionsalt": namesake.snapshot()["encryptionsalt"]})
        [former] = set(
            re.findall(r"pulumi config set switchyard:formerStack (\S+) --stack test &&", namesake.up().output)
        )
        namesake.set("formerStack", former)
        result = namesake.up()
        assert result.ok, result.output
        namesake.set("formerStack", None)
        assert namesake.planned() == {}

        # The objects are the other state's now: the first one neither writes nor deletes them, destroys included.
        serving.set("services.backend.blue.replicas", 2)
        result = serving.up()
        assert not result.ok
        assert "belongs to stack switchyard/test of another state" in result.output
        assert serving.destroy().ok
        serving.restore(config)
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3


def test_a_new_state_does_not_change_the_pods_that_serve_in_place(forgetful: Stack, kubectl: Kubectl) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    forgetful.set("services.backend.blue.tag", "v1.0.1")
    for result in (forgetful.preview(), forgetful.up()):
        assert not result.ok
        assert "a change of the pods of blue is refused (SY-S004): blue is serving" in result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before


def test_a_new_state_with_the_other_colour_active_passes_the_gate_before_the_serving_one_goes(
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
