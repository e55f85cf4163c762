"""Messages have the API server's own words, or why there is no answer; and reports of missing pods."""

import json
import ssl

import httpx
import pytest

from switchyard.config.models.service import Track
from switchyard.errors import AccessDeniedError, ApiStatusError, RejectedError, UnreachableError
from switchyard.kube.error_mapping import mapped_errors
from switchyard.kube.error_texts import why_unreachable
from switchyard.kube.kube_proxy import Routing
from tests.support.api_server import DEPLOYMENT, MANIFEST, PODS, SERVICE, FakeApiServer, denial, server

__all__ = ["server"]


def verification(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message}")
    error.verify_message = message
    return error


WEBHOOK = 'Internal error occurred: failed calling webhook "m.example.org": connect: connection refused'


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, denial(WEBHOOK), f"answered 500 to get services/backend in namespace shop: {WEBHOOK}"),
        (503, denial("the server is currently unable to handle the request"), "unable to handle the request"),
        (429, denial("too many requests, please try again later"), "answered 429 .*too many requests"),
        (409, denial("the object has been modified"), "answered 409 .*the object has been modified"),
        (502, "<html><body>Bad Gateway</body></html>", "answered 502 .*an HTML page, which is not an answer"),
        (502, "upstream connect error", "answered 502 .*upstream connect error"),
        (400, {"error": "log in"}, "answered 400 .*log in"),
        (400, ["log in"], "answered 400 .*log in"),
        (301, "", "answered 301 .*Moved Permanently"),
    ],
)
def test_an_answer_with_an_error_is_reported_in_the_server_s_own_words(
    server: FakeApiServer, status: int, body: object, said: str
) -> None:
    server.answers["GET", SERVICE] = (status, body)
    with pytest.raises(ApiStatusError, match=said) as error:
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    assert error.value.status_code == status


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (409, "the object has been modified", ApiStatusError),
        (429, "too many requests", ApiStatusError),
        (500, WEBHOOK, ApiStatusError),
        (400, 'admission webhook "x" denied the request: no', RejectedError),
        (422, "spec.replicas: Invalid value", RejectedError),
        (403, 'User "ci" cannot patch resource "deployments"', AccessDeniedError),
        (403, "admission webhook denied the request", RejectedError),
        (422, "spec.selector: field is immutable", RejectedError),
    ],
)
def test_a_write_that_is_denied_rejected_or_possible_later_is_distinguished(
    server: FakeApiServer, status: int, message: str, error: type[Exception]
) -> None:
    server.answers["GET", DEPLOYMENT] = (200, {})
    server.answers["PATCH", DEPLOYMENT] = (status, denial(message))
    with pytest.raises(error, match=message):
        server.run(lambda cluster: cluster.pods_change(MANIFEST))


@pytest.mark.parametrize("verb", ["create", "update"])
@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (409, "the object has been modified", ApiStatusError),
        (404, 'leases "backend-release" not found', ApiStatusError),
        (500, WEBHOOK, ApiStatusError),
        (401, "Unauthorized", AccessDeniedError),
        (403, "admission webhook denied the request", RejectedError),
        (403, "exceeded quota: objects", RejectedError),
        (422, "ValidatingAdmissionPolicy 'owner' denied the request", RejectedError),
    ],
)
def test_a_lease_that_a_policy_rejects_is_not_a_missing_permission(
    verb: str, status: int, message: str, error: type[Exception]
) -> None:
    request = httpx.Request("PUT", "https://127.0.0.1/leases/backend-release")
    response = httpx.Response(status, json=denial(message), request=request)
    with pytest.raises(error, match=message), mapped_errors(verb, "leases/backend-release", 30):
        response.raise_for_status()
    if status == 403:
        cannot = httpx.Response(403, json=denial(f'User "ci" cannot {verb} resource "leases"'), request=request)
        with pytest.raises(AccessDeniedError), mapped_errors(verb, "leases/backend-release", 30):
            cannot.raise_for_status()


CONFIG_MAP = 'configmaps "backend-release" is forbidden: '


@pytest.mark.parametrize(
    "message",
    [
        f'{CONFIG_MAP}User "ci" cannot create resource "configmaps" in API group "" in the namespace "shop"',
        CONFIG_MAP,
        f'{CONFIG_MAP}RBAC: role.rbac.authorization.k8s.io "deployer" not found',
    ],
)
def test_a_patch_that_may_not_create_its_object_lacks_a_permission(server: FakeApiServer, message: str) -> None:
    server.answers["GET", DEPLOYMENT] = (200, {})
    server.answers["PATCH", DEPLOYMENT] = (403, denial(message))
    with pytest.raises(AccessDeniedError, match="may not create ") as error:
        server.run(lambda cluster: cluster.pods_change(MANIFEST))
    assert error.value.asked.startswith("create ")


@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_a_webhook_that_says_what_the_user_cannot_do_is_no_missing_permission(verb: str) -> None:
    message = f'admission webhook "x" denied the request: you cannot {verb} a Lease without a label'
    request = httpx.Request("PUT", "https://127.0.0.1/leases/backend-release")
    response = httpx.Response(403, json=denial(message), request=request)
    with pytest.raises(RejectedError, match=message), mapped_errors(verb, "leases/backend-release", 30):
        response.raise_for_status()


def test_an_answer_that_is_no_json_is_not_the_api_server_s(server: FakeApiServer) -> None:
    for page, said in (("<!DOCTYPE html><html>", "an HTML page, not an answer"), ("hello", "not an answer")):
        server.answers["GET", SERVICE] = (200, page)
        with pytest.raises(UnreachableError, match=said):
            server.run(lambda cluster: cluster.service_selector("shop", "backend"))


