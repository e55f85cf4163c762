"""URLs of a service in the outputs of the stack."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings
from switchyard.manifests.urls import node_port_url, service_url


def test_a_url_names_service_namespace_and_port() -> None:
    service = BlueGreenSettings.model_validate(
        {"image": "org/backend", "namespace": "shop", "port": 8080, "active": "blue", "blue": {"tag": "v1"}}
    )
    assert service_url("backend-blue", service) == "http://backend-blue.shop.svc.cluster.local:8080"


@pytest.mark.parametrize(
    ("port", "url"),
    [
        # Outputs of resources have every number as a float.
        ({"nodePort": 30080.0}, "http://<application node>:30080"),
        ({"nodePort": None}, "http://<application node>:<chosen by Kubernetes>"),
        ({}, "http://<application node>:<chosen by Kubernetes>"),
    ],
)
def test_a_node_port_is_that_of_the_main_port(port: dict[str, Any], url: str) -> None:
    assert node_port_url({"ports": [{"name": "metrics", "nodePort": 31000}, {"name": "http", **port}]}) == url
