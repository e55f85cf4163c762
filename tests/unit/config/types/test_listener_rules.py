"""Hosts and paths that the API server or Elastic Load Balancing would refuse are refused at preview."""

import pytest

from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.types.listener_rules import BELOW, RULES_LIMIT, VALUE_LIMIT
from tests.support.ec2_configuration import SERVICES, cluster_errors, with_

LONGEST = VALUE_LIMIT - len(BELOW)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/caf%C3%A9", "takes no %"),
        ("/a%2fb", "takes no %"),
        ("/a%2Fb", "takes no %"),
        ("/café", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a;b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a,b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a\\b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a\n", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a=b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/a#b", "a path pattern of Elastic Load Balancing takes A-Z a-z 0-9"),
        ("/api/*", "the load balancer controller refuses * in one"),
        ("/ap?", "the load balancer controller refuses ? in one"),
        ("/a//b", "the API server refuses // in the path of an Ingress"),
        ("//", "the API server refuses // in the path of an Ingress"),
        ("/a//", "the API server refuses // in the path of an Ingress"),
        ("/a/./b", "the API server refuses /./ in the path of an Ingress"),
        ("/a/../b", "the API server refuses /../ in the path of an Ingress"),
        ("/a/..", "refuses a path that ends in /.."),
        ("/.", "refuses a path that ends in /."),
        ("api", "must begin with /"),
        ("", "must begin with /"),
        ("/" + "a" * LONGEST, f"has {LONGEST + 1} characters"),
        ("/" + "a" * LONGEST + "/", f"has {LONGEST + 2} characters"),
    ],
)
def test_a_path_that_no_rule_can_have_is_refused(path: str, said: str) -> None:
    [line] = cluster_errors(("loadBalancer/routes/0/path", path))
    assert line.startswith(f"{CLUSTER}.loadBalancer.routes.0.path: ")
    assert said in line


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/", "/_-.$~\"'@:+&9", "/.well-known", "/a..b/.c", "/...", "/" + "a" * (LONGEST - 1), "/~user/x"],
)
def test_a_path_that_a_rule_can_have_is_taken(path: str) -> None:
    assert load(with_(("loadBalancer/routes/0/path", path)), SERVICES, "production")


def test_the_longest_path_with_a_slash_behind_is_taken() -> None:
    assert load(with_(("loadBalancer/routes/0/path", "/" + "a" * (LONGEST - 1) + "/")), SERVICES, "production")


LABEL = "a" * 63


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (f"{LABEL}.{LABEL}.aaa.example.org", "has 143 characters: a host of Elastic Load Balancing has at most 128"),
        (f"{'a' * 64}.example.org", "has 64 characters: a label of DNS has at most 63"),
        ("localhost", "has at least one dot"),
        ("10.0.0.1", "takes a DNS name for the host of an Ingress, and no address"),
        ("shop.example.c0m", "after the last dot a host of Elastic Load Balancing has letters alone"),
        ("shop.example.xn--p1ai", "after the last dot a host of Elastic Load Balancing has letters alone"),
        ("Shop.example.org", "must be a DNS subdomain"),
        ("*.example.org", "must be a DNS subdomain"),
        ("shop_1.example.org", "must be a DNS subdomain"),
        ("shop.example.org:8080", "must be a DNS subdomain"),
        ("example.org.", "must be a DNS subdomain"),
        ("", "must be a DNS subdomain"),
    ],
)
def test_a_host_that_no_rule_can_have_is_refused(host: str, said: str) -> None:
    [line] = cluster_errors(("loadBalancer/routes/0/host", host))
    assert line.startswith(f"{CLUSTER}.loadBalancer.routes.0.host: ")
    assert said in line


@pytest.mark.parametrize("host", ["a.io", f"{LABEL}.{'a' * 59}.example"[:128], "x-1.example.org"])
def test_a_host_that_a_rule_can_have_is_taken(host: str) -> None:
    assert load(with_(("loadBalancer/routes/0/host", host)), SERVICES, "production")


@pytest.mark.parametrize(("number", "refused"), [(RULES_LIMIT, False), (RULES_LIMIT + 1, True)])
def test_a_listener_has_no_more_rules_than_aws_takes(number: int, refused: bool) -> None:
    routes = [{"service": "backend", "path": f"/p{each}"} for each in range(number)]
    if not refused:
        assert load(with_(("loadBalancer/routes", routes)), SERVICES, "production")
        return
    [line] = cluster_errors(("loadBalancer/routes", routes))
    assert line.startswith(f"{CLUSTER}.loadBalancer.routes: 101 routes: a listener takes 100 rules, and each route is")
