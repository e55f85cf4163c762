"""The least rights of a user of the commands, by value."""

import pytest

from switchyard.config.cluster_address import ServiceAddress
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.ownership_marks import Mark
from switchyard.manifests.rbac import CLUSTER_ROLE, FOR_HOOKS, IN_CLUSTER, IN_NAMESPACE, ROLE, roles

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


@pytest.mark.parametrize("grants", [IN_NAMESPACE, FOR_HOOKS, IN_CLUSTER])
def test_each_resource_has_one_place_and_nothing_can_be_deleted(grants: tuple[object, ...]) -> None:
    resources = [(grant.group, grant.resource) for grant in (*IN_NAMESPACE, *FOR_HOOKS, *IN_CLUSTER) if grant in grants]
    assert len(resources) == len(set(resources))
    for grant in (*IN_NAMESPACE, *FOR_HOOKS, *IN_CLUSTER):
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
    _, shop, monitoring = roles(["shop"], prometheus=[encrypted, plain, own])
    assert (monitoring["metadata"]["name"], monitoring["metadata"]["namespace"]) == (ROLE, "monitoring")
    names = ["https:prom:9090", "prom:9090"]
    rule = {"apiGroups": [""], "resources": ["services/proxy"], "resourceNames": names, "verbs": ["get"]}
    assert monitoring["rules"] == [rule]
    [proxy] = [rule for rule in shop["rules"] if "services/proxy" in rule["resources"]]
    assert proxy["verbs"] == ["get"]
    assert "resourceNames" not in proxy
