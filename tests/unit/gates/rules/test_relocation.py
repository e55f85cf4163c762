"""The recorded place of a stack, and the moves that are refused."""

from typing import Any

import pytest

from switchyard.config.models.service_name import NamespacedName
from switchyard.gates.rules.relocation import (
    StackLocation,
    no_longer_configured,
    refuse_other_cluster,
    refuse_other_identifier,
    refuse_other_kind,
    refuse_other_namespace,
    removed_on_purpose,
    warn_nothing_to_remove,
)

CREATED = StackLocation("production", "uid-1", created=True)
BEFORE = StackLocation("production", "uid-1", {"backend": "default", "web": "shop"})


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({}, StackLocation()),
        ({"services": {"backend": {"active": "blue"}}}, StackLocation()),  # of a version that had no such outputs
        ({"cluster": "text", "services": "text"}, StackLocation()),
        (
            {
                "cluster": {"identifier": "production", "uid": "uid-1"},
                "services": {"backend": {"namespace": "default"}, "web": {"namespace": "shop"}},
            },
            BEFORE,
        ),
    ],
)
def test_a_place_is_read_from_outputs_of_any_version(outputs: dict[str, Any], expected: StackLocation) -> None:
    assert StackLocation.of(outputs) == expected


@pytest.mark.parametrize(
    ("before", "identifier", "replaces", "refused"),
    [
        (StackLocation(), "other", None, False),
        (BEFORE, "production", None, False),
        (BEFORE, "other", None, True),
        (BEFORE, "other", "uid-2", True),
        (BEFORE, "other", "uid-1", False),
        (StackLocation("production"), "other", "", True),
    ],
)
def test_another_identifier_is_refused_unless_it_replaces_the_former_one(
    before: StackLocation, identifier: str, replaces: str | None, *, refused: bool
) -> None:
    refusal = refuse_other_identifier(before, identifier, replaces)
    assert (refusal is not None) is refused
    if refusal is not None:
        assert "pulumi config set --path 'switchyard:cluster.identifier' production" in str(refusal)


@pytest.mark.parametrize(
    ("before", "uid", "replaces", "refused"),
    [
        (StackLocation(), "uid-2", None, False),
        (BEFORE, "uid-1", None, False),
        (BEFORE, "", None, False),
        (BEFORE, "uid-2", None, True),
        (BEFORE, "uid-2", "uid-3", True),
        (BEFORE, "uid-2", "uid-1", False),
    ],
)
def test_another_cluster_behind_the_kubeconfig_is_refused_unless_it_replaces_the_former_one(
    before: StackLocation, uid: str, replaces: str | None, *, refused: bool
) -> None:
    refusal = refuse_other_cluster(before, uid, replaces, "kubeconfig a.yaml, context b")
    assert (refusal is not None) is refused
    if refusal is not None:
        assert "kubeconfig a.yaml, context b is for another cluster" in str(refusal)
        assert "pulumi config set --path 'switchyard:cluster.replaces' uid-1" in str(refusal)


def test_another_namespace_is_refused_with_what_serves_and_the_remedy() -> None:
    text = str(refuse_other_namespace("backend", "shop", "default", "Service backend has 3 ready endpoints"))
    assert "it serves in namespace default: Service backend has 3 ready endpoints" in text
    assert "pulumi config set --path 'switchyard:services.backend.namespace' default" in text


BACKEND, WEB = NamespacedName("default", "backend"), NamespacedName("shop", "web")


def test_a_service_vanished_when_nothing_names_it() -> None:
    backend = {"backend": BACKEND}
    assert no_longer_configured(BEFORE, backend, {}) == {"web": "shop"}
    assert no_longer_configured(BEFORE, backend, {"web": WEB}) == {}
    # A removal counts for the namespace and the name that it gives.
    assert no_longer_configured(BEFORE, backend, {"web": NamespacedName("default", "web")}) == {"web": "shop"}
    assert no_longer_configured(BEFORE, backend, {"web": NamespacedName("shop", "shop-web")}) == {"web": "shop"}
    assert no_longer_configured(BEFORE, backend | {"web": WEB}, {}) == {}


def test_a_service_with_another_key_and_the_same_name_is_still_there() -> None:
    assert no_longer_configured(BEFORE, {"backend": BACKEND, "shop": WEB}, {}) == {}
    elsewhere = {"backend": BACKEND, "shop": NamespacedName("default", "web")}
    assert no_longer_configured(BEFORE, elsewhere, {}) == {"web": "shop"}
    named = StackLocation("production", "uid-1", {"web": "shop"}, {"web": "shop-web"})
    assert no_longer_configured(named, {"shop-web": NamespacedName("shop", "shop-web")}, {}) == {}


def test_a_removal_of_an_unknown_service_is_reported_as_without_effect() -> None:
    [line] = warn_nothing_to_remove(BEFORE, {"web": "shop", "wbe": "shop"})
    assert "the stack has no service wbe" in line
    assert "pulumi config rm --path 'switchyard:services.wbe'" in line
    assert warn_nothing_to_remove(StackLocation(), {"web": "shop"}) == []


def test_a_stack_keeps_the_kind_of_its_cluster() -> None:
    """Even with the name and the kubeconfig of the same cluster: the machines would be deleted."""
    text = str(refuse_other_kind(CREATED, "existing", creates=False))
    assert (
        "switchyard:cluster.kind: existing is refused (SY-D018): the stack has created its cluster production" in text
    )
    assert "pulumi config set --path 'switchyard:cluster.kind' ec2" in text
    text = str(refuse_other_kind(BEFORE, "ec2", creates=True))
    assert "its services there would be abandoned" in text
    assert "pulumi config set --path 'switchyard:cluster.kind' existing" in text
    for last, creates in ((CREATED, True), (BEFORE, False), (StackLocation(), True), (StackLocation(), False)):
        assert refuse_other_kind(last, "any", creates=creates) is None


def test_a_cluster_whose_creation_has_not_ended_can_be_created() -> None:
    """The outputs of such an update have the identifier, and neither a kubeconfig nor the UID of a cluster."""
    last = StackLocation.of({"cluster": {"identifier": "production", "uid": ""}, "services": {}})
    assert refuse_other_kind(last, "ec2", creates=True) is None


def test_a_stack_that_has_created_its_cluster_has_an_output_for_it() -> None:
    assert StackLocation.of({"identity": {"name": "production"}}).created
    assert StackLocation.of({"kubeconfig": "apiVersion: v1"}).created  # of an earlier version
    assert not StackLocation.of({"cluster": {"uid": "uid-1"}}).created


def test_a_service_is_removed_by_its_entry_or_by_the_namespace_that_it_leaves() -> None:
    backend, web = NamespacedName("default", "backend"), NamespacedName("shop", "web")
    assert removed_on_purpose(BEFORE, {"backend": backend}, {}) == [backend]
    assert removed_on_purpose(BEFORE, {}, {"backend": None, "web": "shop"}) == [web]
    # The stack did not have it there, so that somebody else may release it.
    assert removed_on_purpose(BEFORE, {"backend": NamespacedName("other", "backend")}, {"web": "default"}) == []
    assert removed_on_purpose(StackLocation(), {"backend": backend}, {"web": "shop"}) == []
