"""A run that would take all targets of a service away ends before anything is registered."""

from collections import Counter
from typing import Any

import pulumi
import pytest

from components.cluster.target_nodes import inspect_target_nodes
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.errors import UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from tests.support.weighted_balancer import service, written

SERVICES = {"backend": service("selector"), "shop": service("selector")}
ROUTES = [{"service": "backend"}, {"service": "shop", "path": "/shop"}]
RELABELLED = {name: node.model_copy(update={"workload": "web"}) for name, node in DEFAULT_NODES.items()}


def cluster(**changes: Any) -> Ec2Cluster:
    settings = Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "loadBalancer": {"routes": ROUTES}})
    return settings.model_copy(update=changes)


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """A cluster whose namespaces have the Ingress of service backend; counts the lists of Ingresses by namespace."""
    counts: Counter[str] = Counter()

    class Connected:
        async def ingresses(self, namespace: str) -> list[dict[str, Any]]:
            counts[namespace] += 1
            return [written("selector")]

    async def connect(_: ClusterAccess) -> Connected:
        return Connected()

    monkeypatch.setattr(Cluster, "connect", connect)
    return counts


def test_a_service_without_a_target_ends_the_run(lists: Counter[str]) -> None:
    inspect_target_nodes(cluster(), SERVICES, ClusterAccess())
    with pytest.raises(pulumi.RunError, match=r"backend: a change of the labels of nodes is refused \(SY-L008\)"):
        inspect_target_nodes(cluster(nodes=RELABELLED), SERVICES, ClusterAccess())


def test_ingresses_are_listed_once_for_each_namespace(lists: Counter[str]) -> None:
    inspect_target_nodes(cluster(), SERVICES, ClusterAccess())
    assert lists == {"default": 1}


def test_no_label_is_refused_without_an_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run changes none then."""

    async def connect(_: ClusterAccess) -> Cluster:
        raise UnreachableError("no answer")

    monkeypatch.setattr(Cluster, "connect", connect)
    inspect_target_nodes(cluster(nodes=RELABELLED), SERVICES, ClusterAccess())
