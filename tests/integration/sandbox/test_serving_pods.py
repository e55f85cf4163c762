"""Pods that serve keep their Service, their ports and their number, whatever part of the stack is updated."""

import json

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

OBJECTS = "deployments,services,serviceaccounts,poddisruptionbudgets"
SERVICE = ("--target", "**$kubernetes:core/v1:Service::backend")


def uids(kubectl: Kubectl) -> dict[str, str]:
    """The UIDs of a service's objects, by kind and name."""
    items = kubectl.get(OBJECTS, "-l", "app=backend")
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in items}


def test_the_service_alone_gets_no_port_on_which_no_pod_listens(serving: Stack, kubectl: Kubectl) -> None:
    before = serving.snapshot()
    serving.set("services.backend.port", 9000)
    for result in (serving.preview(*SERVICE), serving.up(*SERVICE)):
        assert not result.ok
        assert "a change of the ports of Service backend is refused (SY-S020)" in result.output
        assert "its pods do not listen on port 9000, but on 8000" in result.output
    assert kubectl.get("service", "backend")["spec"]["ports"][0]["targetPort"] == 8000
    # As the message says, with the other colour.
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("service", "backend")["spec"]["ports"][0]["targetPort"] == 9000
    serving.restore(before)
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("service", "backend")["spec"]["ports"][0]["targetPort"] == 8000


def test_pods_added_by_hand_are_removed_only_once_they_are_configured(serving: Stack, kubectl: Kubectl) -> None:
    kubectl.run("scale", "deployment", "backend-blue", "--replicas=5")
    kubectl.expect_ready(blue=5)
    serving.set("services.backend.revisionHistoryLimit", 4)
    # A refresh records the pods, and is no order to remove them.
    for result in (serving.preview(), serving.up(), serving.up("--refresh"), serving.up()):
        assert not result.ok
        assert "a change of the number of pods of blue is refused (SY-A004)" in result.output
        assert "blue serves with 5 pods, though the stack has configured 3, and this would leave 3" in result.output
    kubectl.expect_pods(blue=5)
    serving.set("services.backend.blue.replicas", 5)
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(blue=5)
    # As the message says, to remove them after all.
    serving.set("services.backend.blue.replicas", 3)
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(blue=3)


def test_pods_behind_a_narrowed_selector_are_not_replaced(serving: Stack, kubectl: Kubectl) -> None:
    [labels] = {json.dumps(pod["metadata"]["labels"]) for pod in kubectl.pods("blue")}
    narrowed = {"pod-template-hash": json.loads(labels)["pod-template-hash"]}
    kubectl.run("patch", "service", "backend", "-p", json.dumps({"spec": {"selector": narrowed}}))
    serving.set("services.backend.blue.tag", "v1.0.1")
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "blue is serving, and this would change" in result.output
    kubectl.expect_endpoints("backend", 3)


def test_another_key_with_the_same_name_keeps_every_object(serving: Stack, kubectl: Kubectl) -> None:
    before = uids(kubectl)
    entry = serving.snapshot()["config"]["switchyard:services"]["backend"]
    serving.set("services.backend", None)
    serving.set("services.shop", entry | {"name": "backend"})
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert result.ok, result.output
    assert history.fewest_ready("backend") == 3
    assert uids(kubectl) == before
    assert serving.planned() == {}
    serving.set("services.shop.active", "green")
    serving.set("services.shop.green", {"tag": "v2.0.0", "replicas": 3})
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "green"


def test_a_port_under_another_name_or_number_keeps_its_node_port(serving: Stack, kubectl: Kubectl) -> None:
    """The warnings of a lost address rely on how the API server merges the ports of a Service."""
    serving.set("services.backend.allowInPlaceUpdate", True)
    serving.set("services.backend.ports", {"grpc": {"containerPort": 9000, "servicePort": 9000}})
    assert serving.up().ok
    node_port = node_port_of(kubectl, "grpc")
    serving.set("services.backend.ports", {"rpc": {"containerPort": 9000, "servicePort": 9000}})
    result = serving.up()
    assert result.ok, result.output
    assert "no longer answer at port grpc by its name, which an Ingress may have (it becomes rpc) (SY" in result.output
    assert node_port_of(kubectl, "rpc") == node_port
    serving.set("services.backend.ports", {"rpc": {"containerPort": 9000, "servicePort": 9001}})
    result = serving.up()
    assert result.ok, result.output
    assert "no longer answer at backend:9000 in the cluster (it becomes backend:9001) (SY-S016)" in result.output
    assert node_port_of(kubectl, "rpc") == node_port


def node_port_of(kubectl: Kubectl, name: str) -> int:
    [port] = [port for port in kubectl.get("service", "backend")["spec"]["ports"] if port["name"] == name]
    return int(port["nodePort"])
