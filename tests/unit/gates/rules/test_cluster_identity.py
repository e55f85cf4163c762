"""A run that cannot identify its cluster ends after one call; its message names the missing permission."""

from collections.abc import Callable

import pulumi
import pytest

import switchyard.kube.api
from components.relocation import refuse_moves
from switchyard.config.loader import StackSettings, load
from switchyard.gates.rules.relocation import StackLocation
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from tests.support.api_server import FakeApiServer, denial, server
from tests.support.configuration import BACKEND, EXISTING

__all__ = ["server"]

IDENTITY = "/api/v1/namespaces/kube-system"
KNOWN = {"cluster": {"identifier": "test", "uid": "uid-1"}, "services": {"backend": {"namespace": "default"}}}

Look = Callable[..., StackLocation]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    return lines


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, server: FakeApiServer, said: list[str]) -> Look:
    """Looks at a cluster from a stack with outputs."""
    del said
    settings = stack_settings()

    def run(outputs: dict[str, object], *, destroy: bool = False, access: ClusterAccess | None = None) -> StackLocation:
        monkeypatch.setattr("components.relocation.last_outputs", lambda: outputs)
        monkeypatch.setattr("components.relocation.is_destroy", lambda: destroy)
        return refuse_moves(settings, access or ClusterAccess(str(server.kubeconfig)))

    return run


def stack_settings(**service: object) -> StackSettings:
    return load({**EXISTING, "identifier": "test"}, {"backend": {**BACKEND, **service}}, "test")


FORBIDDEN = (403, denial('User "ci" cannot get resource "namespaces"'))


@pytest.mark.parametrize("destroy", [True, False], ids=["destroy", "update"])
def test_a_known_stack_ends_where_it_may_not_read_the_identity(
    look: Look, server: FakeApiServer, *, destroy: bool
) -> None:
    server.answers["GET", IDENTITY] = FORBIDDEN
    with pytest.raises(pulumi.RunError) as error:
        look(KNOWN, destroy=destroy)
    text = str(error.value)
    assert 'the kubeconfig\'s user may not get namespaces/kube-system (403: User "ci" cannot get' in text
    assert "the stack is on the cluster with UID uid-1" in text
    assert f"kubectl auth can-i get namespaces/kube-system --kubeconfig {server.kubeconfig}." in text


def test_a_first_update_continues_without_the_permission_and_warns(
    look: Look, server: FakeApiServer, said: list[str]
) -> None:
    server.answers["GET", IDENTITY] = FORBIDDEN
    assert look({}).uid == ""
    [line] = said
    assert "nother cluster behind the same kubeconfig would therefore not be noticed" in line
    assert "kubectl auth can-i get namespaces/kube-system" in line


@pytest.mark.parametrize("outputs", [KNOWN, {}], ids=["known", "first"])
@pytest.mark.parametrize("silent", ["/version/", IDENTITY])
def test_a_silent_api_server_ends_a_run_after_one_call(
    monkeypatch: pytest.MonkeyPatch, look: Look, server: FakeApiServer, silent: str, outputs: dict[str, object]
) -> None:
    monkeypatch.setattr(switchyard.kube.api, "CALL_SECONDS", 1)
    server.silent.add(silent)
    with pytest.raises(pulumi.RunError, match=r"could not be identified: no answer to get .* in 1 s"):
        look(outputs)
    assert server.asked.count(("GET", silent)) == 1
    assert server.asked[-1] == ("GET", silent)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, denial("etcdserver: request timed out")), "etcdserver: request timed out"),
        ((503, denial("starting")), "kubectl get --raw '/readyz?verbose'"),
        ((401, denial("Unauthorized")), "log in again"),
        ((404, denial("not found")), "it has no namespace kube-system"),
        ((200, "<html>"), "something else than an API server answers there"),
    ],
)
def test_each_cause_of_an_unread_identity_is_reported(
    look: Look, server: FakeApiServer, answer: tuple[int, object], words: str
) -> None:
    server.answers["GET", IDENTITY] = answer
    with pytest.raises(pulumi.RunError, match=r"the cluster of kubeconfig .* could not be identified") as error:
        look(KNOWN)
    assert words in str(error.value)


def test_the_stack_s_own_cluster_is_known_by_its_kubeconfig(look: Look, server: FakeApiServer, said: list[str]) -> None:
    """To replace the machine of a control plane that is down may be what the run is for."""
    server.answers["GET", IDENTITY] = (500, denial("etcdserver: request timed out"))
    access = ClusterAccess(stack_kubeconfig=StackKubeconfig(server.kubeconfig.read_text()))
    assert look(KNOWN, access=access).uid == "uid-1"
    assert len(said) == 1


def test_a_move_is_refused_while_the_former_namespace_cannot_be_read(look: Look, server: FakeApiServer) -> None:
    server.answers["GET", IDENTITY] = (200, {"metadata": {"uid": "uid-1"}})
    server.answers["GET", "/api/v1/namespaces/shop/services"] = (403, denial("no list"))
    moved = {**KNOWN, "services": {"backend": {"namespace": "shop"}}}
    server.answers["GET", "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"] = (404, denial("none"))
    with pytest.raises(pulumi.RunError, match="whether that service serves is not known") as error:
        look(moved)
    assert f"kubectl auth can-i list services -n shop --kubeconfig {server.kubeconfig}" in str(error.value)
