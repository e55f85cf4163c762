"""What goes wrong with the new colour stays with the new colour."""

import asyncio
import json
import signal

from devtools.engine import Stack
from devtools.sandbox.faults import CRASH_LOOP, NEVER_READY
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.gates.rules.reports import ServingReport
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.blue_green import deployment
from tests.support.history import History
from tests.support.kubectl import Kubectl

PATIENCE = 5
"""`readyTimeoutSeconds` for the bad versions, which are never ready however long one waits."""

CAUSES = {
    NEVER_READY: "3 running, but its readiness probe does not succeed",
    CRASH_LOOP: "3 CrashLoopBackOff (3 restarts",
}


def test_a_colour_that_does_not_get_ready_fails_the_update_and_the_other_continues_to_serve(
    serving: Stack, kubectl: Kubectl
) -> None:
    for (fault, cause), (last, following, major) in zip(
        CAUSES.items(), (("blue", "green", "v2"), ("green", "blue", "v3")), strict=True
    ):
        serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
        serving.set(f"services.backend.{following}", {"tag": f"{major}.0.0{fault}", "replicas": 3})
        serving.set("services.backend.active", following)
        serving.set(f"services.backend.{last}.replicas", 0)
        with History(kubectl.kubeconfig, kubectl.namespace) as history:
            result = serving.up()
            assert not result.ok
            assert f"backend-{following}" in result.output
            assert f"pods of {following}: 0 of 3 ready of {major}.0.0{fault}: {cause}" in result.output
            # Where the provider's own wait has ended too early, the gate of the switch speaks instead.
            stays = (f"{last} continues to serve", "The Service was not changed")
            assert any(text in result.output for text in stays), result.output
            # The fault is there, and is not only a slow start.
            pods = kubectl.pods(following)
            assert len(pods) == 3
            assert all(pod["status"]["phase"] == "Running" for pod in pods)
            assert not any(pod["status"]["containerStatuses"][0]["ready"] for pod in pods)
        assert history.colours("backend") == [last]
        assert history.fewest_ready("backend") == 3

        serving.set("services.backend.readyTimeoutSeconds", None)
        serving.set(f"services.backend.{following}.tag", f"{major}.0.1")
        result = serving.up()
        assert result.ok, result.output
        assert kubectl.serving() == following
        kubectl.expect_pods(**{following: 3, last: 0})


