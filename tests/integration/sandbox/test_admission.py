"""An admission webhook that rewrites what is applied: while it runs, while it is down, and after its removal."""

from pathlib import Path
from typing import Any

from devtools.engine import Stack
from tests.support.admission_webhook import MIRROR, RewritingWebhook, mirrored
from tests.support.kubectl import Kubectl

IMAGE = "ghcr.io/org/backend:v1.0.0"


def with_sidecar(spec: dict[str, Any]) -> None:
    """Rewrites pods as a mesh does: another container before all others, and a registry mirror."""
    mirrored(spec)
    if not any(container["name"] == "proxy" for container in spec["containers"]):
        spec["containers"].insert(0, {"name": "proxy", "image": f"{MIRROR}proxy:v1"})


def images(kubectl: Kubectl, colour: str = "blue") -> set[str]:
    pods = kubectl.pods(colour)
    return {container["image"] for pod in pods for container in pod["spec"]["containers"] if container["name"] == "app"}


def names(kubectl: Kubectl, colour: str = "blue") -> set[str]:
    return {pod["metadata"]["name"] for pod in kubectl.pods(colour)}


def test_pods_rewritten_by_a_webhook_are_left_alone(stack: Stack, kubectl: Kubectl, tmp_path: Path) -> None:
    with RewritingWebhook(kubectl, tmp_path, "deployments", with_sidecar) as webhook:
        first = stack.up()
        assert first.ok, first.output
        changed = f"container app: image {IMAGE} => {MIRROR}{IMAGE}, container proxy added"
        assert f"the cluster's admission has changed the pods of blue: {changed}" in first.output
        assert images(kubectl) == {MIRROR + IMAGE}  # the fault is there
        before = names(kubectl)
        assert stack.planned() == {}

        stack.set("services.backend.blue.replicas", 4)
        result = stack.up("--refresh")
        assert result.ok, result.output
        kubectl.expect_pods(blue=4)
        assert before < names(kubectl)
        assert stack.planned() == {}

        webhook.remove()
        stack.set("services.backend.blue.replicas", 3)
        result = stack.up()
        assert result.ok, result.output
        kubectl.expect_ready(blue=3)
        assert images(kubectl) == {MIRROR + IMAGE}
        again = stack.up("--refresh", "--expect-no-changes")
        assert again.ok, again.output

        # A new version is the configuration's again, word for word.
        stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
        stack.set("services.backend.active", "green")
        result = stack.up()
        assert result.ok, result.output
        assert images(kubectl, "green") == {"ghcr.io/org/backend:v2.0.0"}


def test_a_change_that_only_a_new_webhook_makes_is_refused_by_name(
    serving: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    before = names(kubectl)
    with RewritingWebhook(kubectl, tmp_path, "deployments") as webhook:
        serving.set("services.backend.blue.replicas", 4)
        result = serving.up()
        assert not result.ok
        expected = f"container app: image {IMAGE} => {MIRROR}{IMAGE} (rewritten by the cluster's admission)"
        assert expected in result.output
        assert names(kubectl) == before

        webhook.stop()
        result = serving.up()
        assert not result.ok
        assert "failed calling webhook" in result.output
        assert "kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations" in result.output
        assert "earlier steps of this update stay as they are" in result.output
        assert "could not read the cluster" not in result.output
    assert serving.up().ok
    kubectl.expect_pods(blue=4)


def test_pods_rewritten_one_by_one_are_shown_as_they_run(stack: Stack, kubectl: Kubectl, tmp_path: Path) -> None:
    with RewritingWebhook(kubectl, tmp_path, "pods"):
        result = stack.up()
        assert result.ok, result.output
        assert images(kubectl) == {MIRROR + IMAGE}
        template = kubectl.get("deployment", "backend-blue")["spec"]["template"]
        assert template["spec"]["containers"][0]["image"] == IMAGE
        assert f"pods of blue run {MIRROR}{IMAGE}, for which the stack has {IMAGE}" in result.output
        assert stack.planned() == {}
