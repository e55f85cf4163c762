"""Nothing that serves is deleted: not by a replacement, a pending delete or a removal from the configuration."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

OBJECTS = "deployments,services,serviceaccounts,poddisruptionbudgets"

BACKEND = ("Service", "backend")


def uids(kubectl: Kubectl) -> dict[str, str]:
    """The UIDs of a service's objects, by kind and name."""
    items = kubectl.get(OBJECTS, "-l", "app=backend")
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in items}


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
    """Returns the pending deletes of the state."""
    state = json.loads(stack.run("stack", "export", check=True).output)
    return [
        resource["urn"].rpartition("::")[2] for resource in state["deployment"]["resources"] if resource.get("delete")
    ]


def hold_lease(kubectl: Kubectl) -> None:
    """Creates the Lease of a service's releases as a running command holds it."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    spec = {"holderIdentity": "ada@laptop/7/1f0c", "leaseDurationSeconds": 3600, "renewTime": now}
    kubectl.apply(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "backend-release"}, "spec": spec}
    )


def test_a_change_that_would_delete_a_serving_service_is_refused_unless_it_is_explicit(
    serving: Stack, kubectl: Kubectl
) -> None:
    before, config = uids(kubectl), serving.snapshot()
    partial = serving.run("destroy", "--yes", "--skip-preview", "--target", "**::backend-blue", "--target-dependents")
    assert not partial.ok
    assert "The destroy of single resources is refused (SY-D001): backend: Service backend has 3" in partial.output
    kubectl.run("create", "namespace", f"{kubectl.namespace}-b")
    entry = config["config"]["switchyard:services"]["backend"]
    back = "Nothing was changed. Set it back: pulumi config set --path"
    gone = "pulumi config set --path 'switchyard:services.backend.remove' true"
    refusals: list[tuple[dict[str, Any], str, str]] = [
        ({"cluster.identifier": "other"}, "the stack is on the cluster with the identifier test", back),
        ({"services.backend.namespace": f"{kubectl.namespace}-b"}, "it serves in namespace", back),
        ({"services.backend": None}, "service backend is no longer in the configuration", gone),
        (
            {"services.backend": None, "services.renamed": entry},
            "service backend is no longer in the configuration",
            gone,
        ),
    ]
    for run, (changes, reason, remedy) in zip([serving.preview, serving.up] * 2, refusals, strict=True):
        for path, value in changes.items():
            serving.set(path, value)
        result = run()
        assert not result.ok
        assert reason in result.output
        assert remedy in result.output
        assert "Traceback" not in result.output
        serving.restore(config)
    serving.replace("switchyard:production", value=True)
    for result in (serving.run("destroy", "--preview-only"), serving.destroy()):
        assert not result.ok
        assert "Service backend has 3 ready endpoints" in result.output
        assert gone in result.output
    assert uids(kubectl) == before

    serving.set("services.backend", {"remove": True, "namespace": kubectl.namespace})
    hold_lease(kubectl)
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "is refused (SY-P001): ada@laptop (process 7) is running a command on its releases" in result.output
    assert uids(kubectl) == before
    kubectl.run("delete", "lease", "backend-release")
    result = serving.up()
    assert result.ok, result.output
    assert uids(kubectl) == {}
    serving.set("services.backend", None)
    assert serving.planned() == {}
    assert serving.destroy().ok


def test_replacements_and_pending_deletes_delete_nothing_that_serves(
    serving: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    """A state without outputs does not say where the stack was: the engine replaces every object, by name."""
    before = uids(kubectl)
    other = f"{kubectl.namespace}-b"
    kubectl.run("create", "namespace", other)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        without_outputs(serving, tmp_path)
        serving.set("cluster.identifier", "other")
        result = serving.up()
        assert result.ok, result.output
        assert "replaced" in result.output
        assert "stays: it is part of the configuration" in result.output
        assert uids(kubectl) == before

        config = serving.snapshot()
        without_outputs(serving, tmp_path)
        serving.set("services.backend.namespace", other)
        for result in (serving.preview(), serving.up()):
            assert not result.ok
            assert "service backend is no longer in the configuration of namespace" in result.output
        assert pending(serving), "nothing was half done"
        # By now it serves in both namespaces, and the outputs name the new one: to leave that is a word as well.
        serving.restore(config)
        result = serving.up()
        assert not result.ok
        assert f"pulumi config set --path 'switchyard:services.backend.leaves' {other}" in result.output
        serving.set("services.backend.leaves", other)
        result = serving.up()
        assert result.ok, result.output
        assert pending(serving) == []
        assert uids(kubectl) == before
    assert history.fewest_ready("backend") == 3
    serving.set("services.backend.leaves", None)
    assert serving.planned() == {}
    assert uids(Kubectl(kubectl.kubeconfig, other)) == {}

    # The move itself, by its word: the service is whole in the new namespace before it goes in the old one.
    serving.set("services.backend.namespace", other)
    serving.set("services.backend.leaves", kubectl.namespace)
    with History(kubectl.kubeconfig, other) as there, History(kubectl.kubeconfig, kubectl.namespace) as here:
        result = serving.up()
        assert result.ok, result.output
    assert there.fewest_ready("backend") == 3
    [gone] = [
        int(event["object"]["metadata"]["resourceVersion"])
        for event in here.events
        if event["type"] == "DELETED" and (event["object"]["kind"], event["object"]["metadata"]["name"]) == BACKEND
    ]
    assert gone > there.moments("backend")[0].version
    assert uids(kubectl) == {}


def test_an_object_deleted_by_hand_fails_updates_until_a_refresh_and_its_successor_is_kept(
    serving: Stack, kubectl: Kubectl
) -> None:
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

    kubectl.run("delete", "poddisruptionbudget", "backend-green")
    selected = {"matchLabels": {"app": "somebody"}}
    theirs = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "backend-green"}}
    kubectl.apply({**theirs, "spec": {"maxUnavailable": 1, "selector": selected}})
    # With a service that was configured and never made the engine leaves the destroy's sentinel out.
    entry = serving.snapshot()["config"]["switchyard:services"]["backend"]
    serving.set("services.later", entry)
    result = serving.destroy()
    assert result.ok, result.output
    assert "another object has this name now" in result.output
    [left] = kubectl.get("deployments,services,poddisruptionbudgets")
    assert left["spec"]["selector"] == selected
