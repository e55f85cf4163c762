"""All errors of a configuration are reported together, and the rules across fields apply to what is right of it."""

from typing import Any

import pytest

from switchyard.config.collect import collect
from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from tests.support.configuration import BACKEND, EXISTING, changed, error_lines

NODE = {"type": "t3.small", "zone": "ap-northeast-2a", "diskGb": 40}


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_without_errors_is_whole() -> None:
    collected = collect("a", BlueGreenSettings, BACKEND, {})
    assert collected.value == BlueGreenSettings.model_validate(BACKEND)
    assert (collected.problems, collected.complete) == ((), True)


def test_wrong_parts_at_several_depths_are_left_out_each_for_itself() -> None:
    raw = {
        "kind": "ec2",
        "name": "production",
        "unknown": 1,
        "network": {"vpc": "10", "pods": "172.16.0.0/16"},
        "nodes": {"a": NODE | {"diskGb": "40"}, "b": NODE},
        "tags": {"a=b": "c", "team": "payments"},
        "loadBalancer": {"routes": [{"service": "backend", "host": 1}, {"service": "other"}], "accessLogs": "no"},
    }
    collected = collect("c", Ec2Cluster, raw, {})
    assert [problem.path for problem in sorted(collected.problems)] == [
        "c.loadBalancer.accessLogs",
        "c.loadBalancer.routes.0.host",
        "c.network.vpc",
        "c.nodes.a.diskGb",
        "c.tags.a=b",
        "c.unknown",
    ]
    right = collected.value
    assert right is not None
    assert str(right.network.pods) == "172.16.0.0/16"
    assert list(right.nodes) == ["b"]
    assert dict(right.tags) == {"team": "payments"}
    assert right.load_balancer is not None
    assert [route.service for route in right.load_balancer.routes] == ["backend", "other"]
    assert not collected.complete


@pytest.mark.parametrize("name", [{}, {"name": "1"}, {"name": 1}])
def test_a_required_key_has_a_substitute(name: dict[str, Any]) -> None:
    raw = {"kind": "ec2", "region": "eu-central-1"} | name
    collected = collect("c", Ec2Cluster, raw, {}, {"name": "nameless"})
    assert collected.value is not None
    assert (collected.value.name, collected.value.region) == ("nameless", "eu-central-1")
    assert collect("c", Ec2Cluster, raw, {}).value is None


def test_a_value_that_lost_more_than_its_wrong_parts_is_incomplete() -> None:
    assert collect("s", BlueGreenSettings, changed("env", {"1ST": "x"}), {}).complete
    assert collect("s", BlueGreenSettings, changed("volumes", {"a": {"configMap": {}}}), {}).value is not None
    assert not collect("s", BlueGreenSettings, changed("volumes", {"a": {"configMap": {}}}), {}).complete
    assert not collect("s", BlueGreenSettings, changed("tolerations", [{"key": "a b"}]), {}).complete
    assert collect("s", BlueGreenSettings, changed("image", None), {}).value is None


def test_a_value_is_left_as_it_is() -> None:
    raw = changed("env", {"1ST": "x"})
    collect("s", BlueGreenSettings, raw, {})
    assert raw == changed("env", {"1ST": "x"})


def test_errors_of_all_parts_are_reported_together() -> None:
    service = changed("nodeSelector", {"workload": "gpu"}) | {"args": nested(100), "foo": 1}
    other = changed("blue.replicas", 0)
    with pytest.raises(SettingsError) as error:
        load(
            EXISTING | {"context": 1, "adopt": nested(100)},
            {"backend": service, "other": other, "list": nested(100)},
            "test",
            production="yes",
            former="staging",
            keys=["switchyard:prodution"],
        )
    assert [problem.path for problem in error.value.problems] == [
        "switchyard:cluster.adopt",
        "switchyard:cluster.context",
        "switchyard:formerStack",
        "switchyard:production",
        "switchyard:prodution",
        "switchyard:services.backend.args",
        "switchyard:services.backend.foo",
        "switchyard:services.backend.nodeSelector",
        "switchyard:services.list",
        "switchyard:services.other.blue.replicas",
    ]


def test_a_value_that_is_too_deep_causes_no_further_errors() -> None:
    service = BACKEND | {"blue": {"tag": "v1", "replicas": nested(100)}}
    [problem] = error_lines({"backend": service})
    assert "levels" in problem
