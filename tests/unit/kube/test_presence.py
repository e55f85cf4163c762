"""Reports of a run or of `status` on deleted objects and on objects with another stack's marks."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.guard import DestroySentinel, begin, warn_of_drift_at_end
from components.platform import ClusterPlatform
from components.service_registration import register_service
from switchyard.config.loader import load
from switchyard.config.models.releases import Releases
from switchyard.errors import AccessDeniedError
from switchyard.gates.guard import Guard
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.access import ClusterAccess
from switchyard.kube.object_names import ObjectName
from switchyard.kube.presence import drift_of, read_objects, report_missing, report_not_created
from switchyard.manifests.inventory import objects_of
from switchyard.manifests.ownership_marks import Mark
from switchyard.operation import Selection
from tests.support.configuration import BACKEND, EXISTING
from tests.support.engine import record
from tests.support.guarded_objects import OURS, THEIRS, Table, manifest, serving

CANARY = {"image": "ghcr.io/org/backend", "tag": "v1", "strategy": "canary"}
ISTIO = {**CANARY, "canary": {"traffic": "istio", "istio": {"hosts": ["a.example.org"]}}}
ARGO = {"image": "ghcr.io/org/backend", "tag": "v1", "strategy": "argoBlueGreen"}
SCALED = {**BACKEND, "autoscaling": {"min": 3, "max": 6, "cpuPercent": 70}}


def named(objects: Mapping[tuple[str, str], dict[str, Any]]) -> dict[ObjectName, str]:
    versions = {
        ObjectName.of(manifest): str(manifest["apiVersion"]) for manifest in objects.values() if "kind" in manifest
    }
    return {name: version for name, version in versions.items() if name is not None}


def drift(left: Mapping[tuple[str, str], dict[str, Any]], own: Mark = OURS) -> list[str]:
    return asyncio.run(drift_of(Table(left), {"backend": named(serving())}, own, None))  # type: ignore[arg-type]


def test_existing_objects_are_not_reported() -> None:
    assert drift(serving()) == []


@pytest.mark.parametrize(
    "gone", [("serviceaccounts", "backend"), ("services", "backend"), ("deployments", "backend-blue")]
)
def test_a_deleted_object_is_named_with_the_command_that_recreates_it(gone: tuple[str, str]) -> None:
    left = serving()
    kind = left.pop(gone)["kind"]
    [line] = drift(left)
    assert f"backend: {kind}/{gone[1]} in namespace default is not on the cluster, though the stack has it" in line
    assert line.endswith("pulumi up --refresh")


def test_all_deleted_objects_of_a_service_are_one_line() -> None:
    names = sorted(named(serving()))
    assert report_missing("backend", names).count("\n") == 0
    assert "are not on the cluster, though the stack has them" in report_missing("backend", names)
    assert "deleted by hand, or not created yet" in report_not_created("backend", names)


def test_a_mark_of_another_stack_is_reported_before_a_rollback_needs_the_object() -> None:
    left = serving()
    left["services", "backend"] = manifest("Service", "backend", THEIRS)
    [line] = drift(left)
    assert "Service/backend in namespace default is marked as that of stack switchyard/other" in line
    assert "kubectl -n default annotate service backend switchyard/project=switchyard switchyard/stack=test" in line


def test_marks_of_an_earlier_version_are_ignored_and_those_of_another_state_reported() -> None:
    own, other = (Mark(OURS.project, OURS.stack, identity) for identity in ("1a", "2b"))
    assert drift(serving(OURS), own) == []
    [line] = drift(serving(other), own)
    assert "stack switchyard/test of another state (identity 2b)" in line


class Listed(Table):
    """An API server that lets its objects be listed, or not, and counts."""

    def __init__(self, objects: Mapping[tuple[str, str], dict[str, Any]], *, listable: bool, readable: bool) -> None:
        super().__init__(objects)
        self._listable, self._readable, self.listed = listable, readable, 0

    async def find_all(self, resource: str, *rest: object) -> Any:
        self.listed += 1
        if not self._listable:
            raise AccessDeniedError("list", resource, 403, "no")
        return await super().find_all(resource, *rest)

    async def find(self, resource: str, name: str, _namespace: str | None = None, _version: str = "v1") -> Any:
        if not self._readable:
            raise AccessDeniedError("get", resource, 403, "no")
        return await super().find(resource, name, _namespace, _version)


@pytest.mark.parametrize(
    ("listable", "readable", "listed", "asked", "known"),
    [(True, True, 1, 0, 3), (False, True, 1, 3, 3), (False, False, 1, 0, 0)],
)
def test_objects_of_a_kind_are_read_in_one_call_where_permitted(
    *, listable: bool, readable: bool, listed: int, asked: int, known: int
) -> None:
    objects = {("services", name): manifest("Service", name) for name in ("backend", "backend-blue", "backend-green")}
    table = Listed(objects, listable=listable, readable=readable)
    present = asyncio.run(read_objects(table, named(objects)))  # type: ignore[arg-type]
    assert (table.listed, table.asked, len(present)) == (listed, asked, known)
    assert None not in present.values()


def test_a_guard_checks_objects_that_this_run_does_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    left = serving()
    del left["serviceaccounts", "backend"]
    del left["services", "backend"]
    table = Table(left)

    async def api(_: Guard) -> Table:
        return table

    monkeypatch.setattr(Guard, "_api", api)
    services = {("default", "backend"): ServiceEntry("backend", "default")}
    guard = Guard(OURS, None, False, False, services, frozenset(), False, print, print, access=ClusterAccess())
    for stored in serving().values():
        if "kind" in stored:
            guard.register(stored)
    asyncio.run(guard.before_write(serving()["serviceaccounts", "backend"], None))
    [line] = asyncio.run(guard.drift())
    assert "Service/backend" in line
    assert "ServiceAccount" not in line


@pytest.mark.parametrize(("destroys", "targets", "warned"), [(False, False, 1), (True, False, 0), (False, True, 0)])
def test_a_run_warns_at_its_end(monkeypatch: pytest.MonkeyPatch, *, destroys: bool, targets: bool, warned: int) -> None:
    said: list[str] = []

    async def gone(_: Guard) -> list[str]:
        return ["gone"]

    monkeypatch.setattr("components.guard._current", [])
    monkeypatch.setattr("components.guard.is_destroy", lambda: destroys)
    monkeypatch.setattr("components.guard.selection", lambda: Selection() if targets else None)
    monkeypatch.setattr(Guard, "drift", gone)
    monkeypatch.setattr(pulumi.log, "warn", said.append)

    def build() -> None:
        guard = begin(load(EXISTING, {"backend": BACKEND}, "test"))
        warn_of_drift_at_end(guard, DestroySentinel("destroy-sentinel", after=[]))

    record(monkeypatch, build)
    assert said == ["gone"] * warned


SERVICES = {"colours": BACKEND, "scaled": SCALED, "canary": CANARY, "istio": ISTIO, "argo": ARGO}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_the_inventory_of_a_service_is_what_its_component_registers(
    monkeypatch: pytest.MonkeyPatch, service: dict[str, Any]
) -> None:
    settings = load(EXISTING, {"backend": service}, "test").services["backend"]
    seen: list[ObjectName | None] = []

    def guarded(manifest: dict[str, Any], opts: pulumi.ResourceOptions, *_: object) -> object:
        seen.append(ObjectName.of(manifest))
        return manifest, opts

    monkeypatch.setattr("components.manifest.guarded", guarded)
    for module in ("services.base", "services.rollout"):  # nothing is asked of a cluster
        monkeypatch.setattr(f"components.{module}.is_destroy", lambda: True)
    platform = ClusterPlatform(ClusterAccess(), {}, pulumi.ResourceOptions(), lambda _: {})
    record(monkeypatch, lambda: register_service("backend", settings, platform, Releases()))
    registered = sorted(name for name in seen if name is not None)
    assert registered == sorted(filter(None, map(ObjectName.of, objects_of("backend", settings))))
