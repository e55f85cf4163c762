"""What the stand-in for the load balancer controller makes of Ingresses, without an API server."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from rehearsal.aws import Aws
from rehearsal.kinds import Request, ec2
from rehearsal.load_balancer_account import Account
from rehearsal.load_balancer_requests import create_rules, create_target_group, elb, listener, tag_list
from rehearsal.load_balancer_targets import HEALTH, Name, pairs
from rehearsal.load_balancer_wanted import PROTECTION, Wanted, WantedListener, finalizer, groups, is_protected, wanted
from rehearsal.load_balancers import LoadBalancers
from rehearsal.plugin import RefusedError
from render.iam import CLUSTER_TAG
from render.ingress import (
    GROUP_INGRESS,
    NO_ROUTE_RESPONSE,
    PREFIX,
    TLS_POLICY,
    group_ingress,
    ingress,
    load_balancer_attributes,
)
from render.pods import Manifest, active_service
from render.routes import parts
from settings.ec2 import Ec2Cluster
from settings.service import BlueGreenSettings

CERTIFICATE = "arn:aws:acm:ap-northeast-2:210987654321:certificate/somebodys"
GROUP = "sg-0123456789abcdef0"
INSTANCE = "i-0123456789abcdef0"
ROUTES: list[dict[str, Any]] = [
    {"service": "backend"},
    {"service": "backend", "path": "/v1"},
    {"service": "shop", "host": "shop.example.org", "path": "/cart"},
]


def service(name: str) -> BlueGreenSettings:
    ports = {"backend": 30080, "shop": 30081}
    raw = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}, "nodePort": ports[name]}
    return BlueGreenSettings.model_validate(raw)


def ingresses(group: str = GROUP, *, production: bool = False, **changes: Any) -> list[Manifest]:
    """The program's own, that of the load balancer last."""
    alb = {"routes": ROUTES, "certificate": CERTIFICATE} | changes
    raw = {"kind": "ec2", "name": "production", "tags": {"team": "shop"}, "loadBalancer": alb}
    cluster = Ec2Cluster.model_validate(raw)
    assert cluster.load_balancer is not None
    attributes = load_balancer_attributes(cluster, "logs", production=production)
    own = [ingress(cluster, part, service(part.service)) for part in parts(cluster.load_balancer.routes)]
    return [*own, group_ingress(cluster, group, attributes)]


def services() -> dict[Name, Manifest]:
    return {("default", name): active_service(name, service(name)) for name in ("backend", "shop")}


def node(name: str, instance: str | None = INSTANCE, *, ready: bool = True, **labels: str) -> Manifest:
    spec = {} if instance is None else {"providerID": f"aws:///ap-northeast-2b/{instance}"}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"conditions": conditions}}


def asked(members: list[Manifest], *nodes: Manifest) -> Wanted:
    return wanted("production", "production", members, services(), nodes)


def secure(found: Wanted) -> WantedListener:
    return next(one for one in found.listeners if one.protocol == "HTTPS")


