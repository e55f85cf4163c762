"""Warm, switch, roll back, retire: each a change of configuration, with what the preview says about it."""

from devtools.engine import Stack
from devtools.sandbox.faults import CRASH_AFTER_READY
from tests.support.history import History
from tests.support.kubectl import Kubectl

SELECTOR_DIFF = ["~ spec: {", "~ selector: {", '~ version: "blue" => "green"', "}", "}"]


def changed_lines(preview: str) -> list[str]:
    """The lines of a preview's diff that belong to resources, without their addresses."""
    above_outputs = preview.partition("--outputs:--")[0]
    lines = [line.strip() for line in above_outputs.splitlines() if line.strip()]
    start = next(number for number, line in enumerate(lines) if line.startswith("~ kubernetes:"))
    return [line for line in lines[start + 1 :] if not line.startswith("[")]


def test_each_step_of_a_release_changes_only_its_part_and_all_at_once_loses_no_ready_pod(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.planned() == {"backend-green": "update"}
    assert serving.up().ok
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(green=3)

    serving.set("services.backend.active", "green")
    assert serving.planned() == {"backend": "update"}
    assert changed_lines(serving.preview().output) == SELECTOR_DIFF
    assert serving.up().ok
    assert kubectl.serving() == "green"

    serving.set("services.backend.active", "blue")
    assert serving.planned() == {"backend": "update"}
    assert serving.up().ok
    assert kubectl.serving() == "blue"

    serving.set("services.backend.green.replicas", 0)
    assert serving.planned() == {"backend-green": "update"}
    assert serving.up().ok
    kubectl.expect_pods(blue=3, green=0)
    assert serving.planned() == {}

    # The same in one update, there and back.
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for colour, other, tag in (("green", "blue", "v2.0.1"), ("blue", "green", "v3.0.0")):
            serving.set(f"services.backend.{colour}", {"tag": tag, "replicas": 3})
            serving.set("services.backend.active", colour)
            serving.set(f"services.backend.{other}.replicas", 0)
            result = serving.up()
            assert result.ok, result.output
            kubectl.expect_pods(**{colour: 3, other: 0})
    assert history.colours("backend") == ["blue", "green", "blue"]
    assert history.fewest_ready("backend") == 3


def test_a_warm_colour_is_changed_alone_or_with_the_switch_and_serves_with_new_pods_only(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        serving.set("services.backend.green.tag", "v2.0.1")
        assert serving.up().ok
    kubectl.expect_pods(green=3)
    assert {pod["spec"]["containers"][0]["image"] for pod in kubectl.pods("green")} == {"ghcr.io/org/backend:v2.0.1"}
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3

    serving.set("services.backend.green.tag", "v2.0.2")
    serving.set("services.backend.active", "green")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert result.ok, result.output
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == 3
    kubectl.expect_pods(green=3)
    assert {pod["spec"]["containers"][0]["image"] for pod in kubectl.pods("green")} == {"ghcr.io/org/backend:v2.0.2"}


def test_a_change_of_the_serving_pods_and_a_switch_to_fewer_are_refused_until_they_are_allowed(
    serving: Stack, kubectl: Kubectl
) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    serving.set("services.backend.blue.tag", "v1.0.1")
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "a change of the pods of blue is refused (SY-S004): blue is serving" in result.output
        assert "allowInPlaceUpdate" in result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before

    serving.set("services.backend.allowInPlaceUpdate", True)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert result.ok, result.output
    kubectl.expect_pods(blue=3)
    assert {pod["spec"]["containers"][0]["image"] for pod in kubectl.pods("blue")} == {"ghcr.io/org/backend:v1.0.1"}
    assert history.fewest_ready("backend") >= 3

    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 2})
    serving.set("services.backend.active", "green")
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "green.replicas is 2, but blue serves with 3 ready pods" in result.output
    assert kubectl.serving() == "blue"

    serving.set("services.backend.gate", {"minReadyPercentOfServing": 50})
    assert serving.up().ok
    assert kubectl.serving() == "green"


def test_a_setting_of_the_whole_service_is_applied_with_a_switch_as_the_refusal_says(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    limits = {"cpu": "1", "memory": "1Gi"}
    serving.set("services.backend.resources", {"limits": limits})
    serving.set("services.backend.readiness", {"path": "/ready/now"})
    serving.set("services.backend.port", 9000)
    result = serving.up()
    assert not result.ok
    assert "a change of the pods of blue is refused" in result.output
    assert "set it in the same update that makes green active; blue is updated after the switch" in result.output

    serving.set("services.backend.active", "green")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert result.ok, result.output
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == 3
    assert kubectl.get("service", "backend")["spec"]["ports"][0]["targetPort"] == 9000
    kubectl.expect_pods(blue=3, green=3)
    for colour, tag in (("blue", "v1.0.0"), ("green", "v2.0.0")):
        for pod in kubectl.pods(colour):
            [container] = pod["spec"]["containers"]
            assert container["image"].endswith(tag)
            assert container["resources"]["limits"] == limits
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready/now"
            assert container["ports"][0]["containerPort"] == 9000
    assert serving.planned() == {}


def test_a_colour_that_crashes_after_the_switch_is_rolled_back_from(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.green", {"tag": f"v2.0.0{CRASH_AFTER_READY}", "replicas": 3})
    serving.set("services.backend.active", "green")
    assert serving.up().ok
    assert kubectl.serving() == "green"
    kubectl.wait("condition=Ready=false", "pods", "-l", "version=green")

    serving.set("services.backend.active", "blue")
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert {pod["metadata"]["labels"]["version"] for pod in kubectl.pods("green")} == {"green"}
