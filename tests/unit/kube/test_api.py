"""Calls to an API server that does not answer or denies them: bounded, with clear messages."""

import asyncio

import pytest

import switchyard.kube.api
from switchyard.errors import AccessDeniedError, UnreachableError
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.api import ProxyRequest
from switchyard.kube.cluster import Cluster
from tests.support.api_server import DEPLOYMENT, MANIFEST, PODS, SERVICE, FakeApiServer, denial, server

__all__ = ["server"]


@pytest.mark.parametrize("silent", ["/version/", SERVICE])
def test_a_silent_api_server_ends_a_call_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, server: FakeApiServer, silent: str
) -> None:
    monkeypatch.setattr(switchyard.kube.api, "CALL_SECONDS", 1)
    server.silent.add(silent)
    with pytest.raises(UnreachableError, match=r"no answer to get .* in 1 s"):
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    assert server.asked[-1] == ("GET", silent)


def test_the_api_server_aborts_a_write_before_its_caller_stops_waiting(server: FakeApiServer) -> None:
    server.answers["PATCH", SERVICE] = (200, {})

    async def patch(cluster: Cluster) -> None:
        await cluster.api.ask("patch", "services", "backend", "shop", params={"fieldManager": "x"}, content="{}")

    server.run(patch)
    assert server.queries[-1] == "fieldManager=x&timeout=25s"
    assert switchyard.kube.api.WRITE_SECONDS < switchyard.kube.api.CALL_SECONDS


def test_a_pod_that_does_not_answer_ends_its_request_in_bounded_time(server: FakeApiServer) -> None:
    server.silent.add(f"{PODS}/one:8000/proxy/ready")
    with pytest.raises(UnreachableError, match=r"no answer to get pods/one:8000/ready in 0\.2 s"):
        server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 0.2)))


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_call_names_verb_resource_and_permission(server: FakeApiServer, status: int) -> None:
    server.answers["GET", SERVICE] = (status, denial('User "ci" cannot get resource "services"'))
    with pytest.raises(AccessDeniedError) as error:
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    expected = f'may not get services/backend in namespace shop ({status}: User "ci" cannot get resource "services")'
    assert str(error.value) == expected


def test_a_denied_watch_is_reported_like_a_denied_call(server: FakeApiServer) -> None:
    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    server.answers["GET", slices] = (403, denial("no list"))

    async def first(cluster: Cluster) -> object:
        return await anext(cluster.watch_endpoints("shop", "backend"))

    with pytest.raises(AccessDeniedError, match="may not list endpointslices in namespace shop"):
        server.run(first)


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_event_of_a_watch_ends_at_a_line_feed_alone(server: FakeApiServer, end: str) -> None:
    texts = ["a\u0085b", "c\u2028d"]
    server.answers["GET", PODS] = (200, "\n".join(f'{{"type": "ADDED", "object": "{text}"}}' for text in texts) + end)

    async def objects(cluster: Cluster) -> list[object]:
        return [event["object"] async for event in cluster.api.watch("pods", "shop", {}, "v1", "1")]

    assert server.run(objects) == texts


def test_a_missing_object_is_no_error(server: FakeApiServer) -> None:
    assert server.run(lambda cluster: cluster.service_selector("shop", "backend")) is None
    assert server.run(lambda cluster: cluster.pods_change(MANIFEST)) is None
    assert server.run(lambda cluster: cluster.namespace_phase("shop")) is None
    assert ("PATCH", DEPLOYMENT) not in server.asked


def test_a_denial_by_the_api_server_is_distinguished_from_one_by_a_pod(server: FakeApiServer) -> None:
    path = f"{PODS}/one:8000/proxy/ready"
    server.answers["GET", path] = (403, {"error": "log in first"})
    answer = server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 5)))
    assert (answer.status, answer.body) == (403, '{"error": "log in first"}')
    server.answers["GET", path] = (403, denial('cannot get resource "pods/proxy"'))
    with pytest.raises(AccessDeniedError, match="may not get pods/proxy in namespace shop"):
        server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 5)))


def test_a_cluster_of_the_stack_is_reached_by_a_kubeconfig_in_memory(server: FakeApiServer) -> None:
    server.answers["GET", SERVICE] = (200, {"spec": {"selector": {"app": "backend"}}})
    stack_kubeconfig = StackKubeconfig()
    access = ClusterAccess(stack_kubeconfig=stack_kubeconfig)
    assert not access.exists
    stack_kubeconfig.update(server.kubeconfig.read_text())
    assert access.exists

    async def selector() -> object:
        return await (await Cluster.connect(access)).service_selector("shop", "backend")

    assert asyncio.run(selector()) == {"app": "backend"}