def annotate(member: Manifest, **annotations: str) -> Manifest:
    """An Ingress with other annotations of the controller's; underscores are hyphens."""
    found = {f"{PREFIX}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = member["metadata"] | {"annotations": member["metadata"]["annotations"] | found}
    return member | {"metadata": metadata}


@pytest.fixture(scope="module")
def clients() -> Aws:
    """Its clients take half a second to make, and are used in one empty account after the other."""
    return Aws("ap-northeast-2")


@pytest.fixture
def aws(clients: Aws) -> Iterator[Aws]:
    with mock_aws():
        yield clients


@pytest.fixture
def vpc(aws: Aws) -> str:
    """A VPC with two subnets for load balancers."""
    made = str(aws.call(ec2("CreateVpc", {"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"])
    for number, zone in enumerate("ab"):
        parameters = {"VpcId": made, "CidrBlock": f"10.0.{number}.0/24", "AvailabilityZone": f"ap-northeast-2{zone}"}
        tags = [{"ResourceType": "subnet", "Tags": tag_list({"kubernetes.io/role/elb": "1"})}]
        aws.call(ec2("CreateSubnet", parameters | {"TagSpecifications": tags}))
    return made


@pytest.fixture
def group(aws: Aws, vpc: str) -> str:
    """The load balancer's security group."""
    parameters = {"GroupName": "load-balancer", "Description": "for tests", "VpcId": vpc}
    return str(aws.call(ec2("CreateSecurityGroup", parameters))["GroupId"])


def test_ingresses_of_one_group_are_one_load_balancer_and_those_of_other_classes_none_of_it() -> None:
    members = ingresses()
    other = members[0] | {"spec": members[0]["spec"] | {"ingressClassName": "nginx"}}
    assert groups([*members, other]) == {"production": members}
    assert {finalizer(member) for member in members} == {"group.ingress.k8s.aws/production"}


def test_rules_are_in_the_order_of_the_ingresses_and_within_one_the_longest_path_is_first() -> None:
    found = secure(asked(list(reversed(ingresses()))))
    assert [(rule.host, rule.paths) for rule in found.rules] == [
        ("shop.example.org", ("/cart", "/cart/*")),
        (None, ("/v1", "/v1/*")),
        (None, ("/*",)),
    ]
    assert found.rules[1].target_group == found.rules[2].target_group != found.rules[0].target_group


def test_with_a_certificate_443_serves_and_80_leads_there() -> None:
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
    found = asked(ingresses(), *nodes)
    assert {one.targets for one in found.target_groups} == {("i-00000001", "i-00000002")}
    assert {one.port for one in found.target_groups} == {30080, 30081}
    assert found.notes == ()


@pytest.mark.parametrize("instance", [None, "", "worker-1"])
def test_a_node_that_is_no_instance_is_no_target_and_said_to_be_none(instance: str | None) -> None:
    found = asked(ingresses(), node("worker-1", instance, workload="application"))
    assert {one.targets for one in found.target_groups} == {()}
    [note] = found.notes
    assert note.startswith("node worker-1: providerID")


def test_without_labels_every_node_is_a_target_but_for_those_that_are_excluded() -> None:
    members = [annotate(member, target_node_labels="") for member in ingresses()]
    excluded = node("master", "i-00000001")
    excluded["metadata"]["labels"] = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
    found = asked(members, excluded, node("worker-1", "i-00000002"))
    assert {one.targets for one in found.target_groups} == {("i-00000002",)}


def test_every_health_annotation_of_the_program_becomes_a_parameter() -> None:
    [backend] = [one for one in asked(ingresses(healthIntervalSeconds=20)).target_groups if one.port == 30080]
    assert backend.health == {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": "/ready",
        "HealthCheckPort": "traffic-port",
        "HealthCheckIntervalSeconds": 20,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }
    assert backend.health.keys() == HEALTH.keys() | {"Matcher"}
    assert backend.attributes == {"deregistration_delay.timeout_seconds": "30"}


def test_names_at_aws_are_short_enough_and_differ_with_the_cluster_the_service_and_the_port() -> None:
    long = "a-very-long-name-of-a-group-indeed"
    one, other = (wanted(cluster, long, ingresses(), services(), []) for cluster in ("one", "other"))
    assert max(len(name) for name in (one.name, *(made.name for made in one.target_groups))) <= 32
    names = {made.name for found in (one, other) for made in found.target_groups}
    assert (one.name != other.name, len(names)) == (True, 4)
    moved = services()
    moved["default", "shop"]["spec"]["ports"][0]["nodePort"] = 30999
    again = wanted("one", long, ingresses(), moved, [])
    assert len({made.name for found in (one, again) for made in found.target_groups}) == 3


def test_everything_has_the_tags_that_the_controllers_role_asks_for() -> None:
    found = asked(ingresses())
    assert found.tags == {"team": "shop", CLUSTER_TAG: "production", "ingress.k8s.aws/stack": "production"}
    [rule, *_] = create_rules("arn", secure(found), {one.name: "arn" for one in found.target_groups}, found.tags)
    made = create_target_group(found.target_groups[0], found.tags, "vpc-1")
    assert rule.parameters["Tags"] == made.parameters["Tags"] == tag_list(found.tags)


def test_no_annotation_of_the_program_is_unknown_and_a_misspelt_one_is_named() -> None:
    members = ingresses(waf="arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/shop/1")
    assert asked(members).notes == ()
    [note] = asked([annotate(members[0], idle_timeout="60"), *members[1:]]).notes
    assert f"{PREFIX}/idle-timeout is nothing" in note


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
    one, *others = ingresses()
    with pytest.raises(ValueError, match=reason):
        asked([annotate(one, **annotations), *others])


def test_a_load_balancer_without_a_security_group_is_refused() -> None:
    with pytest.raises(ValueError, match="no Ingress names a security group"):
        asked(ingresses(""))


def test_a_redirect_to_where_nobody_speaks_tls_is_refused() -> None:
    members = [annotate(member, ssl_redirect="444") for member in ingresses()]
    with pytest.raises(ValueError, match="no listener speaks HTTPS"):
        asked(members)


def test_a_backend_needs_a_node_port() -> None:
    there = services()
    there["default", "shop"]["spec"]["type"] = "ClusterIP"
    with pytest.raises(ValueError, match="Service default/shop: target-type instance needs a Service of type NodePort"):
        wanted("production", "production", ingresses(), there, [])
    del there["default", "shop"]
    with pytest.raises(ValueError, match="there is no Service shop in default"):
        wanted("production", "production", ingresses(), there, [])


def test_an_ingress_is_protected_by_its_own_annotation_which_only_that_of_the_load_balancer_has() -> None:
    assert not any(is_protected(member) for member in ingresses())
    *others, group = ingresses(production=True)
    assert is_protected(group)
    assert not any(is_protected(member) for member in others)


def test_what_no_rule_takes_gets_the_programs_own_answer_on_every_port_that_leads_nowhere_else() -> None:
    config = {key[0].upper() + key[1:]: value for key, value in NO_ROUTE_RESPONSE.items()}
    assert secure(asked(ingresses())).action == {"Type": "fixed-response", "FixedResponseConfig": config}
    [plain] = asked(ingresses(certificate=None)).listeners
    assert plain.action["FixedResponseConfig"] == config


def test_without_an_ingress_that_says_it_the_answer_is_the_controllers_404() -> None:
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


def test_a_load_balancer_is_made_as_wanted_and_goes_with_its_target_groups(aws: Aws, group: str) -> None:
    account = Account(aws, "production")
    account.apply(asked(ingresses(group)))
    [there] = account.load_balancers()
    assert (there.group, there.scheme, len(there.subnets)) == ("production", "internet-facing", 2)
    assert [one.response for one in there.listeners] == [None, ("404", NO_ROUTE_RESPONSE["messageBody"])]
    assert [(one.certificate, one.policy) for one in there.listeners] == [(None, None), (CERTIFICATE, TLS_POLICY)]
    assert [rule.port for rule in there.listeners[1].rules] == [30081, 30080, 30080]
    account.remove("production")
    assert account.load_balancers() == []
    assert aws.call(elb("DescribeTargetGroups", {}))["TargetGroups"] == []
    account.remove("production")


def test_another_look_at_the_same_load_balancer_changes_nothing(aws: Aws, group: str) -> None:
    Account(aws, "production").apply(asked(ingresses(group)))
    before = Account(aws, "production").load_balancers()
    Account(aws, "production").apply(asked(ingresses(group)))
    assert [one.listeners[1].rules for one in Account(aws, "production").load_balancers()] == [
        one.listeners[1].rules for one in before
    ]
    assert Account(aws, "another").load_balancers() == []


def test_listeners_and_rules_that_are_not_wanted_any_more_go(aws: Aws, group: str) -> None:
    account = Account(aws, "production")
    account.apply(asked(ingresses(group)))
    account.apply(asked(ingresses(group, certificate=None, routes=ROUTES[:1])))
    [there] = account.load_balancers()
    assert [(one.port, one.default, len(one.rules)) for one in there.listeners] == [(80, "fixed-response", 1)]
    assert len(there.target_groups) == 1


def test_a_protected_load_balancer_is_not_deleted(aws: Aws, group: str) -> None:
    account = Account(aws, "production")
    account.apply(asked(ingresses(group, production=True)))
    with pytest.raises(RefusedError, match="OperationNotPermitted"):
        account.remove("production")
    assert account.load_balancers()[0].attributes[PROTECTION] == "true"


def test_what_botocore_or_moto_refuses_is_refused(aws: Aws, group: str) -> None:
    account = Account(aws, "production")
    members = ingresses(group)
    wrong = "load-balancer-attributes", "idle_timeout.seconds=60"
    with pytest.raises(RefusedError, match=r"Key idle_timeout\.seconds not valid"):
        account.apply(asked([annotate(member, **dict([wrong])) for member in members]))
    wrong = "actions.no-route", '{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "999"}}'
    with pytest.raises(RefusedError, match="999"):
        account.apply(asked([annotate(member, **dict([wrong])) for member in members]))
    with pytest.raises(RefusedError, match="sg-0123456789abcdef0"):
        account.apply(asked(ingresses()))
    with pytest.raises(RefusedError, match=INSTANCE):
        account.apply(asked(members, node("worker-1", workload="application")))


def test_an_instance_of_another_vpc_is_no_target(aws: Aws, group: str) -> None:
    run = ec2("RunInstances", {"ImageId": aws.image, "MinCount": 1, "MaxCount": 1})
    instance = aws.call(run)["Instances"][0]["InstanceId"]
    with pytest.raises(RefusedError, match=f"InvalidTarget: {instance}"):
        Account(aws, "production").apply(asked(ingresses(group), node("worker", instance, workload="application")))


def test_a_load_balancer_needs_tagged_subnets_in_two_zones(aws: Aws, vpc: str, group: str) -> None:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = aws.call(ec2("DescribeSubnets", {"Filters": filters}))["Subnets"]
    aws.call(ec2("DeleteTags", {"Resources": [subnets[0]["SubnetId"]], "Tags": [{"Key": "kubernetes.io/role/elb"}]}))
    with pytest.raises(RefusedError, match=r"kubernetes\.io/role/elb in zones"):
        Account(aws, "production").apply(asked(ingresses(group)))


def test_more_rules_than_aws_takes_are_refused(aws: Aws, group: str) -> None:
    routes = [{"service": "backend", "path": f"/{number}"} for number in range(101)]
    with pytest.raises(RefusedError, match="TooManyRules"):
        Account(aws, "production").apply(asked(ingresses(group, routes=routes)))


def test_it_waits_for_an_api_server_that_is_not_up_and_ends_when_told_to() -> None:
    class Nobody:
        def call(self, request: Request) -> dict[str, Any]:
            raise AssertionError(request)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without `listen`: a connection is refused
        server = f"https://127.0.0.1:{taken.getsockname()[1]}"
        config = {
            "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        with LoadBalancers(config, Nobody(), "production") as running:
            assert running.problems == []


def test_a_useless_kubeconfig_ends_it_and_is_told() -> None:
    running = LoadBalancers({"contexts": []}, Aws("ap-northeast-2"), "production")
    running.start()
    deadline = time.monotonic() + 10
    while not running.problems:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.05)
    assert running.problems[0].startswith("the stand-in ended: ")
    with pytest.raises(Exception, match="ontext"):
        running.stop()
