"""Objects of somebody else are not taken over, changed or deleted; adopted objects outlive the stack."""

from pathlib import Path
from typing import Any

import pytest

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/payments"}


@pytest.fixture
def other(serving: Stack, tmp_path: Path) -> Stack:
    """Another stack with a service of the same name, and another tag, on the same cluster."""
    directory = tmp_path / "other"
    directory.mkdir()
    config: dict[str, Any] = serving.snapshot()["config"]
    config["switchyard:services"]["backend"]["active"] = "green"
    config["switchyard:services"]["backend"]["green"] = {"tag": "v9", "replicas": 3}
    return Stack(directory, config, name="other")


def test_two_stacks_do_not_share_a_service_and_a_renamed_one_takes_over_by_a_setting(
    serving: Stack, other: Stack, kubectl: Kubectl
) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for result in (other.preview(), other.up()):
            assert not result.ok
            assert "Service/backend in namespace" in result.output
            assert "belongs to stack switchyard/test" in result.output
            assert "None of these objects was changed" in result.output
        assert other.destroy().ok
        assert serving.planned() == {}
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3

    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    other.restore({"config": serving.snapshot()["config"], **{k: v for k, v in other.config.items() if k != "config"}})
    other.replace("switchyard:formerStack", "switchyard/test")
    result = other.up()
    assert result.ok, result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before
    service = kubectl.get("service", "backend")
    assert service["metadata"]["annotations"]["switchyard/stack"] == "other"
    # The word is needed once; and what was the first stack's is not its own any more.
    other.config["config"].pop("switchyard:formerStack")
    other.restore(other.config)
    assert other.planned() == {}
    serving.set("services.backend.remove", True)
    result = serving.up()
    assert result.ok, result.output
    assert "stays: it belongs to stack switchyard/other" in result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before


def test_a_service_account_of_somebody_else_is_adopted_by_name_and_outlives_the_stack(
    stack: Stack, kubectl: Kubectl
) -> None:
    metadata = {"name": "backend", "annotations": ROLE}
    kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    before = kubectl.get("serviceaccount", "backend")
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "ServiceAccount/backend in namespace" in result.output
        assert "was not created by this stack" in result.output
        assert "pulumi config set --path 'switchyard:services.backend.adopt[0]' ServiceAccount/backend" in result.output
    assert kubectl.get("serviceaccount", "backend") == before
    assert kubectl.get("deployments,services") == []
    stack.set("services.backend.adopt", ["ServiceAccount/backend"])
    result = stack.up()
    assert result.ok, result.output
    assert kubectl.get("serviceaccount", "backend")["metadata"]["annotations"].items() >= ROLE.items()
    assert stack.planned() == {}
    result = stack.destroy()
    assert result.ok, result.output
    left = kubectl.get("serviceaccount", "backend")
    assert left["metadata"]["uid"] == before["metadata"]["uid"]
    assert left["metadata"]["annotations"].items() >= ROLE.items()
    assert not any(key.startswith("switchyard/") for key in left["metadata"]["annotations"])
    assert kubectl.get("deployments,services") == []
