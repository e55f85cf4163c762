"""Every error in a configuration gets a line: path, value, rule, remedy."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from switchyard.config.models.service import Colour
from tests.support.configuration import BACKEND, EXISTING, changed, error_lines, read

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("nodeport", 30080, "nodeport: unknown key: only known keys are allowed. Did you mean nodePort?"),
        ("blue.tags", "v1", "blue.tags: unknown key: only known keys are allowed. Did you mean tag?"),
        ("active", "purple", "active: 'purple': allowed: blue, green. Set it to the"),
        ("active", None, "active: missing: the key has no default. Set it to the"),
        ("image", None, "image: missing: the key has no default. Set it:"),
        ("strategy", "bluegreen", "strategy: 'bluegreen': allowed: blueGreen, canary, argoBlueGreen. Set it:"),
        ("blue.replicas", 0, "blue.replicas: 0: blue is active and needs pods. Set it:"),
        ("blue.tag", None, "blue.tag: missing: blue is active and needs an image tag. Set it:"),
        ("green", {"replicas": 1}, "green.tag: missing: green has 1 replicas and needs an image tag. Set it:"),
        ("blue.replicas", -1, "blue.replicas: -1: must be >= 0. Set it:"),
        ("blue.replicas", 101, "blue.replicas: 101: must be <= 100. Set it:"),
        ("blue.replicas", "3", "blue.replicas: '3': must be a whole number, without quotes. Set it:"),
        ("blue.replicas", True, "blue.replicas: True: must be a whole number, without quotes. Set it:"),
        ("blue.tag", "", "blue.tag: '': must be an image tag"),
        ("blue.tag", "v1:0", "blue.tag: 'v1:0': must be an image tag"),
        ("image", "ghcr.io/org/backend:v1", "image: 'ghcr.io/org/backend:v1': must be an image repository without tag"),
        ("image", "Ghcr.io/Org/Backend", "image: 'Ghcr.io/Org/Backend': must be an image repository"),
        ("resources.requests.memory", "256MB", "resources.requests.memory: '256MB': must be a Kubernetes quantity"),
        ("resources.limits.cpu", "half", "resources.limits.cpu: 'half': must be a Kubernetes quantity"),
        ("resources.requests.cpu", "600m", "resources.requests.cpu: '600m': must not be above the limit, 500m."),
        ("resources.requests.memory", "1Gi", "resources.requests.memory: '1Gi': must not be above the limit, 512Mi."),
        ("nodePort", 8080, "nodePort: 8080: must be >= 30000. Set it:"),
        ("nodeSelector", {"workload": "gpu"}, "nodeSelector: workload=gpu: no node carries these labels"),
        ("nodeSelector", {"workload": "redis"}, "nodeSelector: workload=redis: no node carries these labels"),
        ("readiness.periodSeconds", 0, "readiness.periodSeconds: 0: must be >= 1. Set it:"),
        ("liveness.path", "health", "liveness.path: 'health': must be a URL path that starts with /"),
        ("drain.preStopSeconds", 60, "drain.preStopSeconds: 60: must be less than terminationGracePeriodSeconds (60)"),
        ("namespace", "Default", "namespace: 'Default': must be a DNS label"),
        ("env", {"1ST": "x"}, "env.1ST: (not shown): must be letters, digits and _"),
        ("gate.smoke.paths", [{"path": "/", "bodyMatches": "("}], "bodyMatches: '(': is no regular expression"),
        ("gate.smoke.paths", [], "gate.smoke.paths: an empty list: a smoke test without a path proves nothing. Name a"),
        ("gate.smoke.paths", [{"paht": "/"}], "gate.smoke.paths.0.paht: unknown key: only known keys are allowed. Did"),
        (
            "tolerations",
            [{"key": "a", "operator": "Exists", "value": "b"}],
            "tolerations.0.value: 'b': operator Exists",
        ),
        (
            "tolerations",
            [{"value": "b"}],
            "tolerations.0.key: missing: operator Equal needs the key of a taint. Name one, or",
        ),
        ("tolerations", [{"key": "a b"}], "tolerations.0.key: 'a b': must be a label key"),
        ("tolerations", [{"key": "a", "value": "b c"}], "tolerations.0.value: 'b c': must be a label value"),
        ("nodeSelector", {"work load": "x"}, "nodeSelector.work load: 'work load': must be a label key"),
        ("nodeSelector", {"Example.org/a": "x"}, """nodeSelector["Example.org/a"]: 'Example.org/a': must be a label"""),
        ("nodeSelector", {"/a": "x"}, "nodeSelector./a: '/a': must be a label key"),
        ("nodeSelector", {"workload": "a b"}, "nodeSelector.workload: 'a b': must be a label value"),
        ("nodeSelector", {"workload": "a" * 64}, "must be a label value: empty, or at most 63"),
        ("podAnnotations", {"a b": "x"}, "podAnnotations.a b: 'a b': must be a label key"),
        ("secretEnv", {"TOKEN": {"secret": "s"}}, "secretEnv.TOKEN.key: missing: the key has no default"),
        (
            "secretEnv",
            {"TOKEN": {"secret": "S_", "key": "k"}},
            "secretEnv.TOKEN.secret: (not shown): must be a DNS sub",
        ),
        ("secretEnv", {"TOKEN": {"secret": "s", "key": "a b"}}, "secretEnv.TOKEN.key: (not shown): must be a key of a"),
        ("fieldEnv", {"NODE_NAME": "spec.node"}, "fieldEnv.NODE_NAME: 'spec.node': allowed: metadata.name"),
        ("fieldEnv", {"VERSION": "metadata.name"}, "fieldEnv.VERSION: 'VERSION': must be letters"),
        ("secretEnv", {"VERSION": {"secret": "s", "key": "k"}}, "secretEnv.VERSION: (not shown): must be letters"),
        ("allowInPlaceUpdate", "yes", "allowInPlaceUpdate: 'yes': must be true or false, without quotes. Set it:"),
    ],
)
def test_an_error_in_a_service_gets_a_line(path: str, value: Any, line: str) -> None:
    lines = error_lines({"backend": changed(path, value)})
    assert any(line in problem for problem in lines), lines
    assert all(problem.startswith("switchyard:services.backend") for problem in lines)


@pytest.mark.parametrize(
    ("cluster", "line"),
    [
        (None, "switchyard:cluster: missing: must be a mapping"),
        ({}, "switchyard:cluster.kind: missing: allowed: existing"),
        ({"kind": "ec2"}, "switchyard:cluster.name: missing: the key has no default"),
        ({"kind": "existing", "kubeconfg": "x"}, "kubeconfg: unknown key: only known keys are allowed. Did you mean"),
        (
            {"kind": "existing", "nodes": {"a": {"type": "t9.huge", "zone": "z", "diskGb": 40}}},
            "nodes.a.type: 't9.huge': unknown instance type; known are the usual sizes of t3, t3a,",
        ),
        (
            {"kind": "existing", "nodes": {"a": {"type": "t3.small", "zone": "z", "diskGb": 40, "workload": "my app"}}},
            "nodes.a.workload: 'my app': must be a label value",
        ),
        (
            {"kind": "existing", "nodes": {"a": {"type": "t3.small", "zone": "z", "diskGB": 40}}},
            "nodes.a.diskGB: unknown key: only known keys are allowed. Did you mean diskGb?",
        ),
    ],
)
def test_an_error_in_the_cluster_gets_a_line(cluster: Any, line: str) -> None:
    assert any(line in problem for problem in error_lines({"backend": BACKEND}, cluster))


def test_all_errors_are_reported_together_ordered_by_path() -> None:
    broken = changed("active", "purple") | {"foo": 1}
    broken["blue"]["replicas"] = -1
    other = changed("blue.replicas", 0)
    paths = [line.partition(": ")[0] for line in error_lines({"backend": broken, "other": other}, {"kind": "x"})]
    assert paths == [
        "switchyard:cluster.kind",
        "switchyard:services.backend.active",
        "switchyard:services.backend.blue.replicas",
        "switchyard:services.backend.foo",
        "switchyard:services.other.blue.replicas",
    ]


def test_a_rule_across_fields_is_checked_although_another_field_is_wrong() -> None:
    broken = changed("blue.replicas", 0) | {"foo": 1}
    assert len(error_lines({"backend": broken})) == 2


def test_a_rule_across_fields_is_checked_although_a_key_is_wrong() -> None:
    broken = changed("blue.replicas", 0) | {"nodeSelector": {"work load": "application"}, "env": {"1ST": "x"}}
    assert len(error_lines({"backend": broken})) == 3


@pytest.mark.parametrize("name", ["Backend", "1backend", "back_end", "backend-", "b" * 56])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    assert "a service's name is at most 55 of a-z 0-9 -" in error_lines({name: BACKEND})[0]


def test_a_service_with_the_name_of_anothers_colour_is_refused() -> None:
    [problem] = error_lines({"backend": BACKEND, "backend-blue": BACKEND})
    assert "is also the name of backend's blue Service. Rename one of the two." in problem


def test_names_that_collide_in_the_engine_are_refused_across_namespaces() -> None:
    other = BACKEND | {"namespace": "elsewhere"}
    [problem] = error_lines({"backend": BACKEND, "backend-green": other})
    assert problem.startswith("switchyard:services.backend-green: 'backend-green': is also the name of backend's green")


def test_two_services_with_one_fixed_node_port_are_refused() -> None:
    [problem] = error_lines({"a": changed("nodePort", 30080), "b": changed("nodePort", 30080)})
    assert problem.startswith("switchyard:services.b.nodePort: 30080: a has this port on every node.")


def test_latest_is_refused_in_production_and_nowhere_else() -> None:
    services = {"backend": changed("blue.tag", "latest")}
    assert "a production stack names the version that it runs" in error_lines(services, stack="production")[0]
    assert load(EXISTING, services, "staging").production is False
    with pytest.raises(SettingsError):
        load(EXISTING, services, "eu-west", production=True)


def test_a_production_setting_that_is_no_boolean_is_reported_with_the_other_errors() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"kind": "k3d"}, {"backend": BACKEND}, "test", production="yes")
    assert len(caught.value.problems) == 2
    assert "switchyard:production: 'yes': must be true or false. Set it:" in str(caught.value)


def test_label_keys_and_values_that_kubernetes_takes_are_taken() -> None:
    service = changed("nodeSelector", {"example.org/Work_load.v1": "", "a": "A-b_c.9"})
    service["podAnnotations"] = {"Example.org/a": "anything at all: {}"}
    service["tolerations"] = [{"operator": "Exists"}, {"key": "dedicated", "operator": "Exists"}]
    assert read({"backend": service}, EXISTING | {"nodes": {}})


def test_a_smoke_test_that_is_off_needs_no_path() -> None:
    assert read({"backend": changed("gate.smoke", {"enabled": False, "paths": []})})


def test_pods_that_cannot_fit_are_refused_with_the_shortfall() -> None:
    # A worker has 1880m - 250m for DaemonSets = 1630m: 8 pods of 200m. Two workers take 16; asked for: 9 and 9,
    # and one more each while they roll.
    service = changed("resources", {"requests": {"cpu": "200m", "memory": "64Mi"}})
    service["blue"]["replicas"] = service["green"]["replicas"] = 9
    [problem] = error_lines({"backend": service})
    assert "20 pods (both colours, and one more a colour while it rolls)" in problem
    assert "4 of them find no room on k8s-worker-1, k8s-worker-2: 800m CPU and 256Mi memory" in problem


def test_pods_that_just_fit_are_taken() -> None:
    service = changed("resources", {"requests": {"cpu": "200m", "memory": "64Mi"}})
    service["blue"]["replicas"] = service["green"]["replicas"] = 7
    assert read({"backend": service})


def test_services_share_the_capacity_of_their_nodes() -> None:
    big = changed("resources", {"requests": {"cpu": "300m", "memory": "64Mi"}, "limits": {"cpu": "1"}})
    assert read({"a": big, "b": big})
    assert "find no room" in error_lines({"a": big, "b": big, "c": big})[0]


def test_a_toleration_opens_a_dedicated_node() -> None:
    service = changed("nodeSelector", {"workload": "redis"})
    service["tolerations"] = [{"key": "dedicated", "value": "redis", "effect": "NoSchedule"}]
    service["resources"] = {"requests": {"memory": "64Mi"}}
    assert read({"backend": service})


def test_nodes_outside_the_table_are_not_counted() -> None:
    cluster = {"kind": "existing", "nodes": {}}
    assert read({"backend": changed("nodeSelector", {"workload": "gpu"})}, cluster)


def test_the_defaults_are_the_documented_ones() -> None:
    backend = read({"backend": BACKEND}).services["backend"]
    assert backend.port == 8000
    assert backend.namespace == "default"
    assert backend.liveness is not None
    assert (backend.liveness.path, backend.liveness.initial_delay_seconds, backend.liveness.period_seconds) == (
        "/health",
        30,
        10,
    )
    assert (backend.readiness.path, backend.readiness.initial_delay_seconds, backend.readiness.period_seconds) == (
        "/ready",
        5,
        5,
    )
    assert backend.resources.requests.model_dump(exclude_none=True) == {"cpu": "100m", "memory": "256Mi"}
    assert backend.resources.limits.model_dump(exclude_none=True) == {"cpu": "500m", "memory": "512Mi"}
    assert backend.node_selector == {"workload": "application"}
    assert backend.ready_timeout_seconds == 300


def test_a_part_of_a_probe_or_of_the_resources_can_be_set_alone() -> None:
    service = changed("readiness", {"periodSeconds": 2}) | {"resources": {"requests": {"cpu": "50m"}}}
    backend = read({"backend": service}).services["backend"]
    assert (backend.readiness.path, backend.readiness.period_seconds) == ("/ready", 2)
    assert (backend.resources.requests.cpu, backend.resources.requests.memory) == ("50m", "256Mi")


@pytest.mark.parametrize("stack", ["local", "staging", "production"])
def test_the_stack_files_of_the_project_are_right(stack: str) -> None:
    config = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    settings = load(
        config["switchyard:cluster"], config["switchyard:services"], stack, config.get("switchyard:production")
    )
    assert settings.production is (stack == "production")
    assert "backend" in settings.services


def test_the_other_colour_of_each_is_the_other() -> None:
    assert (Colour.BLUE.other, Colour.GREEN.other) == (Colour.GREEN, Colour.BLUE)
