"""The guard of a run against an API server that is a table of objects."""

import asyncio

import pytest

from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.gates.guard import Guard
from switchyard.gates.service_entry import ServiceEntry
from switchyard.manifests.ownership_marks import ADOPTED
from tests.support.guarded_objects import OURS, THEIRS, Table, manifest, serving
from tests.support.guards import Make, delete, make

__all__ = ["make"]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("kind", ["Service", "Deployment", "ServiceAccount"])
def test_what_serves_is_not_deleted(make: Make, kind: str, *, preview: bool) -> None:
    guard, table, _ = make(serving())
    record = next(manifest for manifest in serving().values() if manifest.get("kind") == kind)
    with pytest.raises(GateRefusedError, match=r"is refused \(SY-D001\): it serves users"):
        delete(guard, record, preview=preview)
    assert table.deleted == []


@pytest.mark.parametrize(("preview", "switched"), [(True, True), (True, False), (False, True)])
def test_a_preview_of_a_switch_allows_scaling_down_what_serves_now(
    make: Make, *, preview: bool, switched: bool
) -> None:
    """A migration to another strategy in one update; the update itself asks again, after the switch."""
    guard, table, _ = make(serving())
    old = serving()["services", "backend"]
    if switched:
        asyncio.run(guard.before_write(old, old))
    if preview and switched:
        delete(guard, serving()["deployments", "backend-blue"], preview=True)
    else:
        with pytest.raises(GateRefusedError):
            delete(guard, serving()["deployments", "backend-blue"], preview=preview)
    assert table.deleted == []


def test_a_change_of_an_object_that_was_deleted_by_hand_names_the_refresh(make: Make) -> None:
    objects = serving()
    deployment = objects.pop(("deployments", "backend-blue"))
    guard, _, _ = make(objects)
    with pytest.raises(GateRefusedError, match=r"\(SY-O009\): it is not on the cluster.*pulumi up --refresh"):
        asyncio.run(guard.before_write(deployment, deployment))
    asyncio.run(guard.before_write(deployment, None))  # created, as after a refresh


def test_a_vanished_service_loses_no_object_while_it_serves_not_even_an_idle_one(make: Make) -> None:
    idle = manifest("Deployment", "backend-green", spec={"selector": {"matchLabels": {"version": "green"}}})
    guard, table, _ = make({**serving(), ("deployments", "backend-green"): idle}, services={})
    with pytest.raises(GateRefusedError, match="is no longer in the configuration of namespace default"):
        delete(guard, idle)
    assert table.deleted == []


def test_a_removed_service_is_deleted(make: Make) -> None:
    guard, table, _ = make(serving(), services={}, removed=frozenset({("default", "backend")}))
    for record in list(serving().values())[:3]:
        delete(guard, record)
    assert {name for name, _ in table.deleted} == {"services", "serviceaccounts", "deployments"}


def test_a_removal_in_another_namespace_permits_no_deletion(make: Make) -> None:
    guard, table, _ = make(serving(), services={}, removed=frozenset({("shop", "backend")}))
    with pytest.raises(GateRefusedError):
        delete(guard, serving()["services", "backend"])
    assert table.deleted == []


def test_an_object_of_the_configuration_stays_whatever_the_engine_calls_it(make: Make) -> None:
    guard, table, said = make(serving())
    guard.register(serving()["services", "backend"])
    delete(guard, serving()["services", "backend"])
    assert table.deleted == []
    assert said == [
        "Service/backend in namespace default stays: it is part of the configuration, only the old record is dropped"
    ]


def test_a_deletion_by_the_provider_is_refused_for_an_object_that_stays(make: Make) -> None:
    guard, _, _ = make(serving())
    guard.register(serving()["services", "backend"])
    with pytest.raises(GateRefusedError, match="by the provider, which knows it by its name alone"):
        delete(guard, serving()["services", "backend"], by_guard=False)


def test_a_destroy_deletes_what_serves_and_its_preview_deletes_nothing(make: Make) -> None:
    guard, table, _ = make(serving())
    asyncio.run(guard.before_destroy())
    guard.register(serving()["services", "backend"])
    delete(guard, serving()["services", "backend"], preview=True)
    assert table.deleted == []
    delete(guard, serving()["services", "backend"])
    assert table.deleted == [("services", "backend")]


def test_a_destroy_without_its_sentinel_deletes_everything(make: Make) -> None:
    guard, table, _ = make(serving(), destroy_asked=True)
    guard.register(serving()["services", "backend"])
    delete(guard, serving()["services", "backend"])
    assert table.deleted == [("services", "backend")]


def test_a_destroy_of_production_without_its_sentinel_is_refused(make: Make) -> None:
    guard, table, _ = make(serving(), destroy_asked=True, production=True)
    with pytest.raises(GateRefusedError, match="marked production"):
        delete(guard, serving()["services", "backend"])
    assert table.deleted == []


def test_a_destroy_of_production_is_refused_while_a_service_serves(make: Make) -> None:
    guard, _, _ = make(serving(), production=True)
    with pytest.raises(GateRefusedError, match="backend: Service backend has 1 ready endpoint"):
        asyncio.run(guard.before_destroy())
    assert not guard.destroying


def test_a_destroy_of_single_resources_is_refused_while_a_service_serves(make: Make) -> None:
    guard, _, _ = make(serving())
    with pytest.raises(
        GateRefusedError, match=r"single resources is refused \(SY-D001\): backend: Service backend has 1"
    ):
        asyncio.run(guard.before_destroy(partial=True))
    assert not guard.destroying


def test_a_destroy_of_single_resources_is_permitted_while_nothing_serves(make: Make) -> None:
    guard, _, _ = make({})
    asyncio.run(guard.before_destroy(partial=True))
    assert guard.destroying


