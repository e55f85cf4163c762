"""What the fake load balancer controller reads in Ingresses, without an API server and without AWS."""

import pytest

from devtools.rehearsal.load_balancer.desired import RESOURCE_TAG, desired, finalizer, groups, is_protected
from devtools.rehearsal.load_balancer.requests import create_rule, create_target_group, listener, rules, tag_list
from devtools.rehearsal.load_balancer.target_groups import HEALTH, pairs
from switchyard.aws.iam import CLUSTER_TAG
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.manifests.ingress import GROUP_INGRESS, NO_ROUTE_RESPONSE, TLS_POLICY
from tests.support.balanced_ingresses import (
    CERTIFICATE,
    INSTANCE,
    annotate,
    asked,
    ingresses,
    node,
    secure,
    services,
)


def test_ingresses_of_one_group_share_a_load_balancer_and_other_classes_are_ignored() -> None:
    members = ingresses()
    other = members[0] | {"spec": members[0]["spec"] | {"ingressClassName": "nginx"}}
    assert groups([*members, other]) == {"production": members}
    assert {finalizer(member) for member in members} == {"group.ingress.k8s.aws/production"}


def test_rules_are_in_the_order_of_the_ingresses_and_within_one_the_longest_path_is_first() -> None:
    listener = secure(asked(list(reversed(ingresses()))))
    assert [(rule.host, rule.paths) for rule in listener.rules] == [
        ("shop.example.org", ("/cart", "/cart/*")),
        (None, ("/v1", "/v1/*")),
        (None, ("/*",)),
    ]
    assert listener.rules[1].target_group == listener.rules[2].target_group != listener.rules[0].target_group