def test_a_bad_idle_colour_can_be_removed_and_a_quota_is_reported_in_its_words(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
    serving.set("services.backend.green", {"tag": f"v2.0.0{CRASH_LOOP}", "replicas": 3})
    assert not serving.up().ok
    kubectl.expect_pods(green=3)

    serving.set("services.backend.readyTimeoutSeconds", None)
    serving.set("services.backend.green", {"tag": "v1.0.0", "replicas": 0})
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(green=0)
    assert serving.planned() == {}

    kubectl.run("create", "quota", "few", "--hard=pods=4")
    kubectl.wait("jsonpath={.status.used.pods}=3", "quota/few")  # until it is counted, no pod at all is let in
    serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = serving.up()
    assert not result.ok
    assert len(kubectl.pods("green")) == 1  # the fault is there
    assert "pods of green: 1 of 3 ready of v2.0.0: the API server refuses to create more: pods " in result.output
    assert "exceeded quota: few, requested: pods=1, used: pods=4, limited: pods=4" in result.output
    assert kubectl.serving() == "blue"


def test_lost_pods_and_a_stray_one_stop_the_switch_at_the_gate(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    # Behind the program's back, between the warming and the switch.
    kubectl.run("scale", "deployment", "backend-green", "--replicas=1")
    kubectl.wait("jsonpath={.status.readyReplicas}=1", "deployment/backend-green")

    serving.set("services.backend.gate", {"timeoutSeconds": 5})
    serving.set("services.backend.active", "green")
    result = serving.up()
    assert not result.ok
    assert "Service backend-green has 1 ready endpoints (pods of green: 1 of 3 ready of v2.0.0: " in result.output
    assert "its Deployment on the cluster asks for 1); it needs 3" in result.output
    assert "The Service was not changed" in result.output
    assert kubectl.serving() == "blue"

    serving.set("services.backend.gate", None)
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert kubectl.serving() == "green"
    kubectl.expect_pods(green=3)

    # At the rollback: a pod that the colour's Service selects but its Deployment did not make. It would take traffic
    # from the switch on, and is of whatever version.
    kubectl.run("run", "stray", "--image=ghcr.io/org/backend:v0.9.0", "--labels=app=backend,version=blue")
    kubectl.expect_endpoints("backend-blue", 4)
    serving.set("services.backend.gate", {"timeoutSeconds": 5})
    serving.set("services.backend.active", "blue")
    result = serving.up()
    assert not result.ok
    assert "Service backend-blue has 3 ready endpoints, and 1 of pods of another version" in result.output
    assert kubectl.serving() == "green"

    kubectl.run("delete", "pod", "stray")
    serving.set("services.backend.gate", None)
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "blue"


def test_a_fix_can_be_warmed_and_switched_to_while_the_serving_colour_is_short_of_pods(
    serving: Stack, kubectl: Kubectl
) -> None:
    hurt = kubectl.pods("blue")[0]["metadata"]["name"]
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    kubectl.run("patch", "pod", hurt, "--subresource=status", "-p", json.dumps({"status": status}))
    kubectl.expect_endpoints("backend", 2)
    serving.set("services.backend.gate", {"timeoutSeconds": 5})

    serving.set("services.backend.green", {"tag": f"v2.0.0{CRASH_LOOP}", "replicas": 3})
    serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
    result = serving.up()
    assert f"pods of green: 0 of 3 ready of v2.0.0{CRASH_LOOP}: 3 CrashLoopBackOff" in result.output
    # The pods that a first fix has left protect nobody either.
    serving.set("services.backend.readyTimeoutSeconds", None)
    serving.set("services.backend.green", {"tag": "v2.0.1", "replicas": 3})
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "blue"

    # What is warm now is kept for a rollback while blue is short.
    serving.set("services.backend.green.tag", "v2.0.2")
    result = serving.up()
    assert not result.ok
    assert "Service backend has 2 ready endpoints (pods of blue: 2 of 3 ready of v1.0.0: " in result.output
    assert "blue must serve with 3 before green is scaled down" in result.output
    serving.set("services.backend.green.tag", "v2.0.1")
    serving.set("services.backend.gate", None)

    serving.set("services.backend.active", "green")
    serving.set("services.backend.blue.replicas", 0)
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "green"
    kubectl.expect_pods(green=3, blue=0)


def test_pods_without_a_wait_fail_the_update_and_an_ended_wait_is_not_blamed_on_them(
    serving: Stack, kubectl: Kubectl
) -> None:
    config = serving.snapshot()["config"]["switchyard:services"]["backend"]
    green = {"green": {"tag": "v2.0.0", "replicas": 3}, "readyTimeoutSeconds": PATIENCE}
    settings = BlueGreenSettings.model_validate(config | green)
    gates = BlueGreenGates("backend", settings, ClusterAccess(str(kubectl.kubeconfig)), warn=print)

    async def update_without_an_apply() -> ServingReport:
        await gates.before_pods_change(Colour.GREEN, deployment("backend", Colour.GREEN, settings), preview=False)
        return await gates.inspect()

    seen = asyncio.run(update_without_an_apply())
    assert seen.serving == "blue"
    assert str(seen.problem).startswith("backend: pods of green: 0 of 3 ready of v1.0.0: there are none of it; ")
    assert "its Deployment on the cluster asks for 0 (SY-S013). blue continues to serve. See: kubectl" in str(
        seen.problem
    )

    # The provider waits for pods that never get ready, and somebody ends that.
    serving.set("services.backend.green", {"tag": f"v2.0.0{NEVER_READY}", "replicas": 3})
    engine = serving.start("up", "--yes", "--skip-preview")
    assert engine.stdout is not None
    # The provider says both when it has begun to wait, at once, and the engine prints one or both.
    waits = ("Waiting for app ReplicaSet", "MinimumReplicasUnavailable")
    assert any(said in printed for printed in engine.stdout for said in waits)
    engine.send_signal(signal.SIGINT)
    output, _ = engine.communicate()
    assert engine.returncode != 0
    assert "cancel" in output
    assert "pods of green" not in output
    assert kubectl.serving() == "blue"
