"""A service that its load balancer switches: the real engine and API server, with a fake AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.engine import Stack
from tests.support.history import History
from tests.support.killed_engine import HeldWrite, kill_at_write
from tests.support.kubectl import Kubectl
from tests.support.load_balancer_controller import Controller
from tests.support.weighted_stack import controller, route_by_hand, serving, stack, weights

__all__ = ["controller", "serving", "stack"]


@contextmanager
def short_wait(stack: Stack, seconds: int = 5) -> Iterator[None]:
    """Has the gates wait for a short time only, for what does not happen in the block."""
    stack.set("services.backend.gate", {"timeoutSeconds": seconds})
    yield
    stack.set("services.backend.gate", None)


def test_the_load_balancer_switches_before_the_idle_colour_goes_and_back_by_the_same_key(
    serving: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    assert controller.rules == [weights(blue=100)]
    assert serving.planned() == {}
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.planned() == {"backend-green": "update"}
    assert serving.up().ok

    serving.set("services.backend.active", "green")
    assert serving.planned() == {"backend": "update", "balancer-backend": "update"}
    serving.set("services.backend.blue.replicas", 0)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert result.ok, result.output
    order = [result.output.index(line) for line in ("Service backend updated", "Ingress balancer-backend updated")]
    assert order == sorted(order)
    assert result.output.index("Deployment backend-blue updated") > order[-1]
    assert controller.rules[1:] == [weights(green=100)]
    assert history.colours("backend") == ["blue", "green"]
    kubectl.expect_pods(green=3, blue=0)
    assert serving.planned() == {}

    serving.set("services.backend.blue.replicas", 3)
    serving.set("services.backend.active", "blue")
    result = serving.up()
    assert result.ok, result.output
    assert controller.rules[2:] == [weights(blue=100)]
    assert kubectl.serving() == "blue"


def test_a_controller_that_never_answers_ends_the_update_in_an_error_and_deletes_no_pod(
    serving: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    controller.answers = False
    controller.fail("AccessDenied: not authorized to perform ModifyRule")
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    serving.set("services.backend.blue.replicas", 0)
    with short_wait(serving):
        result, again = serving.up(), serving.up()
    assert (result.ok, again.ok) == (False, False)
    said = " ".join(result.output.split())
    assert "waiting for the load balancer: a rule of the load balancer sends 0 to backend, 100 to backend-blue" in said
    assert "a change of the idle colour blue is refused (SY-L006): a rule of the load balancer sends" in said
    assert "FailedDeployModel: AccessDenied: not authorized to perform ModifyRule" in said
    assert "blue keeps its pods" in said
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before
    assert controller.rules == [weights(blue=100)]

    controller.answers = True
    result = serving.up()
    assert result.ok, result.output
    assert controller.rules == [weights(blue=100), weights(green=100)]
    kubectl.expect_pods(green=3, blue=0)


def test_a_switch_that_retires_nothing_fails_too_when_the_load_balancer_does_not_follow(
    serving: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    controller.answers = False
    serving.set("services.backend.active", "green")
    with short_wait(serving):
        result = serving.up()
        assert not result.ok
        assert "the switch of the load balancer to Service backend-green is not finished" in result.output
        # The next one finds nothing to write, and still does not call it done.
        assert serving.planned() == {}
        assert not serving.up().ok
    kubectl.expect_pods(blue=3, green=3)

    serving.set("services.backend.active", "blue")
    controller.answers = True
    assert serving.up().ok
    assert (kubectl.serving(), controller.rules[-1]) == ("blue", weights(blue=100))


def test_an_engine_killed_between_service_and_weights_leaves_pods_and_the_next_one_converges(
    serving: Stack, kubectl: Kubectl, controller: Controller, tmp_path: Path
) -> None:
    """Once forward to the new colour, and once back."""
    for last, following, back in (("blue", "green", False), ("green", "blue", True)):
        serving.set(f"services.backend.{following}", {"tag": f"v2.0.0-{following}", "replicas": 3})
        assert serving.up().ok
        serving.set("services.backend.active", following)
        serving.set(f"services.backend.{last}.replicas", 0)
        with History(kubectl.kubeconfig, kubectl.namespace) as history:
            kill_at_write(serving, HeldWrite(kubectl, tmp_path, "Service backend"), written=True)
            assert (kubectl.serving(), controller.rules[-1]) == (following, weights(**{last: 100}))
            assert serving.run("cancel", "--yes").ok
            if back:
                serving.set("services.backend.active", last)
                serving.set(f"services.backend.{last}.replicas", 3)
                serving.set(f"services.backend.{following}.replicas", 0)
            result = serving.up("--refresh")
            assert result.ok, result.output
        serves, idle = (last, following) if back else (following, last)
        assert (kubectl.serving(), controller.rules[-1]) == (serves, weights(**{serves: 100}))
        kubectl.expect_pods(**{serves: 3, idle: 0})
        assert history.fewest_ready("backend") == 3
        assert serving.planned() == {}


def test_an_unhealthy_colour_is_not_switched_to_and_weights_set_by_hand_differ_from_configured(
    serving: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    serving.set("cluster.loadBalancer.healthIntervalSeconds", 5)
    serving.set("cluster.loadBalancer.healthTimeoutSeconds", 2)
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    controller.lose_targets()
    serving.set("services.backend.active", "green")
    with short_wait(serving, 1):
        result = serving.up()
    assert not result.ok
    assert "the target group of backend-green has 0 healthy targets of 1" in result.output
    assert kubectl.serving() == "blue"
    assert controller.rules == [weights(blue=100)]

    controller.find_targets()
    assert serving.up().ok
    assert controller.rules == [weights(blue=100), weights(green=100)]

    route_by_hand(kubectl, "blue")

    with short_wait(serving):
        result = serving.up()
        assert not result.ok
        assert "Ingress backend on the cluster routes to backend-blue, but the stack has backend-green" in result.output
        serving.set("services.backend.blue.replicas", 0)
        result = serving.up()
        assert not result.ok
        assert "a change of the idle colour blue is refused" in result.output
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert controller.rules[-1] == weights(green=100)
    kubectl.expect_pods(green=3, blue=0)


def test_a_service_changes_its_switch_engine_and_back_and_a_refused_route_is_reported(
    stack: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    stack.set("services.backend.switchEngine", None)
    assert stack.up().ok
    assert controller.rules == [{"backend": 1}]
    assert kubectl.get("service", "backend-blue")["spec"]["type"] == "ClusterIP"
    uid = kubectl.get("ingress", "backend")["metadata"]["uid"]

    stack.set("services.backend.switchEngine", "albWeights")
    with short_wait(stack):
        results = stack.preview(), stack.up()
    for result in results:
        assert not result.ok
        assert "Ingress backend has no target group for Service backend-blue" in result.output
    assert controller.rules == [{"backend": 1}]
    for engine in ("albTargets", "albWeights"):
        stack.set("services.backend.switchEngine", engine)
        result = stack.up()
        assert result.ok, result.output
    assert controller.rules[1:] == [weights(service=100), weights(blue=100)]

    stack.set("services.backend.switchEngine", None)
    with short_wait(stack):
        results = stack.preview(), stack.up()
    for result in results:
        assert not result.ok
        assert "Ingress backend on the cluster routes to backend-blue, but the stack has backend" in result.output
    assert kubectl.get("service", "backend-blue")["spec"]["type"] == "NodePort"
    for engine in ("albTargets", "selector"):
        stack.set("services.backend.switchEngine", engine)
        result = stack.up()
        assert result.ok, result.output
    # The Ingress stops naming the colours before they lose the ports without which the controller
    # cannot render a rule.
    lines = ("Ingress balancer-backend updated", "Service backend-blue updated", "Service backend-green updated")
    first, *ports = [result.output.index(line) for line in lines]
    assert first < min(ports)
    assert controller.unbuilt == []
    assert controller.rules[3:] == [weights(service=100), {"backend": 1}]
    assert kubectl.get("ingress", "backend")["metadata"]["uid"] == uid
    assert stack.planned() == {}

    # A route that the controller cannot carry out ends every update in its own words, until it can.
    before = list(controller.rules)
    controller.refuses = "operation error Elastic Load Balancing v2: CreateRule, 400, ValidationError: no such path"
    stack.set("cluster.loadBalancer.routes", [{"service": "backend", "path": "/api"}])
    for _ in range(2):  # the second finds nothing to write
        result = stack.up()
        assert not result.ok
        said = " ".join(result.output.split())
        assert "its controller refuses the Ingresses of the group" in said
        assert "CreateRule, 400, ValidationError: no such path" in said
        assert f"every host /api (Ingress {kubectl.namespace}/backend) has no rule at AWS" in said
    preview = stack.preview()
    assert preview.ok
    assert "CreateRule, 400, ValidationError: no such path" in " ".join(preview.output.split())
    assert stack.planned() == {}

    controller.refuses = None
    result = stack.up()
    assert result.ok, result.output
    assert controller.rules == before
