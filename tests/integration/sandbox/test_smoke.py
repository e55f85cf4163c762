"""Smoke tests through the API server's service proxy, against a real HTTP server."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from devtools.engine import Stack
from tests.support.answering_pods import HOST, NODE, SETTINGS, FakeKubelet, answering, network_namespace, unavailable
from tests.support.history import History
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))

GOOD = {"/health": (200, "ok"), "/ready": (200, '{"version": "v2.0.0"}')}


@pytest.fixture
def network() -> Iterator[str]:
    with network_namespace() as name:
        yield name


@dataclass(frozen=True)
class Answering:
    """A stack with its pods on the answering node, and the fake kubelet of that node."""

    stack: Stack
    kubectl: Kubectl
    kubelet: FakeKubelet
    network: str


@pytest.fixture
def answering_pods(stack: Stack, kubectl: Kubectl, network: str) -> Iterator[Answering]:
    """Nothing is updated yet."""
    place_on_answering_node(stack)
    with FakeKubelet(kubectl) as kubelet:
        yield Answering(stack, kubectl, kubelet, network)


def place_on_answering_node(stack: Stack) -> None:
    node = {"type": SETTINGS.type, "zone": SETTINGS.zone, "diskGb": SETTINGS.disk_gb, "workload": SETTINGS.workload}
    stack.set("cluster.nodes", {NODE: node})
    stack.set("services.backend.nodeSelector", {"workload": "answering"})
    # The controllers may take the node for one that is still starting.
    stack.set("services.backend.tolerations", [{"operator": "Exists"}])


FAILURES: list[tuple[dict[str, tuple[int, str]], dict[str, object], str]] = [
    (
        {**GOOD, "/ready": (500, "no database")},
        {},
        "GET /ready answered 500, expected 200: 'no database' (3 attempts)",
    ),
    (
        GOOD,
        {"paths": [{"path": "/ready", "bodyMatches": '"version": "v3'}]},
        'GET /ready has no match for \'"version": "v3\'',
    ),
    (
        GOOD,
        {"paths": [{"path": "/missing"}], "attempts": 1},
        "GET /missing answered 404, expected 200: 'no such path' (1 attempts)",
    ),
]


def test_a_colour_takes_the_traffic_once_it_passes_its_smoke_test_and_gets_none_before(
    answering_pods: Answering,
) -> None:
    stack, kubectl, network = answering_pods.stack, answering_pods.kubectl, answering_pods.network
    with answering(network, GOOD) as asked:
        result = stack.up()
        assert result.ok, result.output
        assert "did not run" not in result.output
        stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
        stack.set("services.backend.active", "green")
        result = stack.up()
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    # Each of three pods of each colour, and one request through each colour's Service.
    assert (asked.count("/health"), asked.count("/ready")) == (8, 6)

    stack.set("services.backend.blue.tag", "v3.0.0")
    stack.set("services.backend.active", "blue")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for answers, smoke, cause in FAILURES:
            stack.set("services.backend.gate", {"smoke": smoke})
            with answering(network, answers) as asked:
                result = stack.up()
            assert asked, f"the smoke test never ran: {result.output}"
            assert not result.ok
            assert cause in result.output
            assert "The Service was not changed" in result.output
            assert kubectl.serving() == "green"

        stack.set("services.backend.gate", {"smoke": {"timeoutSeconds": 1, "attempts": 1}})
        result = stack.up()  # nobody listens at the pods' address now
        assert not result.ok
        assert "the smoke test failed: GET /health" in result.output
        assert kubectl.serving() == "green"
    assert history.colours("backend") == ["green"]
    assert history.fewest_ready("backend") == 3

    stack.set("services.backend.gate", None)
    stack.set("services.backend.blue.tag", "v3.0.1")
    with History(kubectl.kubeconfig, kubectl.namespace) as history, answering(network, GOOD):
        result = stack.up()
        assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert history.colours("backend") == ["green", "blue"]
    assert history.fewest_ready("backend") == 3

    # One pod of many that does not answer is found and named: nobody listens at the host's end of the link.
    answering_pods.kubelet.addresses = iter([HOST])
    stack.set("services.backend.green", {"tag": "v4.0.0", "replicas": 3})
    stack.set("services.backend.active", "green")
    stack.set("services.backend.gate", {"smoke": {"attempts": 1}})
    with answering(network, GOOD):
        result = stack.up()
    [silent] = [pod["metadata"]["name"] for pod in kubectl.pods("green") if pod["status"]["podIP"] == HOST]
    assert not result.ok
    [line] = [line for line in result.output.splitlines() if line.strip().startswith("error: before hook")]
    assert f"on {silent}, GET /ready" in line
    assert f"on {silent};" in line
    assert kubectl.serving() == "blue"