def test_a_group_that_an_old_cluster_does_not_have_is_no_error_where_it_may_be_missing(server: FakeApiServer) -> None:
    server.answers["GET", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/backend"] = (404, "404 page not found")
    assert server.run(lambda cluster: cluster.rollout("shop", "backend")) is None
    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    server.answers["GET", slices] = (404, "404 page not found")
    with pytest.raises(
        ApiStatusError, match="answered 404 to list endpointslices in namespace shop: 404 page not found"
    ):
        server.run(lambda cluster: cluster.endpoints("shop", "backend"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "connection refused: nothing listens at its address"),
        ("http://no-such-host.invalid:6443", "the name of its host is not resolved"),
    ],
)
def test_no_connection_is_reported_by_its_cause(server: FakeApiServer, address: str, said: str) -> None:
    config = json.loads(server.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = address
    server.kubeconfig.write_text(json.dumps(config))
    with pytest.raises(UnreachableError, match=said):
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (verification("certificate has expired"), "its certificate is not accepted: certificate has expired"),
        (
            verification("self-signed certificate in certificate chain"),
            "its certificate is not accepted: self-signed certificate in certificate chain",
        ),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "no TLS connection: "),
    ],
)
def test_a_certificate_that_is_not_accepted_is_reported_as_such(cause: ssl.SSLError, said: str) -> None:
    error = httpx.ConnectError("[SSL] it failed")
    error.__cause__ = cause
    assert why_unreachable(error).startswith(said)
    assert why_unreachable(httpx.ReadTimeout("")) == "ReadTimeout"
    assert why_unreachable(ExceptionGroup("x", [cause])).startswith(said)


def kube_proxy(path: str) -> tuple[str, str]:
    return ("GET", f"/api/v1/nodes/worker:10256/proxy{path}")


@pytest.mark.parametrize(
    ("livez", "healthz", "status"),
    [
        ((200, {}), (503, {"nodeEligible": False}), 200),  # the cluster autoscaler has marked the node
        ((503, {"healthy": False}), (200, {}), 503),
        ((404, "404 page not found"), (200, {}), 200),  # before Kubernetes 1.28
        ((404, "404 page not found"), (503, {}), 503),
        ((404, "404 page not found"), (404, "404 page not found"), 404),
        ((503, denial("error trying to reach service")), (200, {}), None),
    ],
)
def test_kube_proxy_is_asked_for_livez_and_an_old_one_for_healthz(
    server: FakeApiServer, livez: tuple[int, object], healthz: tuple[int, object], status: int | None
) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    server.answers["GET", "/api/v1/nodes"] = (200, {"items": [{"metadata": {"name": "worker"}, "status": ready}]})
    server.answers[kube_proxy("/livez")], server.answers[kube_proxy("/healthz")] = livez, healthz
    routing = server.run(lambda cluster: cluster.routing(5))
    assert routing == [Routing("worker", True, status)]
    assert (kube_proxy("/healthz") in server.asked) is (livez[0] == 404)


def test_why_pods_are_missing_is_read_from_all_that_knows_of_it(server: FakeApiServer) -> None:
    def pod(name: str, node: str, waiting: str | None) -> dict[str, object]:
        state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
        return {
            "metadata": {"name": name, "labels": {"pod-template-hash": "1"}},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "org/backend:v2"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "app", "state": state}]},
        }

    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "app", "image": "org/backend:v2"}]}}
    labels = {"pod-template-hash": "1"}
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: few"}
    replica_set = {
        "metadata": {"labels": labels},
        "spec": {"replicas": 4, "template": template},
        "status": {"conditions": [condition]},
    }
    pods = [pod("lost", "gone", None), pod("new", "well", "ContainerCreating"), pod("slow", "well", None)]
    server.answers["GET", DEPLOYMENT] = (200, {"spec": {"replicas": 4, "template": template}})
    server.answers["GET", "/apis/apps/v1/namespaces/shop/replicasets"] = (200, {"items": [replica_set]})
    server.answers["GET", PODS] = (200, {"items": pods})
    for node, ready in (("gone", "Unknown"), ("well", "True")):
        conditions = [{"type": "Ready", "status": ready, "reason": "NodeStatusUnknown"}]
        server.answers["GET", f"/api/v1/nodes/{node}"] = (200, {"status": {"conditions": conditions}})
    events = [
        {"lastTimestamp": "2026-11-28T10:00:00Z", "reason": "Old", "message": "said before"},
        {"eventTime": "2026-11-28T11:00:00Z", "reason": "FailedMount", "message": 'secret "x" not found'},
    ]
    server.answers["GET", "/api/v1/namespaces/shop/events"] = (200, {"items": events})
    report = server.run(lambda cluster: cluster.pods_report("shop", "backend", Track.GREEN, 4))
    assert report.states == (
        "on node gone, which is not Ready (NodeStatusUnknown)",
        'ContainerCreating (FailedMount: secret "x" not found)',
        'running, but its readiness probe does not succeed (FailedMount: secret "x" not found)',
    )
    assert report.causes == ("the API server refuses to create more: exceeded quota: few",)
    # Without the permission to read events and nodes, the rest is reported.
    for path in ("/api/v1/namespaces/shop/events", "/api/v1/nodes/gone", "/api/v1/nodes/well"):
        server.answers["GET", path] = (403, denial("no"))
    assert server.run(lambda cluster: cluster.pods_report("shop", "backend", Track.GREEN, 4)).states[1:] == (
        "ContainerCreating",
        "running, but its readiness probe does not succeed",
    )
