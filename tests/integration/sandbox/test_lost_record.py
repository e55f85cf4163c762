"""A rollback where no record says which version served before: it goes to none that was only warmed."""

from devtools.engine import Stack
from tests.support.commands import document, read_back
from tests.support.fast_lane_commands import command, record
from tests.support.history import History
from tests.support.kubectl import Kubectl


def test_a_rollback_goes_only_to_a_version_that_has_served(stack: Stack, kubectl: Kubectl) -> None:
    stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = stack.up()
    assert result.ok, result.output
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        expect_refused(stack, kubectl, serving="blue v1.0.0", other="green v2.0.0")

        assert document(command(stack, "switch", "backend", "green"), 0)["serving"] == "green"
        read_back(stack)
        stack.set("services.backend.active", "blue")
        updated = stack.up()
        assert updated.ok, updated.output
        assert kubectl.serving() == "blue"
        # The last record says that green has served v2.0.0, so that a switch by `pulumi up` can be rolled back.
        assert document(command(stack, "rollback", "backend"), 0)["serving"] == "green"
        read_back(stack)

        # Without any record, the Service itself shows that it was switched away from the pods of blue.
        kubectl.run("delete", "configmap", "backend-release")
        assert document(command(stack, "rollback", "backend"), 0)["serving"] == "blue"
    assert history.colours("backend") == ["blue", "green", "blue", "green", "blue"]
    assert [entry["tag"] for entry in record(kubectl)["rolledBack"]] == ["v2.0.0"]


def expect_refused(stack: Stack, kubectl: Kubectl, serving: str, other: str) -> None:
    colour, _, _ = serving.partition(" ")
    for act in ("rollback", "drill"):
        refused = document(command(stack, act, "backend"), 1)
        assert refused["code"] == "SY-P023"
        reason = f"no record says which version served before {serving}, and {other} may never have served"
        assert reason in refused["error"]
        assert f"backend serves {serving}, 3 of 3 pods ready." in refused["error"]
        assert f"switchyard switch backend {other.partition(' ')[0]} --stack test" in refused["error"]
        assert kubectl.serving() == colour
    assert "backend-release" not in kubectl.run("get", "configmaps", "-o", "name")
