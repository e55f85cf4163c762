"""Several errors in the settings of an EC2 cluster: each is reported, and none that only follows from another."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from switchyard.config.models.ec2 import Ec2Cluster
from tests.support.ec2_configuration import CERTIFICATE, PRODUCTION, SERVICES, cluster_errors, with_


def test_several_errors_are_reported_together_ordered_by_path() -> None:
    lines = cluster_errors(
        ("name", None),
        ("kubernetes", "1.30.0"),
        ("nodes/k8s-redis/type", "t9.huge"),
        ("nodes/k8s-worker-1/diskGb", 10),
        ("nodes/k8s-worker-2/zone", "us-east-1a"),
        ("network/services", "10.0.0.0/16"),
        ("network/administrators", ["0.0.0.0/0"]),
        ("loadBalancer/routes/0/path", "api"),
        ("loadBalancer/healthTimeoutSeconds", 60),
        ("loadBalancer/certificate", None),
        ("tags/aws:x", "y"),
        services={"backend": SERVICES["backend"] | {"active": "purple"}},
    )
    assert [line.partition(": ")[0].removeprefix("switchyard:") for line in lines] == [
        "cluster.kubernetes",
        "cluster.loadBalancer.certificate",
        "cluster.loadBalancer.healthTimeoutSeconds",
        "cluster.loadBalancer.routes.0.path",
        "cluster.name",
        "cluster.network.administrators.0",
        "cluster.network.services",
        "cluster.nodes.k8s-redis.type",
        "cluster.nodes.k8s-worker-1.diskGb",
        "cluster.nodes.k8s-worker-2.zone",
        "cluster.tags.aws:x",
        "services.backend.active",
    ]


ELSEWHERE = [
    ("region", "eu-central-1"),
    ("network/vpc", "10.9.0.0/16"),
    ("network/subnets", {f"eu-central-1{letter}": f"10.9.{third}.0/24" for third, letter in enumerate("abc")}),
    (
        "nodes",
        {name: node | {"zone": f"eu-central-1{node['zone'][-1]}"} for name, node in PRODUCTION["nodes"].items()},
    ),
    ("pki", {"caDays": 7000, "adminDays": 3650, "renewBeforeDays": 364}),
    ("loadBalancer/certificate", CERTIFICATE.replace("ap-northeast-2", "eu-central-1")),
    ("loadBalancer/waf", "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/it/1f2e"),
    ("loadBalancer/healthIntervalSeconds", 60),
    ("loadBalancer/healthTimeoutSeconds", 20),
    ("loadBalancer/deregistrationDelaySeconds", 10),
]
"""Values that are right together, and mostly wrong beside a default."""
QUICK = {"backend": SERVICES["backend"] | {"drain": {"preStopSeconds": 20}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("network/vpc", "10.9.0.0"),
        ("network/subnets/eu-central-1c", "10.9.2.0"),
        ("network/subnets", "none"),
        ("network/administrators", ["here", "203.0.113.7/32"]),
        ("nodes/k8s-master/role", "master"),
        ("nodes/k8s-master/diskGb", "much"),
        ("region", "Frankfurt"),
        ("pki/adminDays", 0),
        ("loadBalancer/routes/0/service", 1),
        ("loadBalancer/certificate", "arn"),
        ("loadBalancer/healthIntervalSeconds", "often"),
        ("loadBalancer/deregistrationDelaySeconds", "long"),
        ("loadBalancer", "yes"),
    ],
)
def test_a_rule_says_nothing_of_a_value_that_is_wrong_in_itself(path: str, value: Any) -> None:
    assert load(with_(*ELSEWHERE), QUICK, "production")
    assert len(cluster_errors(*ELSEWHERE, (path, value), services=QUICK)) == 1


def test_nodes_that_cannot_be_read_are_not_counted() -> None:
    assert len(cluster_errors(("nodes", "none"), ("network/pods", "192.168.0.0/22"))) == 1


def _paths(node: Any, above: tuple[str, ...] = ()) -> list[str]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    below = [path for key, child in children for path in _paths(child, (*above, str(key)))]
    return [*(["/".join(above)] if above and not above[-1].isdigit() else []), *below]


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from([path for path in _paths(PRODUCTION) if path != "kind"]),
            st.sampled_from(
                [0, -1, True, "", "x", "0.0.0.0/0", "10.0.0.0/32", [], ["x"], [None], {}, {"x": 1}, {1: {}}]
            ),
        ),
        max_size=3,
        # Of two paths one may be above the other, and be no mapping any more.
        unique_by=lambda change: change[0].partition("/")[0],
    )
)
def test_any_stack_file_is_accepted_or_refused_with_lines(changes: list[tuple[str, Any]]) -> None:
    # Nothing but the one error with the lines comes out.
    with suppress(SettingsError):
        assert isinstance(load(with_(*changes), SERVICES, "production").cluster, Ec2Cluster)
