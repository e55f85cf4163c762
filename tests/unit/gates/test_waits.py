"""The gate waits for every node that routes requests, and not only for those on which pods of the service run."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates.waits import wait_for_nodes
from switchyard.kube.api import ProxyAnswer
from switchyard.kube.cluster import Cluster

WORKERS = {"workload": "application"}
GATEWAY = {"workload": "gateway"}


class Api:
    """An API server with nodes, by name: labels, and the health that kube-proxy reports."""

    def __init__(self, nodes: Mapping[str, tuple[Mapping[str, str], int]]) -> None:
        self._nodes = nodes

    async def find_all(self, _kind: str, _namespace: None, labels: Mapping[str, str], *_: object) -> dict[str, Any]:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return {
            "items": [
                {"metadata": {"name": name}, "status": ready}
                for name, (own, _) in self._nodes.items()
                if labels.items() <= own.items()
            ]
        }

    async def get_through_proxy(self, _kind: str, _namespace: None, name: str, *_: object) -> ProxyAnswer:
        return ProxyAnswer(self._nodes[name.partition(":")[0]][1], "")


def wait(nodes: Mapping[str, tuple[Mapping[str, str], int]], **settings: Any) -> list[str]:
    tracks = {"blue": {"tag": "v1", "replicas": 3}, "green": {"tag": "v2", "replicas": 3}}
    service = BlueGreenSettings.model_validate({"image": "org/backend", "active": "blue", **tracks, **settings})
    api: Any = Api(nodes)
    return asyncio.run(wait_for_nodes(Cluster(api), service, 0))


@pytest.mark.parametrize("selector", [WORKERS, {"workload": "moved"}], ids=["workers", "nodes that do not exist"])
def test_a_node_on_which_no_pod_of_the_service_may_run_is_asked_too(selector: dict[str, str]) -> None:
    nodes = {"k8s-worker-1": (WORKERS, 200), "k8s-gateway": (GATEWAY, 503)}
    assert wait(nodes, nodeSelector=selector) == ["kube-proxy on k8s-gateway is not healthy (503)"]
    assert wait({**nodes, "k8s-gateway": (GATEWAY, 200)}, nodeSelector=selector) == []


def test_no_node_is_asked_where_something_other_than_kube_proxy_implements_services() -> None:
    assert wait({"k8s-gateway": (GATEWAY, 503)}, gate={"checkNodes": False}) == []
