"""What a smoke test sends: its headers, and by TLS where the pods speak it."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.gates.smoke import smoke_failures
from switchyard.kube.api import BoundedApi, ProxyAnswer, ProxyRequest
from switchyard.kube.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CHECK = {"path": "/up?x=1", "headers": {"X-Smoke": "1"}}
SERVICE = BlueGreenSettings.model_validate(
    {
        "image": "org/backend",
        "active": "blue",
        "blue": {"tag": "v1", "replicas": 1},
        "gate": {
            "smoke": {"scheme": "HTTPS", "paths": [{"path": "/up?x=1", "headers": {"X-Smoke": "1"}}, {"path": "/"}]}
        },
    }
)


class FakeApi:
    """Answers every request with 200, and keeps its URL and headers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    @asynccontextmanager
    async def call_api(self, _: str, **request: Any) -> "AsyncGenerator[Any, None]":
        self.asked.append((request["url"], request["headers"]))
        yield SimpleNamespace(status_code=200, text="well", headers={})


def test_headers_and_the_scheme_are_sent_to_each_pod_and_through_the_service() -> None:
    api = FakeApi()
    cluster = Cluster(BoundedApi(api))  # type: ignore[arg-type]
    assert asyncio.run(smoke_failures(cluster, "backend", SERVICE, Track.BLUE, ["one"])) == []
    assert api.asked == [
        ("pods/https:one:8000/proxy/up?x=1", {"X-Smoke": "1"}),
        ("pods/https:one:8000/proxy/", {}),
        ("services/https:backend-blue:http/proxy/up?x=1", {"X-Smoke": "1"}),
    ]


def test_a_request_without_scheme_and_headers_is_as_it_was() -> None:
    api = FakeApi()
    bounded = BoundedApi(api)  # type: ignore[arg-type]
    answer = asyncio.run(bounded.get_through_proxy("pods", "shop", "one:8000", ProxyRequest("/ready", 5)))
    assert answer == ProxyAnswer(200, "well")
    assert api.asked == [("pods/one:8000/proxy/ready", {})]


def test_the_ports_of_a_service_and_those_of_pods_that_it_targets_are_read() -> None:
    ports = [{"name": "http", "port": 8000}, {"name": "metrics", "port": 9100, "targetPort": 9090}]

    class Api:
        async def find(self, *_: str) -> Any:
            return {"spec": {"ports": ports}}

    cluster = Cluster(Api())  # type: ignore[arg-type]
    assert asyncio.run(cluster.service_spec("shop", "backend")) == {"ports": ports}
    assert asyncio.run(cluster.service_targets("shop", "backend")) == {"http": 8000, "metrics": 9090}
