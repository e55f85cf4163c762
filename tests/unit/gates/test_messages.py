"""Messages of the gates: another version than the stack has, differences, and the API server's own words."""

import asyncio

import pytest

from switchyard.config.models.service import Track
from switchyard.errors import UnreachableError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.objects import PodsChange
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import BLUE, GREEN, FakeCluster, answered, gates_on, owned_by, refusal, service


def test_pods_of_another_version_than_the_stack_has_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    there = FakeCluster(
        selected=selector("backend", BLUE),
        of_colour=("a", "b", "c"),
        image="org/backend:v9",
        owned=owned_by("kubectl-set"),
    )
    problem = str(asyncio.run(gates_on(monkeypatch, there).gates.inspect()).problem)
    assert problem.startswith(
        "backend: pods of blue run org/backend:v9 (set by kubectl-set), though the stack has org/backend:v1 (SY-S014). "
        "To keep it: `pulumi config set --path 'switchyard:services.backend.blue.tag' v9`. To go back: set the "
    )


def test_a_preview_does_not_report_the_version_that_it_is_about_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    there = FakeCluster(selected=selector("backend", BLUE), of_colour=("a", "b", "c"), image="org/backend:v0")
    it = gates_on(monkeypatch, there, allowInPlaceUpdate=True)
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=True))
    assert asyncio.run(it.gates.inspect()).problem is None


def test_an_image_from_a_mirror_is_named_by_the_update_that_applied_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    there = FakeCluster(selected=selector("backend", BLUE), of_colour=("a", "b", "c"), image="mirror/org/backend:v1")
    it = gates_on(monkeypatch, there)
    assert asyncio.run(it.gates.inspect()).problem is None
    assert it.warned == []
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False))
    assert asyncio.run(it.gates.inspect()).problem is None
    assert [line.partition(":")[0] for line in it.warned] == ["backend"]
    assert "pods of blue run mirror/org/backend:v1, for which the stack has org/backend:v1" in it.warned[0]


def test_the_dry_run_of_a_kept_template_is_what_the_provider_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster())
    gates = BlueGreenGates("backend", service(), ClusterAccess(), it.warned.append, kept={Track.BLUE})
    for colour, kept in ((BLUE, True), (GREEN, False)):
        asyncio.run(gates.before_pods_change(colour, {}, preview=False))
        assert it.cluster.kept is kept


def test_a_refused_change_of_serving_pods_lists_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    change = PodsChange(template=True, before=3, after=3, fields=("container app: image a:1 => a:2",))
    it = gates_on(monkeypatch, FakeCluster(change=change, selected=selector("backend", BLUE)))
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=True))
    assert "blue is serving, and this would change container app: image a:1 => a:2; the serving colour" in text


@pytest.mark.parametrize(
    ("error", "said", "advised"),
    [
        (
            answered(500, 'Internal error occurred: failed calling webhook "m.example.org": connection refused'),
            'answered 500 to get services/backend: Internal error occurred: failed calling webhook "m.example.org"',
            "kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations",
        ),
        (
            answered(409, "the object has been modified"),
            "the object has been modified (SY-K007).",
            "at the same moment",
        ),
        (answered(429, "too many requests"), "too many requests (SY-K007).", "overloaded"),
        (answered(503, "the server is currently unable"), "the server is currently unable (SY-K007).", "/readyz"),
        (answered(404, "could not find the requested resource"), "could not find the", "kubectl api-resources"),
        (UnreachableError("its certificate is not accepted"), "could not read", "certificate-authority-data"),
        (UnreachableError("the name of its host is not resolved: x"), "could not read", "Check the host in `server`"),
        (UnreachableError("an HTML page, not an answer of a Kubernetes API server"), "HTML", "something else than"),
        (UnreachableError("connection refused"), "connection refused", "Check the API server and the kubeconfig."),
    ],
)
def test_the_api_servers_message_is_reported_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, advised: str
) -> None:
    text = refusal(gates_on(monkeypatch, FakeCluster(error=error)).gates.before_switch(creating=False, preview=False))
    assert said in text
    assert advised in text
    assert "This step was not taken; earlier steps of this update stay as they are." in text
    assert "nothing was changed" not in text
