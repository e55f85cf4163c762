"""Where the pods of the cluster's DNS are."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from switchyard.gates.cluster_dns import nodes_of_dns
from switchyard.kube.access import ClusterAccess


class Api:
    """An API server with these pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self._pods = pods

    async def api(self) -> "Api":
        return self

    async def find_all(self, resource: str, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
        assert (resource, namespace, dict(labels)) == ("pods", "kube-system", {"k8s-app": "kube-dns"})
        return {"items": list(self._pods)}


def pod(node: str | None, phase: str = "Running", **metadata: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "coredns"} | metadata,
        "spec": {} if node is None else {"nodeName": node},
        "status": {"phase": phase},
    }


def test_pods_that_are_placed_and_stay_count() -> None:
    api = Api(
        pod("k8s-worker-1"),
        pod("k8s-worker-2", "Pending"),
        pod(None, "Pending"),
        pod("k8s-master", "Failed"),
        pod("k8s-master", deletionTimestamp="2026-01-31T12:00:00Z"),
    )
    assert asyncio.run(nodes_of_dns(cast("ClusterAccess", api))) == ["k8s-worker-1", "k8s-worker-2"]
