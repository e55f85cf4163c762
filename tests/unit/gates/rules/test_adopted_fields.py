"""What is reported of the fields of a Service that an adoption leaves as they are."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates.rules.adopted_fields import kept_fields, refuse_unready_addresses
from switchyard.manifests.pods import active_service

DEFAULTS = {
    "type": "NodePort",
    "externalTrafficPolicy": "Cluster",
    "internalTrafficPolicy": "Cluster",
    "sessionAffinity": "None",
    "ipFamilies": ["IPv4"],
}


def service(**options: Any) -> BlueGreenSettings:
    colours = {"blue": {"tag": "v1", "replicas": 3}, "green": {"tag": "v2"}}
    return BlueGreenSettings.model_validate({"image": "o/b", "active": "blue", "service": options, **colours})


def warning(live: dict[str, Any], **options: Any) -> str | None:
    return kept_fields("backend", "shop", {"spec": DEFAULTS | live}, active_service("backend", service(**options)))


def command(key: str, value: str) -> str:
    return f"`pulumi config set --path 'switchyard:services.backend.service.{key}' {value}`"


@pytest.mark.parametrize(
    ("live", "kept", "remedy"),
    [
        (
            {"externalTrafficPolicy": "Local"},
            "externalTrafficPolicy Local (from outside, a node answers by the pods on it alone)",
            command("externalTrafficPolicy", "Cluster"),
        ),
        (
            {"internalTrafficPolicy": "Local"},
            "internalTrafficPolicy Local (clients in the cluster reach the pods on their own node alone)",
            command("internalTrafficPolicy", "Cluster"),
        ),
        (
            {"sessionAffinity": "ClientIP"},
            "sessionAffinity ClientIP (a client stays with one pod while that is an endpoint)",
            command("sessionAffinity", "None"),
        ),
        (
            {"publishNotReadyAddresses": True},
            "publishNotReadyAddresses true (pods get requests before they are ready)",
            '`kubectl -n shop patch service backend --type=merge -p \'{"spec": {"publishNotReadyAddresses": null}}\'`',
        ),
        (
            {"externalIPs": ["192.0.2.1"], "trafficDistribution": "PreferClose"},
            'externalIPs ["192.0.2.1"] (requests to these addresses reach it as well); trafficDistribution PreferClose',
            '\'{"spec": {"externalIPs": null, "trafficDistribution": null}}\'`',
        ),
    ],
)
def test_a_field_that_stays_is_named_with_its_meaning_and_a_command(
    live: dict[str, Any], kept: str, remedy: str
) -> None:
    text = str(warning(live))
    assert f"backend: Service backend is adopted, and keeps what the settings do not name: {kept}" in text
    assert text.endswith(remedy)
    assert "(SY-O015). To have Kubernetes' default instead: " in text


@pytest.mark.parametrize(
    ("live", "options"),
    [
        ({}, {}),
        ({"sessionAffinity": "ClientIP"}, {"sessionAffinity": "None"}),
        ({"externalTrafficPolicy": "Local"}, {"externalTrafficPolicy": "Local"}),
        # The API server removes them with the type.
        ({"externalTrafficPolicy": "Local"}, {"type": "ClusterIP"}),
        ({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}, {}),
    ],
)
def test_a_default_and_a_field_that_is_written_or_removed_are_not_named(
    live: dict[str, Any], options: dict[str, Any]
) -> None:
    assert warning(live, **options) is None


def test_ranges_of_a_load_balancer_stay_with_its_type() -> None:
    text = str(warning({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}, type="LoadBalancer"))
    assert 'loadBalancerSourceRanges ["10.0.0.0/8"] (its load balancer answers no other address)' in text


def test_a_service_for_pods_that_are_not_ready_is_not_adopted() -> None:
    live = {"selector": {"run": "legacy"}, "publishNotReadyAddresses": True}
    text = str(refuse_unready_addresses("backend", service(), live))
    assert "backend: adopting Service backend is refused (SY-O014): it has publishNotReadyAddresses: true" in text
    assert "If its pods are ready (`kubectl -n default get pods -l run=legacy`)" in text
    patch = "kubectl -n default patch service backend --type=merge -p"
    assert f'run `{patch} \'{{"spec": {{"publishNotReadyAddresses": false}}}}\'`' in text
    assert refuse_unready_addresses("backend", service(), {"publishNotReadyAddresses": False}) is None
    assert refuse_unready_addresses("backend", service(), {}) is None
