"""The patch of a selector is the whole of what the field manager has applied, with another selector."""

import asyncio
import json
from typing import Any

from switchyard.kube.cluster import Cluster
from switchyard.release.switch.selector import applied_fields, apply_selector, with_selector
from tests.support.api_server import SERVICE, FakeApiServer, server

__all__ = ["server"]

OWN = {
    "f:metadata": {"f:annotations": {"f:switchyard/stack": {}}, "f:labels": {"f:app": {}, "f:gone": {}}},
    "f:spec": {
        "f:ports": {'k:{"port":8000,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}},
        "f:loadBalancerSourceRanges": {'v:"10.0.0.0/8"': {}},
        "f:selector": {},
        "f:type": {},
    },
}
LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "backend",
        "namespace": "shop",
        "resourceVersion": "17",
        "uid": "u",
        "labels": {"app": "backend", "of": "others"},
        "annotations": {"switchyard/stack": "test", "of": "others"},
        "managedFields": [
            {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:sessionAffinity": {}}}},
            {"manager": "switchyard", "operation": "Update", "fieldsV1": {"f:spec": {"f:clusterIP": {}}}},
            {"manager": "switchyard", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
            {"manager": "switchyard", "operation": "Apply", "fieldsV1": OWN},
        ],
    },
    "spec": {
        "clusterIP": "10.0.0.1",
        "type": "NodePort",
        "sessionAffinity": "None",
        "selector": {"app": "backend", "version": "blue", "extra": "by hand"},
        "loadBalancerSourceRanges": ["10.0.0.0/8", "192.168.0.0/16"],
        "ports": [
            {"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000, "nodePort": 30080},
            {"name": "other", "port": 9000, "protocol": "TCP", "targetPort": 9000},
        ],
    },
    "status": {"loadBalancer": {}},
}
GREEN = {"app": "backend", "version": "green"}


def test_only_what_the_manager_has_applied_is_taken_and_with_the_values_of_now() -> None:
    assert applied_fields(LIVE) == {
        "metadata": {"annotations": {"switchyard/stack": "test"}, "labels": {"app": "backend"}},
        "spec": {
            "type": "NodePort",
            "selector": LIVE["spec"]["selector"],
            "loadBalancerSourceRanges": ["10.0.0.0/8"],
            "ports": [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000}],
        },
    }


def test_the_patch_has_another_selector_and_the_version_that_was_read() -> None:
    patch = with_selector(LIVE, GREEN)
    before = applied_fields(LIVE)
    assert patch["spec"] == before["spec"] | {"selector": GREEN}
    assert patch["metadata"] == before["metadata"] | {"name": "backend", "namespace": "shop", "resourceVersion": "17"}
    assert (patch["apiVersion"], patch["kind"]) == ("v1", "Service")


def test_without_a_record_of_the_manager_the_selector_alone_is_applied() -> None:
    restored = {**LIVE, "metadata": {**LIVE["metadata"], "managedFields": []}}
    patch = with_selector(restored, GREEN)
    assert patch["spec"] == {"selector": GREEN}
    assert patch["metadata"] == {"name": "backend", "namespace": "shop", "resourceVersion": "17"}


def test_the_patch_is_one_request_and_its_answer_the_service(server: FakeApiServer) -> None:
    server.answers["PATCH", SERVICE] = (200, {"spec": {"selector": GREEN}})

    async def switch(cluster: Cluster) -> Any:
        return await apply_selector(cluster.api, LIVE, GREEN)

    assert server.run(switch) == {"spec": {"selector": GREEN}}
    assert [call for call in server.asked if call[0] == "PATCH"] == [("PATCH", SERVICE)]


def test_the_request_is_an_apply_by_force_under_the_manager_of_the_stack() -> None:
    sent: dict[str, Any] = {}

    class Api:
        """Keeps what it is asked."""

        async def ask(self, *words: str, **request: Any) -> Any:
            sent.update(request, words=words)
            return {}

    asyncio.run(apply_selector(Api(), LIVE, GREEN))  # type: ignore[arg-type]
    assert sent["words"] == ("patch", "services", "backend", "shop", "v1")
    assert sent["params"] == {"fieldManager": "switchyard", "force": "true"}
    assert sent["headers"] == {"content-type": "application/apply-patch+yaml"}
    assert json.loads(sent["content"]) == with_selector(LIVE, GREEN)
