"""The bounded wait for the load balancer's controller, with a fake API server and a fake AWS."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from switchyard.aws.elbv2 import Balancers, ListenerRule
from switchyard.config.models.cluster import ExistingCluster
from switchyard.errors import AwsError
from switchyard.gates import load_balancer as balancer_wait
from switchyard.gates.load_balancer import BalancerGroup, GroupProblem, load_balancer_problem
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.ingress import ingress
from switchyard.manifests.ingress_routes import parts
from tests.support.balanced import cluster, service

CLUSTER = cluster([{"service": "backend", "path": "/api"}])
SERVICES = {"backend": service()}
RULE = ListenerRule(80, frozenset(), frozenset({"/api", "/api/*"}), {"arn:1": 1})


class FakeAccess(ClusterAccess):
    """An API server with one Ingress, and an AWS; `steps` are what happens before each observation."""

    ingresses: list[dict[str, Any]]
    events: list[dict[str, Any]]
    rules: list[ListenerRule] | None
    steps: list[Callable[[], None]]

    async def api(self) -> Any:
        return self

    async def find_all(self, resource: str, *_: Any) -> Any:
        if resource == "ingresses":
            if self.steps:
                self.steps.pop(0)()
            return {"items": self.ingresses}
        spec = {"targetGroupARN": "arn:1", "serviceRef": {"name": "backend"}}
        return {"items": [{"metadata": {"namespace": "default"}, "spec": spec}]}

    async def knows(self, *_: Any) -> bool:
        return True

    async def ask(self, *_: Any, **__: Any) -> Any:
        return {"items": self.events}


class FakeAws(Balancers):
    def __init__(self, access: FakeAccess) -> None:
        super().__init__("it")
        self._access = access

    async def listener_rules(self, _: str) -> list[ListenerRule]:
        if self._access.rules is None:
            raise AwsError("AWS does not say it")
        return self._access.rules


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = {"WAIT": 0.4, "FAILING": 0.1, "QUIET": 0.1, "SETTLE": 0.05, "POLL": 0.01}
    for name, seconds in bounds.items():
        monkeypatch.setattr(balancer_wait, f"{name}_SECONDS", seconds)


@pytest.fixture
def access() -> FakeAccess:
    assert CLUSTER.load_balancer is not None
    [part] = parts(CLUSTER.load_balancer.routes)
    manifest = ingress(CLUSTER, part, SERVICES["backend"])
    manifest["metadata"]["resourceVersion"] = "10"
    manifest["status"] = {"loadBalancer": {"ingress": [{"hostname": "it.example"}]}}
    access = FakeAccess()
    for name, value in {"ingresses": [manifest], "events": [], "rules": [RULE], "steps": []}.items():
        object.__setattr__(access, name, value)
    return access


def change(access: FakeAccess, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(access, name, value)


def waited(access: FakeAccess, *, written: bool, said: list[str] | None = None) -> GroupProblem | None:
    say = (said if said is not None else []).append
    group = BalancerGroup(access, CLUSTER, SERVICES, say, FakeAws(access))
    return asyncio.run(group.carried_out(written=written))


def steps(access: FakeAccess, changes: Iterable[Callable[[], None]]) -> None:
    change(access, steps=list(changes))


def word(access: FakeAccess, version: int, *, failed: bool) -> None:
    about = {"kind": "Ingress", "namespace": "default", "name": "backend"}
    event = {
        "metadata": {"resourceVersion": str(version)},
        "involvedObject": about,
        "type": "Warning" if failed else "Normal",
        "reason": "FailedDeployModel" if failed else "SuccessfullyReconciled",
        "message": "in its own words",
    }
    change(access, events=[event])


def test_rules_at_aws_and_a_later_event_are_enough(access: FakeAccess) -> None:
    word(access, 11, failed=False)
    assert waited(access, written=True) is None


def test_a_warning_that_is_resolved_is_no_problem(access: FakeAccess) -> None:
    word(access, 11, failed=True)
    steps(access, [lambda: None, lambda: None, lambda: word(access, 12, failed=False)])
    said: list[str] = []
    assert waited(access, written=True, said=said) is None
    assert said == ["waiting for the load balancer of production: FailedDeployModel: in its own words"]


def test_a_warning_that_stays_is_reported(access: FakeAccess) -> None:
    word(access, 11, failed=True)
    problem = waited(access, written=True)
    assert problem is not None
    assert "FailedDeployModel: in its own words" in problem.text
    assert "All routes have their rules and serve" in problem.text


def test_a_warning_from_before_the_write_is_ignored(access: FakeAccess) -> None:
    word(access, 9, failed=True)
    assert waited(access, written=True) is None
    problem = waited(access, written=False)
    assert problem is not None


def test_the_gate_waits_for_rules_that_appear_later(access: FakeAccess) -> None:
    change(access, rules=[])
    steps(access, [lambda: None, lambda: change(access, rules=[RULE])])
    said: list[str] = []
    assert waited(access, written=True, said=said) is None
    assert said[0].endswith("the load balancer has no such rule for every host /api (Ingress default/backend)")


def test_rules_that_never_appear_end_in_an_error_at_the_timeout(access: FakeAccess) -> None:
    change(access, rules=[])
    problem = waited(access, written=True)
    assert problem is not None
    assert "the load balancer has no such rule for every host /api (Ingress default/backend), after 0 s" in problem.text


def test_without_aws_the_controllers_event_counts_after_a_while(access: FakeAccess) -> None:
    change(access, rules=None)
    word(access, 11, failed=False)
    steps(access, [lambda: None, lambda: word(access, 12, failed=True)])
    assert waited(access, written=True) is not None
    word(access, 13, failed=False)
    assert waited(access, written=True) is None


def test_without_aws_and_without_an_event_a_write_is_not_done(access: FakeAccess) -> None:
    change(access, rules=None)
    problem = waited(access, written=True)
    assert problem is not None
    assert "the controller has not reported success, and AWS does not say it" in problem.text
    assert waited(access, written=False) is None


def test_alternating_states_end_at_the_timeout(access: FakeAccess) -> None:
    steps(access, [lambda rules=rules: change(access, rules=rules) for rules in ([], [RULE]) * 500])  # type: ignore[misc]
    waited(access, written=True)
    assert access.steps  # it has ended before they have


def test_the_hostname_is_read_from_the_status_or_is_none_without_a_load_balancer(
    access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balancer_wait, "Balancers", lambda _: FakeAws(access))
    assert asyncio.run(load_balancer_problem(access, CLUSTER, SERVICES)) is None
    word(access, 11, failed=True)
    said = asyncio.run(load_balancer_problem(access, CLUSTER, SERVICES))
    assert said is not None
    assert "FailedDeployModel: in its own words (SY-L001). " in said
    existing = ExistingCluster(kind="existing")
    assert asyncio.run(load_balancer_problem(access, existing, SERVICES)) is None