def test_with_a_certificate_443_serves_and_80_redirects_to_it() -> None:
    plain, encrypted = asked(ingresses()).listeners
    assert (plain.port, plain.rules) == (80, ())
    assert plain.action["RedirectConfig"] == {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    assert (encrypted.port, encrypted.certificate, encrypted.policy) == (443, CERTIFICATE, TLS_POLICY)
    assert listener(encrypted, "arn:own")["Certificates"] == [{"CertificateArn": "arn:own"}]


def test_without_a_certificate_80_has_the_rules() -> None:
    [plain] = asked(ingresses(certificate=None)).listeners
    assert (plain.port, plain.certificate, plain.policy, len(plain.rules)) == (80, None, None, 3)
    assert set(listener(plain, None)) == {"Port", "Protocol", "DefaultActions"}


def test_targets_are_the_ready_instances_with_the_labels_of_the_ingress() -> None:
    nodes = [
        node("worker-1", "i-00000002", workload="application"),
        node("worker-2", "i-00000001", workload="application"),
        node("broken", "i-00000003", ready=False, workload="application"),
        node("redis", "i-00000004", workload="redis"),
    ]
    wanted = asked(ingresses(), *nodes)
    assert {group.targets for group in wanted.target_groups} == {("i-00000001", "i-00000002")}
    assert {group.port for group in wanted.target_groups} == {30080, 30081}
    assert wanted.notes == ()


@pytest.mark.parametrize("instance", [None, "", "worker-1"])
def test_one_node_that_is_no_instance_leaves_the_targets_of_the_whole_group_as_they_are(instance: str | None) -> None:
    wrong = node("worker-1", instance, workload="application")
    wanted = asked(ingresses(), wrong, node("worker-2", workload="application"))
    assert {group.targets for group in wanted.target_groups} == {None}
    [note] = wanted.notes
    assert note.endswith("is invalid for EC2 instances, node: worker-1: no target is registered")
    others = asked(ingresses(), node("redis", instance, workload="redis"), node("worker-2", workload="application"))
    assert {group.targets for group in others.target_groups} == {(INSTANCE,)}


@pytest.mark.parametrize(
    "label",
    [
        "node.kubernetes.io/exclude-from-external-load-balancers",
        "alpha.service-controller.kubernetes.io/exclude-balancer",
        "node-role.kubernetes.io/master",
    ],
)
def test_an_excluded_node_is_no_target_whatever_labels_the_ingress_asks_for(label: str) -> None:
    excluded = node("worker-1", "i-00000001", workload="application")
    excluded["metadata"]["labels"][label] = ""
    wanted = asked(ingresses(), excluded, node("worker-2", "i-00000002", workload="application"))
    assert {group.targets for group in wanted.target_groups} == {("i-00000002",)}


def test_a_node_that_the_autoscaler_takes_away_is_no_target() -> None:
    going = node("worker-1", "i-00000001", workload="application")
    going["spec"]["taints"] = [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]
    wanted = asked(ingresses(), going, node("worker-2", "i-00000002", workload="application"))
    assert {group.targets for group in wanted.target_groups} == {("i-00000002",)}


def test_without_a_ready_node_those_of_an_unknown_state_are_targets() -> None:
    unknown = node("worker-1", "i-00000001", workload="application")
    unknown["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    broken = node("worker-2", "i-00000002", ready=False, workload="application")
    assert {group.targets for group in asked(ingresses(), unknown, broken).target_groups} == {("i-00000001",)}
    ready = node("worker-3", "i-00000003", workload="application")
    assert {group.targets for group in asked(ingresses(), unknown, broken, ready).target_groups} == {("i-00000003",)}


def test_without_labels_every_node_is_a_target_but_for_those_that_are_excluded() -> None:
    members = [annotate(member, target_node_labels="") for member in ingresses()]
    excluded = node("master", "i-00000001")
    excluded["metadata"]["labels"] = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
    wanted = asked(members, excluded, node("worker-1", "i-00000002"))
    assert {group.targets for group in wanted.target_groups} == {("i-00000002",)}


def test_every_health_annotation_of_the_program_becomes_a_parameter() -> None:
    [backend] = [group for group in asked(ingresses(healthIntervalSeconds=20)).target_groups if group.port == 30080]
    assert backend.health == {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": "/ready",
        "HealthCheckPort": "traffic-port",
        "HealthCheckIntervalSeconds": 20,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200-399"},
    }
    assert backend.health.keys() == HEALTH.keys() | {"Matcher"}
    assert backend.attributes == {"deregistration_delay.timeout_seconds": "30"}


def test_names_at_aws_are_short_enough_and_differ_with_the_cluster_the_service_and_the_port() -> None:
    long = "a-very-long-name-of-a-group-indeed"
    first, other = (desired(cluster, long, ingresses(), services(), []) for cluster in ("one", "other"))
    assert max(len(name) for name in (first.name, *(group.name for group in first.target_groups))) <= 32
    names = {group.name for wanted in (first, other) for group in wanted.target_groups}
    assert (first.name != other.name, len(names)) == (True, 4)
    moved = services()
    moved["default", "shop"]["spec"]["ports"][0]["nodePort"] = 30999
    again = desired("one", long, ingresses(), moved, [])
    assert len({group.name for wanted in (first, again) for group in wanted.target_groups}) == 3


def test_everything_has_the_tags_that_the_controllers_role_asks_for() -> None:
    wanted = asked(ingresses())
    assert wanted.tags == {"team": "shop", CLUSTER_TAG: "production", "ingress.k8s.aws/stack": "production"}
    [rule, *_] = rules(secure(wanted), {group.name: "arn" for group in wanted.target_groups})
    creation = create_rule("arn", 443, rule, wanted.tags)
    assert creation.parameters["Tags"] == tag_list(wanted.tags | {RESOURCE_TAG: "443:1"})
    shop = next(group for group in wanted.target_groups if group.port == 30081)
    creation = create_target_group(shop, wanted.tags, "vpc-1")
    assert creation.parameters["Tags"] == tag_list(wanted.tags | {RESOURCE_TAG: "default/shop-shop:http"})


def test_a_name_has_the_scheme_and_the_services_own_id_in_its_digest() -> None:
    internal = [annotate(member, scheme="internal") for member in ingresses()]
    assert asked(internal).name != asked(ingresses()).name
    recreated = services()
    recreated["default", "shop"]["metadata"]["uid"] = "another"
    again = desired("production", "production", ingresses(), recreated, [])
    differ = {group.name for group in asked(ingresses()).target_groups} ^ {group.name for group in again.target_groups}
    assert {name.split("-")[2] for name in differ} == {"shop"}


def test_a_certificate_of_several_ingresses_is_the_default_one_and_listed_as_well() -> None:
    encrypted = secure(asked(ingresses()))
    assert (encrypted.certificate, encrypted.listed) == (CERTIFICATE, (CERTIFICATE,))
    first, *others = ingresses()
    other = secure(asked([annotate(first, certificate_arn="arn:aws:acm:x:1:certificate/other"), *others]))
    assert set(other.listed) | {other.certificate} == {CERTIFICATE, "arn:aws:acm:x:1:certificate/other"}


def test_no_annotation_of_the_program_is_unknown_and_a_misspelt_one_is_named() -> None:
    members = ingresses(waf="arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/shop/1")
    assert asked(members).notes == ()
    [note] = asked([annotate(members[0], idle_timeout="60"), *members[1:]]).notes
    assert f"{ALB_ANNOTATIONS}/idle-timeout is unknown" in note


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"scheme": "internal"}, "conflicting scheme: internal and internet-facing"),
        ({"load_balancer_attributes": "idle_timeout.timeout_seconds=61"}, "conflicting idle_timeout.timeout_seconds"),
        ({"listen_ports": '[{"HTTPS": 80}, {"HTTPS": 443}]'}, "conflicting protocol of port 80"),
        ({"ssl_redirect": "444"}, "conflicting ssl-redirect"),
        ({"target_type": "ip"}, "target-type ip is unknown"),
        ({"backend_protocol": "HTTPS"}, "backend-protocol HTTPS is unknown"),
        ({"healthcheck_interval_seconds": "often"}, "often"),
        ({"group.order": "first"}, "first"),
        ({"group.order": "1001"}, "order 1001 is not from -1000 to 1000"),
        ({"tags": "team=cart"}, "conflicting team: cart and shop"),
        ({"certificate_arn": ""}, "no certificate for port 443"),
        ({"listen_ports": "80"}, "listen-ports 80 is no list"),
    ],
)
def test_ingresses_that_contradict_each_other_or_ask_for_too_much_are_refused(
    annotations: dict[str, str], reason: str
) -> None:
    member, *others = ingresses()
    with pytest.raises(ValueError, match=reason):
        asked([annotate(member, **annotations), *others])


