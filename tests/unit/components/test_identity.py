"""The identity of a stack is generated once and kept in its state; every object has it."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.guard import begin, guarded
from components.identity import NAME, Identity, stack_identity
from switchyard.config.loader import load
from switchyard.manifests.ownership_marks import IDENTITY
from tests.support.configuration import BACKEND, EXISTING
from tests.support.engine import Answers, record

STASH = "pulumi:index:Stash"
MANIFEST: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "it", "namespace": "default"}}


def answer(monkeypatch: pytest.MonkeyPatch, first: str | None) -> None:
    """An engine whose state has an identity, or draws the one that it is given; None skips the resource."""

    def new_resource(_: Answers, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.typ != STASH:
            return f"{args.name}-id", args.inputs
        kept = args.inputs["input"] if first == "" else first
        return f"{args.name}-id", {"input": args.inputs["input"], **({} if kept is None else {"output": kept})}

    monkeypatch.setattr(Answers, "new_resource", new_resource)


@pytest.mark.parametrize("first", ["", "of-the-state"], ids=["drawn", "kept"])
def test_an_identity_is_that_of_the_state(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    answer(monkeypatch, first)
    identities: list[Identity] = []
    recording = record(monkeypatch, lambda: identities.append(stack_identity()))
    request = recording.requests[STASH, NAME]
    assert identities[0].text == (first or request.object["input"])
    assert len(request.object["input"]) == 16
    # What is drawn in later runs is no change.
    assert list(request.ignoreChanges) == ["input"]


def test_an_unregistered_stash_has_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)
    identities: list[Identity] = []
    record(monkeypatch, lambda: identities.append(stack_identity()))
    assert identities == [Identity()]


def test_an_object_has_the_identity_and_is_deleted_before_the_stash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda _: None)
    monkeypatch.setattr("components.guard._current", [])
    monkeypatch.setattr(pulumi, "get_project", lambda: "switchyard")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    kept_in, before = (pulumi.Resource.__new__(pulumi.Resource) for _ in range(2))
    begin(load(EXISTING, {"backend": BACKEND}, "test"), Identity("1a", kept_in))
    manifest, opts = guarded(MANIFEST, pulumi.ResourceOptions(depends_on=[before]))
    assert manifest["metadata"]["annotations"][IDENTITY] == "1a"
    assert opts.depends_on == [before, kept_in]


@pytest.mark.parametrize(
    ("former", "warned"),
    [("switchyard/test", True), ("switchyard/test@0a", False), ("switchyard/old", False), (None, False)],
)
def test_a_former_stack_with_the_current_name_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, former: str | None, *, warned: bool
) -> None:
    monkeypatch.setattr("components.guard._current", [])
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    settings = load(EXISTING, {"backend": BACKEND}, "test", former=former)
    record(monkeypatch, lambda: begin(settings, Identity("1a")))
    assert any("pulumi config rm switchyard:formerStack" in line for line in said) is warned
