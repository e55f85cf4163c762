"""A Service of the same name that somebody else created: not changed, or adopted on request without downtime."""

from typing import Any

import pytest

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl


def put(kubectl: Kubectl, labels: dict[str, str], selected: dict[str, str], replicas: int) -> None:
    """A Deployment, and when its pods are ready a Service `backend` that they are behind, created by hand."""
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "org/legacy:v0"}]}}
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "legacy"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        }
    )
    kubectl.run("rollout", "status", "deployment/legacy", "--timeout=60s")
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "backend"},
            "spec": {"selector": selected, "ports": [{"port": 8000, "targetPort": 8080}]},
        }
    )
    kubectl.expect_endpoints("backend", replicas)


@pytest.fixture
def of_somebody_else(kubectl: Kubectl) -> dict[str, Any]:
    """Service `backend` with four ready pods behind it, none of them this program's; the Service."""
    put(kubectl, {"run": "legacy"}, {"run": "legacy"}, 4)
    service: dict[str, Any] = kubectl.get("service", "backend")
    return service


def test_a_service_of_somebody_else_is_not_taken_over_unasked(
    stack: Stack, kubectl: Kubectl, of_somebody_else: dict[str, Any]
) -> None:
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "Service/backend in namespace" in result.output
        assert "was not created by this stack, and selects run=legacy" in result.output
        assert "pulumi config set --path 'switchyard:services.backend.adopt[0]' Service/backend" in result.output
    assert kubectl.get("service", "backend") == of_somebody_else
    assert [deployment["metadata"]["name"] for deployment in kubectl.get("deployments")] == ["legacy"]


def test_a_service_is_taken_over_on_request_by_as_many_ready_pods_as_it_had(
    stack: Stack, kubectl: Kubectl, of_somebody_else: dict[str, Any]
) -> None:
    kubectl.run("annotate", "service", "backend", "meta.helm.sh/release-name=legacy")
    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"sessionAffinity": "ClientIP"}}')
    of_somebody_else = kubectl.get("service", "backend")
    stack.set("services.backend.adoptExistingService", True)
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "is adopted, and it also belongs to Helm release legacy (SY-O013)" in result.output
        assert "keeps what the settings do not name: sessionAffinity ClientIP" in result.output
        assert "blue.replicas is 3, but Service backend serves with 4 ready pods" in result.output
    assert kubectl.get("service", "backend") == of_somebody_else

    stack.set("services.backend.blue.replicas", 4)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = stack.up()
        assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert history.fewest_ready("backend") == 4
    assert stack.planned() == {}
    # As the warning said, and as its command changes it.
    assert kubectl.get("service", "backend")["spec"]["sessionAffinity"] == "ClientIP"
    stack.set("services.backend.service", {"sessionAffinity": "None"})
    result = stack.up()
    assert result.ok, result.output
    assert kubectl.get("service", "backend")["spec"]["sessionAffinity"] == "None"


def test_a_service_that_sends_requests_to_starting_pods_is_not_taken_over(
    stack: Stack, kubectl: Kubectl, of_somebody_else: dict[str, Any]
) -> None:
    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"publishNotReadyAddresses": true}}')
    of_somebody_else = kubectl.get("service", "backend")
    stack.set("services.backend.adoptExistingService", True)
    stack.set("services.backend.blue.replicas", 4)
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert "adopting Service backend is refused (SY-O014): it has publishNotReadyAddresses: true" in result.output
    assert kubectl.get("service", "backend") == of_somebody_else
    assert [deployment["metadata"]["name"] for deployment in kubectl.get("deployments")] == ["legacy"]
    # As the message says.
    patch = f"-n {kubectl.namespace} patch service backend --type=merge -p '"
    arguments = result.output.partition(patch)[2].partition("'")[0]
    kubectl.run("patch", "service", "backend", "--type=merge", "-p", arguments)
    result = stack.up()
    assert result.ok, result.output
    assert kubectl.serving() == "blue"


def test_a_service_with_other_ports_is_not_taken_over(
    stack: Stack, kubectl: Kubectl, of_somebody_else: dict[str, Any]
) -> None:
    stack.set("services.backend.adoptExistingService", True)
    stack.set("services.backend.port", 8001)
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert (
            "it has port 8000; this stack serves port 8001 of the Service, and other ports would stay" in result.output
        )
        assert "pulumi config set --path 'switchyard:services.backend.servicePort' 8000" in result.output
    assert kubectl.get("service", "backend") == of_somebody_else
    # As the message says: the Service keeps its port, and the pods have theirs.
    stack.set("services.backend.servicePort", 8000)
    stack.set("services.backend.blue.replicas", 4)
    result = stack.up()
    assert result.ok, result.output
    [port] = kubectl.get("service", "backend")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8000, 8001)
    assert stack.planned() == {}


def test_a_selector_that_would_let_new_pods_in_before_the_gate_is_warned_of(stack: Stack, kubectl: Kubectl) -> None:
    put(kubectl, {"app": "backend", "run": "legacy"}, {"app": "backend"}, 3)
    stack.set("services.backend.adoptExistingService", True)
    for result in (stack.preview(), stack.up()):
        assert result.ok, result.output
        assert "selects app=backend, and so the pods of blue as well" in result.output
        assert "before any gate" in result.output
    assert kubectl.serving() == "blue"
