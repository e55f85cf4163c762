"""Which addresses are Services of the cluster."""

import pytest

from switchyard.config.cluster_address import ServiceAddress, service_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://prometheus.monitoring:9090", ServiceAddress("prometheus", "monitoring", 9090, False, "")),
        ("http://prometheus.monitoring", ServiceAddress("prometheus", "monitoring", 80, False, "")),
        ("https://prom.shop.svc/of/shop/", ServiceAddress("prom", "shop", 443, True, "/of/shop")),
        ("http://prom.shop.svc.cluster.local:9090/", ServiceAddress("prom", "shop", 9090, False, "")),
    ],
)
def test_a_name_of_a_service_is_one_of_the_cluster(url: str, address: ServiceAddress) -> None:
    assert service_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus:9090",
        "http://localhost:9090",
        "http://127.0.0.1:9090",
        "http://[::1]:9090",
        "https://prometheus.example.org",
        "https://example.org.:9090",
        "http://prometheus.monitoring:none",
        "ftp://prometheus.monitoring",
        "http://",
    ],
)
def test_any_other_host_is_none(url: str) -> None:
    assert service_address(url) is None


def test_an_access_rule_names_the_scheme_and_the_port() -> None:
    names = [
        address.resource_name
        for url in ("http://prom.shop:9090", "https://prom.shop:9090")
        if (address := service_address(url)) is not None
    ]
    assert names == ["prom:9090", "https:prom:9090"]
