"""A service in two colours whose serving pods an autoscaler sizes: the real controller, and writes like its own.

Without a metrics API the controller acts on the limits alone, which is a real write of it. A number between the limits
is written to the scale subresource under the controller's field manager, which imitates it.
"""

import asyncio
import json
from collections.abc import Mapping

from devtools.engine import Stack
from switchyard.cli.service_status import inspect_services
from switchyard.config.loader import load
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.kube.access import ClusterAccess
from tests.support.commands import document, read_back, run_command
from tests.support.history import History
from tests.support.kubectl import Kubectl

CONTROLLER = "kube-controller-manager"


def scale(kubectl: Kubectl, deployment: str, replicas: int) -> None:
    """Writes a number as the autoscaler's controller does, and waits for the pods."""
    patch = json.dumps({"spec": {"replicas": replicas}})
    kubectl.run(
        *("patch", "deployment", deployment, "--subresource=scale", f"--field-manager={CONTROLLER}"),
        *("--type=merge", "-p", patch),
    )
    kubectl.wait(f"jsonpath={{.status.availableReplicas}}={replicas}", f"deployment/{deployment}")


def replicas(kubectl: Kubectl, deployment: str) -> int:
    return int(kubectl.get("deployment", deployment)["spec"]["replicas"])


def owners_of_replicas(kubectl: Kubectl, deployment: str) -> set[str]:
    """Field managers that own the number of pods."""
    entries = kubectl.get("deployment", deployment, "--show-managed-fields")["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})}


def settings_of(stack: Stack) -> Mapping[str, ServiceSettings]:
    """The services of a stack, as the command line reads them."""
    config = stack.config["config"]
    return load(config["switchyard:cluster"], config["switchyard:services"], stack.name).services


def target(kubectl: Kubectl) -> str:
    return str(kubectl.get("hpa", "backend")["spec"]["scaleTargetRef"]["name"])


def test_autoscaled_service_never_loses_serving_pods(serving: Stack, kubectl: Kubectl) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        scale(kubectl, "backend-blue", 5)  # before the stack knows of an autoscaler
        serving.set("services.backend.autoscaling", {"min": 6, "max": 8, "cpuPercent": 70})
        serving.set("services.backend.green.tag", "v2.0.0")
        result = serving.up()
        assert result.ok, result.output
        assert "the cluster serves no metrics" in result.output
        assert target(kubectl) == "backend-blue"

        # The real controller raises the number to its minimum.
        kubectl.wait("jsonpath={.status.availableReplicas}=6", "deployment/backend-blue")
        assert CONTROLLER in owners_of_replicas(kubectl, "backend-blue")
        assert serving.planned() == {}
        assert serving.run("refresh", "--yes").ok

        # After the refresh nothing of blue changes. green is configured with 0 pods: it gets what serves.
        serving.set("services.backend.active", "green")
        switch = {"backend": "update", "backend-autoscaler": "update"}
        assert serving.planned() == switch | {"backend-green": "update"}
        result = serving.up()
        assert result.ok, result.output
        assert (replicas(kubectl, "backend-green"), target(kubectl)) == (6, "backend-green")
        # blue has `replicas: 3`, so that it is as large as what serves: a rollback adds no pods.
        assert replicas(kubectl, "backend-blue") == 6
        serving.set("services.backend.active", "blue")
        # green is configured with 0 pods, which it goes back to once it is idle.
        assert serving.planned() == switch | {"backend-green": "update"}
        serving.set("services.backend.active", "green")

        # A switch by the command moves the autoscaler as an update does.
        serving.set("services.backend.green.replicas", 6)
        assert serving.up().ok
        for colour in ("blue", "green"):
            switched = document(run_command(serving, "switch", "backend", colour, "--yes", "--json"), 0)
            assert (switched["waiting"], target(kubectl)) == ([], f"backend-{colour}")
        read_back(serving)
        assert serving.planned() == {}

        # A retirement of blue, with another version of it, leaves green alone.
        scale(kubectl, "backend-green", 7)
        serving.set("services.backend.blue", {"tag": "v3.0.0", "replicas": 0})
        assert serving.up().ok
        kubectl.expect_pods(green=7, blue=0)
        [status] = asyncio.run(inspect_services(ClusterAccess(str(kubectl.kubeconfig)), settings_of(serving)))
        assert status.as_configured
        green = status.tracks[Track.GREEN]
        assert (green.tag, green.wanted, green.ready) == ("v2.0.0", 7, 7)

        # The autoscaler goes last, so that no larger number than its maximum can replace it.
        serving.set("services.backend.autoscaling", None)
        serving.set("services.backend.green.replicas", 9)
        for result in (serving.preview(), serving.up()):
            assert not result.ok
            assert "(SY-A003): green.replicas is 9, and the maximum of the autoscaler is 8" in result.output
        serving.set("services.backend.green.replicas", 8)
        result = serving.up()
        assert result.ok, result.output
        kubectl.expect_pods(green=8, blue=0)
        assert not kubectl.get("hpa")
    assert history.colours("backend") == ["blue", "green", "blue", "green"]
    for colour in ("blue", "green"):
        counts = [moment.ready for moment in history.moments("backend") if moment.colour == colour]
        assert counts == sorted(counts), f"pods of {colour} were lost while it served: {counts}"
    assert counts[0] == 6


def test_pods_of_an_autoscaler_that_was_deleted_by_hand_stay(serving: Stack, kubectl: Kubectl) -> None:
    """The state has their number, since a release has warmed the new colour with it, and the stack file has another."""
    serving.set("services.backend.autoscaling", {"min": 3, "max": 8})
    assert serving.up().ok
    scale(kubectl, "backend-blue", 5)
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    assert serving.up().ok
    kubectl.expect_ready(green=5)
    kubectl.run("delete", "hpa", "backend")
    serving.set("services.backend.autoscaling", None)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for result in (serving.preview(), serving.up(), serving.up("--refresh")):
            assert not result.ok
            assert "a change of the number of pods of green is refused (SY-A004)" in result.output
            assert "green serves with 5 pods, a number that the stack has not configured" in result.output
        serving.set("services.backend.green.replicas", 5)
        result = serving.up()
        assert result.ok, result.output
    assert history.fewest_ready("backend") == 5
    # As the message says, to remove them after all.
    serving.set("services.backend.green.replicas", 3)
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(green=3)