def test_a_destroy_of_production_is_refused_while_its_pods_are_down(make: Make) -> None:
    crashed = serving()
    crashed["endpointslices", "x"]["endpoints"][0]["conditions"]["ready"] = False
    guard, _, _ = make(crashed, production=True)
    with pytest.raises(GateRefusedError, match="backend: Service backend selects 1 pod, of which none is ready"):
        asyncio.run(guard.before_destroy())
    assert not guard.destroying


def test_a_vanished_service_whose_pods_are_down_loses_nothing(make: Make) -> None:
    crashed = serving()
    crashed["endpointslices", "x"]["endpoints"][0]["conditions"]["ready"] = False
    guard, table, _ = make(crashed, services={})
    for record in [stored for stored in crashed.values() if "kind" in stored]:
        with pytest.raises(GateRefusedError, match="is no longer in the configuration of namespace default"):
            delete(guard, record)
    assert table.deleted == []


def test_a_destroy_of_an_unreachable_production_cluster_has_a_remedy(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, _, _ = make(serving(), production=True, own_machines=True)

    async def silent(_: Guard) -> Table:
        raise UnreachableError("no route to host")

    monkeypatch.setattr(Guard, "_api", silent)
    with pytest.raises(GateRefusedError, match="pulumi config set switchyard:production false"):
        asyncio.run(guard.before_destroy())


def test_a_destroy_of_production_keeps_a_serving_service_that_is_not_configured(make: Make) -> None:
    guard, table, _ = make(serving(), production=True, services={})
    asyncio.run(guard.before_destroy())
    with pytest.raises(GateRefusedError):
        delete(guard, serving()["services", "backend"])
    assert table.deleted == []


@pytest.mark.parametrize(("own_machines", "destroying"), [(False, False), (True, False), (False, True), (True, True)])
def test_an_unreachable_api_server_stops_deletions_except_of_the_cluster_itself(
    make: Make, monkeypatch: pytest.MonkeyPatch, *, own_machines: bool, destroying: bool
) -> None:
    guard, table, said = make(serving(), own_machines=own_machines, destroying=destroying)

    async def silent(_: Guard) -> Table:
        raise UnreachableError("no route to host")

    monkeypatch.setattr(Guard, "_api", silent)
    if own_machines and destroying:
        delete(guard, serving()["services", "backend"])
        assert said == [
            "the API server does not answer (no route to host) (SY-D016). The objects on the cluster are deleted "
            "together with its machines."
        ]
    else:
        with pytest.raises(GateRefusedError, match="no route to host"):
            delete(guard, serving()["services", "backend"])
    assert table.deleted == []


def test_an_adopted_object_stays_without_marks(make: Make) -> None:
    objects = serving()
    objects["serviceaccounts", "backend"]["metadata"]["annotations"][ADOPTED] = "true"
    guard, table, _ = make(objects, destroying=True)
    delete(guard, serving()["serviceaccounts", "backend"])
    assert table.deleted == []
    [(name, annotations)] = table.patched
    assert name == "backend"
    assert set(annotations.values()) == {None}


def test_all_conflicts_of_a_service_are_reported_before_its_first_object(make: Make) -> None:
    guard, table, _ = make(serving(THEIRS))
    new = [stored for stored in serving().values() if "kind" in stored]
    for stored in new:
        guard.register(stored)
    account = serving()["serviceaccounts", "backend"]
    with pytest.raises(GateRefusedError) as refused:
        asyncio.run(guard.before_write(account, None))
    for short in ("ServiceAccount/backend", "Service/backend", "Deployment/backend-blue"):
        assert f"{short} in namespace default" in str(refused.value)
    assert "each belongs to stack switchyard/other" in str(refused.value)
    assert table.patched == []


def test_an_update_asks_for_the_one_object_that_it_changes(make: Make) -> None:
    guard, table, _ = make(serving())
    for stored in serving().values():
        if "kind" in stored:
            guard.register(stored)
    old = serving()["services", "backend"]
    asyncio.run(guard.before_write(old, old))
    assert table.asked == 1


@pytest.mark.parametrize(("uid", "refused"), [("uid-backend", False), ("uid-before", True)])
def test_an_update_of_an_object_without_marks_needs_the_uid_of_the_state(
    make: Make, uid: str, *, refused: bool
) -> None:
    guard, _, _ = make(serving(None))
    new, old = serving()["services", "backend"], {"metadata": {"uid": uid}}
    if refused:
        with pytest.raises(GateRefusedError, match="was not created by this stack"):
            asyncio.run(guard.before_write(new, old))
    else:
        asyncio.run(guard.before_write(new, old))


def test_an_adopted_object_is_noted_as_such_before_it_is_written(make: Make) -> None:
    entry = ServiceEntry("backend", "default", frozenset({"ServiceAccount/backend"}))
    guard, table, _ = make(serving(None), services={("default", "backend"): entry})
    account = serving()["serviceaccounts", "backend"]
    assert guard.adopts(account)
    asyncio.run(guard.before_write(account, None))
    asyncio.run(guard.before_adoption(account, None))
    assert table.patched == [("backend", {ADOPTED: "true"})]


@pytest.mark.parametrize("serves", [True, False])
def test_a_namespace_is_not_deleted_under_a_service(make: Make, *, serves: bool) -> None:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "uid": "uid-default", "annotations": OURS.annotations},
    }
    guard, table, _ = make({("namespaces", "default"): namespace, **(serving() if serves else {})})
    if serves:
        with pytest.raises(GateRefusedError, match="Service backend has 1 ready endpoint"):
            delete(guard, namespace)
    else:
        delete(guard, namespace)
    assert table.deleted == ([] if serves else [("namespaces", "default")])
