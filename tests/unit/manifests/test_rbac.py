"""The least rights of a user of the commands, by value."""

import pytest

from switchyard.config.cluster_address import ServiceAddress
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.ownership_marks import Mark
from switchyard.manifests.rbac import CLUSTER_ROLE, FOR_HOOKS, IN_CLUSTER, IN_NAMESPACE, ON_OBJECTS, ROLE, Grant, roles

NEVER = {"delete", "deletecollection", "*", "escalate", "bind", "impersonate"}


def test_each_namespace_has_one_role_beside_the_cluster_role() -> None:
    objects = roles(["shop", "api", "shop"])
    assert [(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")) for item in objects] == [
        ("ClusterRole", CLUSTER_ROLE, None),
        ("Role", ROLE, "api"),
        ("Role", ROLE, "shop"),
    ]
    assert all(item["apiVersion"] == "rbac.authorization.k8s.io/v1" for item in objects)


def test_stacks_with_services_in_one_namespace_have_roles_of_their_own() -> None:
    stacks = [Mark("shop", "a-b"), Mark("shop-a", "b"), None]
    prometheus = [ServiceAddress("prom", "monitoring", 9090, False, "")]
    printed = [roles(["shop"], prometheus=prometheus, stack=stack) for stack in stacks]
    names = [[item["metadata"]["name"] for item in objects] for objects in printed]
    assert [set(listed) - {CLUSTER_ROLE} for listed in names] == [{f"{ROLE}:shop:a-b"}, {f"{ROLE}:shop-a:b"}, {ROLE}]
    assert len({str(objects[0]) for objects in printed}) == 1, "the ClusterRole is the same"


@pytest.mark.parametrize("grants", [IN_NAMESPACE, ON_OBJECTS, FOR_HOOKS, IN_CLUSTER])
def test_each_resource_has_one_place_and_nothing_can_be_deleted(grants: tuple[Grant, ...]) -> None:
    resources = [(grant.group, grant.resource) for grant in grants]
    assert len(resources) == len(set(resources))
    for grant in grants:
        assert NEVER.isdisjoint(grant.verbs), grant
        assert "*" not in grant.resource
        assert grant.purpose


def test_nothing_of_the_cluster_can_be_changed() -> None:
    assert {verb for grant in IN_CLUSTER for verb in grant.verbs} == {"get", "list"}


def test_only_the_secrets_that_services_refer_to_can_be_read() -> None:
    _, api, shop = roles(["shop", "api"], {"shop": ["tls", "db", "tls"]})
    [rule] = [rule for rule in shop["rules"] if "secrets" in rule["resources"]]
    assert rule == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db", "tls"], "verbs": ["get"]}
    assert not [rule for rule in api["rules"] if "secrets" in rule["resources"]]


def test_a_rule_names_the_group_of_its_api() -> None:
    _, role = roles(["shop"])
    groups = {rule["resources"][0]: rule["apiGroups"] for rule in role["rules"]}
    assert (groups["pods"], groups["leases"], groups["deployments"]) == ([""], ["coordination.k8s.io"], ["apps"])


def test_pods_can_be_deleted_in_the_namespaces_only_where_a_rollback_does() -> None:
    _, api, shop = roles(["shop", "api"], pods={"shop"})

    def deletes(role: Manifest) -> list[list[str]]:
        return [rule["resources"] for rule in role["rules"] if not NEVER.isdisjoint(rule["verbs"])]

    assert (deletes(shop), deletes(api)) == ([["pods"]], [])


def test_only_namespaces_with_hooks_permit_to_create_jobs() -> None:
    _, api, shop = roles(["shop", "api"], jobs={"shop"})
    [rule] = [rule for rule in shop["rules"] if "jobs" in rule["resources"]]
    assert (rule["apiGroups"], sorted(rule["verbs"])) == (["batch"], ["create", "get", "list", "watch"])
    assert [rule["verbs"] for rule in shop["rules"] if "pods/log" in rule["resources"]] == [["get"]]
    assert not [rule for rule in api["rules"] if {"jobs", "pods/log"} & set(rule["resources"])]


def test_a_prometheus_in_another_namespace_may_be_asked_by_name_and_nothing_else() -> None:
    plain, encrypted = (ServiceAddress("prom", "monitoring", 9090, https, "") for https in (False, True))
    own = ServiceAddress("prom", "shop", 9090, False, "")
    _, shop, monitoring = roles(["shop"], prometheus=[encrypted, plain, own], services={"shop": ["api"]})
    assert (monitoring["metadata"]["name"], monitoring["metadata"]["namespace"]) == (ROLE, "monitoring")
    names = ["https:prom:9090", "prom:9090"]
    rule = {"apiGroups": [""], "resources": ["services/proxy"], "resourceNames": names, "verbs": ["get"]}
    assert monitoring["rules"] == [rule]
    colours = ["api-blue:http", "https:api-blue:http", "api-green:http", "https:api-green:http"]
    proxies = [rule for rule in shop["rules"] if "services/proxy" in rule["resources"]]
    assert [rule["resourceNames"] for rule in proxies] == [colours, ["prom:9090"]]
    assert all(rule["verbs"] == ["get"] for rule in proxies)


WRITES = {"patch", "update"}


def writes(role: Manifest) -> dict[str, list[str] | None]:
    """The names of the objects that a Role permits to change, by resource; None for all of them."""
    rules = [rule for rule in role["rules"] if not WRITES.isdisjoint(rule["verbs"])]
    return {resource: rule.get("resourceNames") for rule in rules for resource in rule["resources"]}


def test_only_the_objects_of_the_released_services_can_be_changed() -> None:
    _, canaries, shop = roles(["shop", "canaries"], services={"shop": ["web", "api"]})
    colours = ["api-blue", "api-green", "web-blue", "web-green"]
    assert writes(shop) == {
        "configmaps": ["api-release", "web-release"],
        "leases": ["api-release", "web-release"],
        "services": ["api", "web"],
        "deployments": colours,
        "deployments/scale": colours,
    }
    assert writes(canaries) == {}, "an empty list of names would permit every object"


def test_a_namespace_without_known_services_permits_every_object_of_the_kinds() -> None:
    _, shop = roles(["shop"])
    assert set(writes(shop)) == {"configmaps", "leases", "services", "deployments", "deployments/scale"}
    assert set(writes(shop).values()) == {None}


@pytest.mark.parametrize("services", [None, {"shop": ["api"]}])
def test_lists_watches_and_creations_are_not_limited_to_names(services: dict[str, list[str]] | None) -> None:
    _, shop = roles(["shop"], services=services)
    for rule in shop["rules"]:
        assert "resourceNames" not in rule or {"list", "watch", "create"}.isdisjoint(rule["verbs"]), rule
