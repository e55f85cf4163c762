"""The objects of the first update, on a real API server."""

import json
from collections.abc import Iterator

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.kubectl import Kubectl
from tests.support.shared import Shared, backend_stack, fresh_namespace

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="module")
def of_module(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The stack that the tests here share, in a namespace of the restricted level."""
    with fresh_namespace(sandbox) as kubectl:
        kubectl.run("label", "namespace", kubectl.namespace, RESTRICTED)
        stack = backend_stack(sandbox, kubectl.namespace, tmp_path_factory.mktemp("shared"))
        # With one step at a time as few threads wait for the engine as there can be.
        yield Shared(kubectl, stack, stack.up("--parallel", "1"))


def test_after_the_first_update_blue_serves_and_a_preview_is_empty(shared: Shared) -> None:
    kubectl, serving = shared.kubectl, shared.stack
    assert shared.first.ok, shared.first.output
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(blue=3, green=0)
    assert serving.planned() == {}
    assert serving.outputs()["services"]["backend"]["active"] == "blue"
    assert serving.outputs()["services"]["backend"]["colours"] == {
        "blue": {"tag": "v1.0.0", "replicas": 3},
        "green": {"tag": "v1.0.0", "replicas": 0},
    }


def test_the_update_says_that_a_smoke_test_cannot_run_on_simulated_nodes(shared: Shared) -> None:
    assert "the smoke test of blue did not run" in shared.first.output
    assert "simulated nodes" in shared.first.output


def test_the_deployments_on_the_api_server_have_the_documented_values(shared: Shared) -> None:
    kubectl = shared.kubectl
    for colour, replicas in (("blue", 3), ("green", 0)):
        deployment = kubectl.get("deployment", f"backend-{colour}")
        assert deployment["spec"]["replicas"] == replicas
        assert deployment["spec"]["selector"]["matchLabels"] == {"app": "backend", "version": colour}
        assert deployment["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }
        template = deployment["spec"]["template"]
        assert template["metadata"]["labels"] == {"app": "backend", "version": colour}
        pod = template["spec"]
        assert pod["nodeSelector"] == {"workload": "application"}
        assert pod["serviceAccountName"] == "backend"
        assert pod["automountServiceAccountToken"] is False
        assert pod["terminationGracePeriodSeconds"] == 60
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        [spread] = pod["topologySpreadConstraints"]
        assert (spread["maxSkew"], spread["topologyKey"]) == (1, "kubernetes.io/hostname")
        [container] = pod["containers"]
        assert container["image"] == "ghcr.io/org/backend:v1.0.0"
        assert container["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]
        assert container["env"] == [{"name": "VERSION", "value": colour}]
        assert container["resources"] == {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        }
        liveness, readiness = container["livenessProbe"], container["readinessProbe"]
        assert liveness["httpGet"]["path"] == "/health"
        assert (liveness["initialDelaySeconds"], liveness["periodSeconds"]) == (30, 10)
        assert readiness["httpGet"]["path"] == "/ready"
        assert (readiness["initialDelaySeconds"], readiness["periodSeconds"]) == (5, 5)
        assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 35}}}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_services_disruption_budgets_and_service_account_have_the_documented_values(shared: Shared) -> None:
    kubectl = shared.kubectl
    active = kubectl.get("service", "backend")
    assert active["spec"]["type"] == "NodePort"
    assert active["spec"]["selector"] == {"app": "backend", "version": "blue"}
    [port] = active["spec"]["ports"]
    assert (port["name"], port["port"], port["targetPort"]) == ("http", 8000, 8000)
    for colour in ("blue", "green"):
        service = kubectl.get("service", f"backend-{colour}")
        assert service["spec"]["type"] == "ClusterIP"
        assert service["spec"]["selector"] == {"app": "backend", "version": colour}
        budget = kubectl.get("poddisruptionbudget", f"backend-{colour}")
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"]["matchLabels"] == {"app": "backend", "version": colour}
    assert kubectl.get("serviceaccount", "backend")["automountServiceAccountToken"] is False


def test_a_namespace_of_the_restricted_level_takes_the_pods(shared: Shared) -> None:
    label, _, level = RESTRICTED.partition("=")
    assert shared.kubectl.get("namespace", shared.kubectl.namespace)["metadata"]["labels"][label] == level
    shared.kubectl.expect_pods(blue=3)


def test_a_kubeconfig_that_is_not_there_ends_preview_and_update_in_one_line(shared: Shared) -> None:
    serving = shared.stack
    serving.set("cluster.kubeconfig", "/never/there")
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "switchyard:cluster.kubeconfig: '/never/there': there is no such file" in result.output
        assert "Traceback" not in result.output


def test_several_services_live_side_by_side_and_a_destroy_leaves_nothing_of_them(shared: Shared) -> None:
    # The last with the shared stack: it ends without anything.
    stack, kubectl = shared.stack, shared.kubectl
    second = {**stack.config["config"]["switchyard:services"]["backend"], "image": "ghcr.io/org/admin"}
    stack.set("services.admin", second)
    result = stack.up()
    assert result.ok, result.output
    stack.set("services.admin.green", {"tag": "v2.0.0", "replicas": 3})
    stack.set("services.admin.active", "green")
    assert stack.up().ok
    assert (kubectl.serving("backend"), kubectl.serving("admin")) == ("blue", "green")
    result = stack.destroy()
    assert result.ok, result.output
    assert kubectl.get("deployments,services,poddisruptionbudgets") == []


def test_bad_configuration_ends_preview_and_update_with_every_error_and_changes_nothing(
    stack: Stack, kubectl: Kubectl
) -> None:
    stack.set("services.backend.active", "purple")
    stack.set("services.backend.blue.replicas", -1)
    stack.set("services.backend.nodeport", 30080)
    stack.set("services.backend.green.tag", 2.0)
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "switchyard:services.backend.active: 'purple': allowed: blue, green" in result.output
        assert "switchyard:services.backend.blue.replicas: -1: must be >= 0" in result.output
        assert "switchyard:services.backend.nodeport: unknown key" in result.output
        assert "Did you mean nodePort?" in result.output
        assert "switchyard:services.backend.green.tag: 2" in result.output
        assert "Traceback" not in result.output
    assert kubectl.get("deployments,services,poddisruptionbudgets") == []


def test_a_missing_namespace_ends_preview_and_update_in_one_line_that_says_what_to_do(stack: Stack) -> None:
    stack.set("services.backend.namespace", "nobody-made-it")
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "there is no namespace nobody-made-it" in result.output
        assert "kubectl create namespace nobody-made-it" in result.output
        assert "Traceback" not in result.output
    recorded = json.loads(stack.run("stack", "export", check=True).output)["deployment"]["resources"]
    assert {resource["type"].split(":")[-1] for resource in recorded} & {
        "ServiceAccount",
        "Service",
        "Deployment",
    } == set()