def test_a_load_balancer_without_a_security_group_is_refused() -> None:
    with pytest.raises(ValueError, match="no Ingress names a security group"):
        asked(ingresses(""))


def test_a_redirect_to_a_port_without_tls_is_refused() -> None:
    members = [annotate(member, ssl_redirect="444") for member in ingresses()]
    with pytest.raises(ValueError, match="no listener speaks HTTPS"):
        asked(members)


def test_a_backend_needs_a_node_port() -> None:
    there = services()
    there["default", "shop"]["spec"]["type"] = "ClusterIP"
    with pytest.raises(ValueError, match="Service default/shop: TargetGroup port is empty"):
        desired("production", "production", ingresses(), there, [])
    del there["default", "shop"]
    with pytest.raises(ValueError, match="there is no Service shop in default"):
        desired("production", "production", ingresses(), there, [])


def test_an_ingress_is_protected_by_its_own_annotation_which_only_the_load_balancer_s_has() -> None:
    assert not any(is_protected(member) for member in ingresses())
    *others, group = ingresses(production=True)
    assert is_protected(group)
    assert not any(is_protected(member) for member in others)


def test_unmatched_requests_get_the_programs_answer_on_every_port_without_redirect() -> None:
    config = {key[0].upper() + key[1:]: value for key, value in NO_ROUTE_RESPONSE.items()}
    assert secure(asked(ingresses())).action == {"Type": "fixed-response", "FixedResponseConfig": config}
    [plain] = asked(ingresses(certificate=None)).listeners
    assert plain.action["FixedResponseConfig"] == config


def test_without_a_default_backend_the_answer_is_the_controllers_404() -> None:
    *others, group = ingresses()
    without = group | {"spec": {"ingressClassName": "alb", "rules": []}}
    assert secure(asked([*others, without])).action["FixedResponseConfig"] == {
        "ContentType": "text/plain",
        "StatusCode": "404",
    }


def test_a_group_has_one_default_backend() -> None:
    *others, group = ingresses()
    second = group | {"metadata": group["metadata"] | {"namespace": "shop"}}
    with pytest.raises(ValueError, match=f"multiple ingress defined default backend: default/{GROUP_INGRESS} and shop"):
        asked([*others, group, second])


def test_pairs_are_read_as_the_controller_reads_them() -> None:
    assert pairs("a=1, b=2=3,") == {"a": "1", "b": "2=3"}
    assert pairs(None) == {}
