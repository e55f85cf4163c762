"""What the program registers has ownership marks and the guard's hooks; objects of somebody else have neither."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pulumi
import pytest

from components.guard import DESTROY_HOOK, DeletedBy, attach, begin, guarded
from components.manifest import register, register_patch
from switchyard.config.loader import load
from switchyard.gates.guard import Guard
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.ownership_marks import PROJECT, STACK
from tests.support.configuration import BACKEND, EXISTING
from tests.support.engine import record

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "it", "namespace": "default", "annotations": {"a": "b"}},
}


async def _awaited(done: Awaitable[None]) -> None:
    await done


def test_an_object_has_the_marks_of_its_stack_and_keeps_its_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(monkeypatch, lambda: register("it", MANIFEST, pulumi.ResourceOptions()))
    annotations = recording.requests["kubernetes:core/v1:Service", "it"].object["metadata"]["annotations"]
    assert dict(annotations) == {"a": "b", PROJECT: "switchyard", STACK: "test"}


def test_a_custom_resource_has_the_marks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = {**MANIFEST, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {}}
    recording = record(monkeypatch, lambda: register("it", rollout, pulumi.ResourceOptions()))
    request = recording.requests["kubernetes:argoproj.io/v1alpha1:Rollout", "it"]
    assert request.object["metadata"]["annotations"][STACK] == "test"


def test_a_patch_of_a_node_has_no_marks_which_would_show_in_the_preview_of_an_earlier_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "annotations": {"a": "b"}}}
    recording = record(monkeypatch, lambda: register_patch("it", node, pulumi.ResourceOptions()))
    assert dict(recording.requests["kubernetes:core/v1:NodePatch", "it"].object["metadata"]["annotations"]) == {
        "a": "b"
    }


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """The guard of a run that has begun."""
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda _: None)
    monkeypatch.setattr("components.guard._current", [])
    monkeypatch.setattr(pulumi, "get_project", lambda: "switchyard")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    cluster = EXISTING | {"adopt": ["Namespace/argo-rollouts"]}
    return begin(load(cluster, {"backend": {**BACKEND, "adopt": ["Service/backend"]}}, "test"))


@pytest.fixture
def options(guard: Guard) -> Callable[..., pulumi.ResourceOptions]:
    """Options of an object in the run of `guard`; its hooks are their names."""

    def build(manifest: dict[str, Any], deleted_by: DeletedBy = "guard") -> pulumi.ResourceOptions:
        _, opts = guarded(manifest, pulumi.ResourceOptions(protect=True), deleted_by)
        return opts

    return build


def names(hooks: list[Any] | None) -> list[str]:
    return [hook.name for hook in hooks or []]


@pytest.mark.parametrize(
    ("deleted_by", "hook", "retained"),
    [
        ("guard", ["switchyard-before-delete"], True),
        ("provider", ["switchyard-before-delete-by-provider"], None),
        ("nobody", [], True),
    ],
)
def test_hooks_depend_on_who_deletes_an_object(
    options: Callable[..., pulumi.ResourceOptions], deleted_by: DeletedBy, hook: list[str], retained: bool | None
) -> None:
    opts = options(MANIFEST, deleted_by)
    assert opts.hooks is not None
    assert names(opts.hooks.before_delete) == hook
    assert opts.retain_on_delete is retained
    assert opts.protect is True
    assert names(opts.hooks.before_create) == names(opts.hooks.before_update) == ["switchyard-before-write"]


def test_only_what_may_be_adopted_is_recorded_as_adopted(options: Callable[..., pulumi.ResourceOptions]) -> None:
    metadata = {"name": "backend", "namespace": "default", "labels": {"app": "backend"}}
    opts = options({**MANIFEST, "metadata": metadata})
    assert opts.hooks is not None
    assert names(opts.hooks.before_create) == ["switchyard-before-write", "switchyard-before-adoption"]


@pytest.mark.parametrize(("name", "adopted"), [("argo-rollouts", True), ("metrics", False)])
def test_only_listed_namespaces_of_add_ons_are_recorded_as_adopted(
    options: Callable[..., pulumi.ResourceOptions], name: str, *, adopted: bool
) -> None:
    opts = options({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert opts.hooks is not None
    assert ("switchyard-before-adoption" in names(opts.hooks.before_create)) is adopted


def test_the_refusal_to_write_a_namespace_names_the_setting_of_the_cluster(guard: Guard) -> None:
    entry = guard.cluster_entry
    assert (entry.adopt_path, entry.listed) == ("switchyard:cluster.adopt", 1)


@pytest.mark.parametrize(
    ("destroying", "whole", "asked"),
    [(True, True, [False]), (True, False, [True]), (False, False, [])],
    ids=["destroy", "destroy of single resources", "update"],
)
def test_a_sentinel_that_an_update_replaces_does_not_permit_a_destroy(
    monkeypatch: pytest.MonkeyPatch, *, destroying: bool, whole: bool, asked: list[bool]
) -> None:
    """`pulumi up --replace '**'` deletes the sentinel first, and everything else after it."""
    partial: list[bool] = []

    async def before_destroy(_: Guard, **options: bool) -> None:
        partial.append(options["partial"])

    monkeypatch.setattr(Guard, "before_destroy", before_destroy)
    monkeypatch.setattr("components.guard.is_destroy", lambda: destroying)
    monkeypatch.setattr("components.guard.is_whole_destroy", lambda: whole)
    monkeypatch.setattr("components.guard._current", [])
    hooks: dict[str, pulumi.ResourceHook] = {}
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda hook: hooks.update({hook.name: hook}))
    monkeypatch.setattr(pulumi, "get_project", lambda: "switchyard")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    attach(begin(load(EXISTING, {"backend": BACKEND}, "test")), ClusterAccess())
    done = hooks[DESTROY_HOOK].callback(pulumi.ResourceHookArgs("urn", "", "destroy-sentinel", ""))
    assert done is not None
    asyncio.run(_awaited(done))
    assert partial == asked
