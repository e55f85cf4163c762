"""Nothing that serves is deleted: not by a replacement, not by what a failed one left, not with its configuration."""

import json
from pathlib import Path
from typing import Any

from sandbox.stack import Stack
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

OBJECTS = "deployments,services,serviceaccounts,poddisruptionbudgets"


def uids(kubectl: Kubectl) -> dict[str, str]:
    """The UIDs of a service's objects, by kind and name."""
    found = kubectl.get(OBJECTS, "-l", "app=backend")
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in found}


def without_outputs(stack: Stack, directory: Path) -> None:
    """Takes the outputs out of the state, as an update leaves it that failed before it had any."""
    state = json.loads(stack.run("stack", "export", check=True).output)
    for resource in state["deployment"]["resources"]:
        if resource["type"] == "pulumi:pulumi:Stack":
            resource["outputs"] = {}
    file = directory / "state.json"
    file.write_text(json.dumps(state))
    stack.run("stack", "import", "--file", str(file), check=True)


def pending(stack: Stack) -> list[str]:
    """What the state has still to delete."""
    state = json.loads(stack.run("stack", "export", check=True).output)
    return [one["urn"].rpartition("::")[2] for one in state["deployment"]["resources"] if one.get("delete")]


def test_another_identifier_or_namespace_is_refused_while_the_service_serves(serving: Stack, kubectl: Kubectl) -> None:
    before = uids(kubectl)
    config = serving.snapshot()
    kubectl.run("create", "namespace", f"{kubectl.namespace}-b")
    for path, value, text in (
        ("cluster.identifier", "other", "the stack is on the cluster that it knows as test"),
        ("services.backend.namespace", f"{kubectl.namespace}-b", "it serves in namespace"),
    ):
        serving.set(path, value)
        for result in (serving.preview(), serving.up()):
            assert not result.ok
            assert text in result.output
            assert "Nothing was changed. Set it back: pulumi config set --path" in result.output
            assert "Traceback" not in result.output
        serving.restore(config)
    assert uids(kubectl) == before
    assert serving.planned() == {}


def test_a_replacement_of_everything_deletes_nothing_of_what_replaces_it(
    serving: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    """Another identifier on a state without outputs: the engine replaces every object, and deletes the old by name."""
    before = uids(kubectl)
    without_outputs(serving, tmp_path)
    serving.set("cluster.identifier", "other")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        assert "replace" in set(serving.planned().values())
        result = serving.up()
        assert result.ok, result.output
        assert "replaced" in result.output
        assert "stays: it is part of the configuration" in result.output
    assert uids(kubectl) == before
    assert history.fewest_ready("backend") == 3
    assert serving.planned() == {}


def test_a_move_that_failed_half_way_is_taken_back_and_deletes_nothing(
    serving: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    other = f"{kubectl.namespace}-b"
    kubectl.run("create", "namespace", other)
    before, config = uids(kubectl), serving.snapshot()
    without_outputs(serving, tmp_path)
    serving.set("services.backend.namespace", other)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        refused = serving.preview()
        assert not refused.ok
        assert "deleting Service/backend in namespace" in refused.output
        failed = serving.up()
        assert not failed.ok
        assert pending(serving), "nothing was half done"
        serving.restore(config)
        result = serving.up()
        assert result.ok, result.output
        assert pending(serving) == []
        assert uids(kubectl) == before
    assert history.fewest_ready("backend") == 3
    assert serving.planned() == {}
    assert kubectl.run("get", OBJECTS, "-n", other, "-l", "app=backend", "-o", "name") == ""


def test_a_serving_service_goes_only_by_its_own_word(serving: Stack, kubectl: Kubectl) -> None:
    before, config = uids(kubectl), serving.snapshot()
    entry = config["config"]["switchyard:services"]["backend"]
    for name in (None, "renamed"):
        serving.restore(config)
        serving.set("services.backend", None)
        if name is not None:
            serving.set(f"services.{name}", {**entry, "blue": {"tag": "v1.0.0", "replicas": 1}})
        for result in (serving.preview(), serving.up()):
            assert not result.ok
            assert "service backend is not in the configuration of namespace" in result.output
            assert "pulumi config set --path 'switchyard:services.backend.remove' true" in result.output
        assert uids(kubectl).items() >= before.items()
    # The words that the refusal prints, beside the service's successor.
    serving.set("services.backend", {"remove": True, "namespace": kubectl.namespace})
    result = serving.up()
    assert result.ok, result.output
    assert uids(kubectl) == {}
    assert kubectl.serving("renamed") == "blue"
    serving.set("services.backend", None)
    assert serving.planned() == {}


def test_a_deployment_deleted_by_hand_is_an_error_until_a_refresh(serving: Stack, kubectl: Kubectl) -> None:
    kubectl.run("delete", "deployment", "backend-blue")
    kubectl.expect_pods(blue=0)
    preview = serving.preview()
    assert preview.ok, preview.output
    assert "blue serves, and has no ready pod" in preview.output
    result = serving.up()
    assert not result.ok
    assert "error: backend: blue serves, and has no ready pod" in result.output
    assert "pulumi up --refresh" in result.output
    result = serving.up("--refresh")
    assert result.ok, result.output
    kubectl.expect_pods(blue=3)


def test_a_production_stack_is_destroyed_when_its_services_are_removed(serving: Stack, kubectl: Kubectl) -> None:
    before = uids(kubectl)
    serving.replace("switchyard:production", value=True)
    for result in (serving.run("destroy", "--preview-only"), serving.destroy()):
        assert not result.ok
        assert "Service backend has 3 ready endpoints" in result.output
        assert "pulumi config set --path 'switchyard:services.backend.remove' true" in result.output
    assert uids(kubectl) == before
    serving.set("services.backend.remove", True)
    result = serving.up()
    assert result.ok, result.output
    assert uids(kubectl) == {}
    result = serving.destroy()
    assert result.ok, result.output


def test_a_destroy_deletes_only_the_objects_that_the_state_means(serving: Stack, kubectl: Kubectl) -> None:
    """Somebody deletes an object and makes another of its name: the state's is gone, and this one stays."""
    kubectl.run("delete", "poddisruptionbudget", "backend-green")
    theirs: dict[str, Any] = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "backend-green"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "somebody"}}},
    }
    kubectl.apply(theirs)
    result = serving.destroy()
    assert result.ok, result.output
    assert "another object has its name by now" in result.output
    [left] = kubectl.get(OBJECTS, "--field-selector", "metadata.name!=default,metadata.name!=kubernetes")
    assert left["spec"]["selector"]["matchLabels"] == {"app": "somebody"}
