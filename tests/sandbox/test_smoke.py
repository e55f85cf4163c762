"""Smoke tests through the API server's service proxy, against a real HTTP server."""

from collections.abc import Iterator

import pytest

from sandbox.stack import Stack
from tests.sandbox.answering import HOST, NODE, SETTINGS, PlayedKubelet, answering, network_namespace, unavailable
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))

GOOD = {"/health": (200, "ok"), "/ready": (200, '{"version": "v2.0.0"}')}


@pytest.fixture
def network() -> Iterator[str]:
    with network_namespace() as name:
        yield name


@pytest.fixture
def on_answering_pods(stack: Stack, kubectl: Kubectl, network: str) -> Iterator[Stack]:
    """The stack with its pods on the answering node; nothing is updated yet."""
    place_on_answering_node(stack)
    with PlayedKubelet(kubectl):
        yield stack


def place_on_answering_node(stack: Stack) -> None:
    node = {"type": SETTINGS.type, "zone": SETTINGS.zone, "diskGb": SETTINGS.disk_gb, "workload": SETTINGS.workload}
    stack.set("cluster.nodes", {NODE: node})
    stack.set("services.backend.nodeSelector", {"workload": "answering"})
    # The controllers may take the node for one that is still starting.
    stack.set("services.backend.tolerations", [{"operator": "Exists"}])


def test_a_colour_that_passes_its_smoke_test_takes_the_traffic(
    on_answering_pods: Stack, kubectl: Kubectl, network: str
) -> None:
    with answering(network, GOOD) as asked:
        result = on_answering_pods.up()
        assert result.ok, result.output
        assert "did not run" not in result.output
        on_answering_pods.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
        on_answering_pods.set("services.backend.active", "green")
        result = on_answering_pods.up()
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    # Each of three pods of each colour, and one request through each colour's Service.
    assert (asked.count("/health"), asked.count("/ready")) == (8, 6)


@pytest.mark.parametrize(
    ("answers", "smoke", "cause"),
    [
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
    ],
    ids=["status", "body", "missing path"],
)
def test_a_colour_that_fails_its_smoke_test_gets_no_traffic(
    on_answering_pods: Stack,
    kubectl: Kubectl,
    network: str,
    answers: dict[str, tuple[int, str]],
    smoke: dict[str, object],
    cause: str,
) -> None:
    with answering(network, GOOD):
        result = on_answering_pods.up()
        assert result.ok, result.output
    on_answering_pods.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    on_answering_pods.set("services.backend.active", "green")
    on_answering_pods.set("services.backend.gate", {"smoke": smoke})
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        with answering(network, answers) as asked:
            result = on_answering_pods.up()
        assert asked, f"the smoke test never ran: {result.output}"
        assert not result.ok
        assert cause in result.output
        assert "The Service was not touched" in result.output
        assert kubectl.serving() == "blue"
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3

    on_answering_pods.set("services.backend.gate", None)
    on_answering_pods.set("services.backend.green.tag", "v2.0.1")
    with History(kubectl.kubeconfig, kubectl.namespace) as history, answering(network, GOOD):
        result = on_answering_pods.up()
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == 3


def test_a_colour_that_does_not_answer_gets_no_traffic(
    on_answering_pods: Stack, kubectl: Kubectl, network: str
) -> None:
    with answering(network, GOOD):
        result = on_answering_pods.up()
        assert result.ok, result.output
    on_answering_pods.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    on_answering_pods.set("services.backend.active", "green")
    on_answering_pods.set("services.backend.gate", {"smoke": {"timeoutSeconds": 1, "attempts": 1}})
    result = on_answering_pods.up()  # nobody listens at the pods' address now
    assert not result.ok
    assert "the smoke test failed: GET /health" in result.output
    assert kubectl.serving() == "blue"


def test_one_pod_of_many_that_does_not_answer_is_found_and_named(stack: Stack, kubectl: Kubectl, network: str) -> None:
    with answering(network, GOOD), PlayedKubelet(kubectl) as kubelet:
        place_on_answering_node(stack)
        result = stack.up()
        assert result.ok, result.output
        # Nobody listens at the host's end of the link.
        kubelet.addresses = iter([HOST])
        stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
        stack.set("services.backend.active", "green")
        stack.set("services.backend.gate", {"smoke": {"attempts": 1}})
        result = stack.up()
        [silent] = [pod["metadata"]["name"] for pod in kubectl.pods("green") if pod["status"]["podIP"] == HOST]
        assert not result.ok
        [line] = [line for line in result.output.splitlines() if line.strip().startswith("error: before hook")]
        assert f"on {silent}, GET /ready" in line
        assert f"on {silent};" in line
        assert kubectl.serving() == "blue"
