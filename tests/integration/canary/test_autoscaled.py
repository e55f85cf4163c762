"""A service sized by somebody else's autoscaler migrates to a canary without analyses and back: no pod is lost."""

import json

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts

PAUSES = {"steps": [{"weight": 50}, {"pause": 1}], "analysis": None, "wait": "finished"}


def scale(kubectl: Kubectl, kind: str, name: str, replicas: int) -> None:
    """Writes a number to the scale subresource under the field manager of the autoscaler's controller."""
    kubectl.run(
        *("patch", kind, name, "--subresource=scale", "--field-manager=kube-controller-manager"),
        *("--type=merge", "-p", json.dumps({"spec": {"replicas": replicas}})),
    )
    kubectl.wait(f"jsonpath={{.status.availableReplicas}}={replicas}", f"{kind}/{name}")


def test_autoscaled_service_is_migrated_both_ways_without_losing_a_pod(
    stack: Stack, kubectl: Kubectl, controlled: Sandbox, rollouts: Rollouts
) -> None:
    assert stack.up().ok
    scale(kubectl, "deployment", "backend-blue", 5)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        backend = stack.config["config"]["switchyard:services"]["backend"]
        under_canary = {"strategy": "canary", "tag": "v1.0.0", "replicas": None, "canary": PAUSES}
        stack.set("services.backend", backend | under_canary)
        result = stack.up()
        assert result.ok, result.output
        assert rollouts.get()["spec"]["replicas"] == 5

        scale(kubectl, "rollout", "backend", 6)
        assert stack.planned() == {}
        stack.set("services.backend.tag", "v2.0.0")
        stack.set("services.backend.autoscaling", {"min": 3, "max": 8})
        result = stack.up()
        assert result.ok, result.output
        assert rollouts.get()["spec"]["replicas"] == 6
        assert kubectl.get("hpa", "backend")["spec"]["scaleTargetRef"]["kind"] == "Rollout"

        stack.set("services.backend.blue.tag", "v2.0.0")
        stack.set("services.backend.strategy", None)
        result = stack.up()
        assert result.ok, result.output
        assert kubectl.get("hpa", "backend")["spec"]["scaleTargetRef"]["name"] == "backend-blue"
        kubectl.expect_pods(rollout=0, blue=6)
        assert stack.planned() == {}
    assert history.colours("backend") == ["blue", "rollout", "blue"]
    first = next(number for number, moment in enumerate(history.moments("backend")) if moment.ready == 5)
    assert min(moment.ready for moment in history.moments("backend")[first:]) == 5
