"""`switchyard rbac` prints the roles of the namespaces that it is given, or of the stack's services."""

import json
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.config.models.releases import Releases
from switchyard.config.models.service import BlueGreenSettings, CanarySettings


def test_namespaces_need_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: str | None) -> None:
        raise AssertionError("the configuration was read")

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", read)
    result = CliRunner().invoke(app, ["rbac", "--namespace", "shop", "-n", "api"])
    assert result.exit_code == 0
    objects = list(yaml.safe_load_all(result.stdout))
    assert [item["metadata"].get("namespace") for item in objects] == [None, "api", "shop"]


def test_a_stack_gives_its_namespaces_and_the_secrets_that_it_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    service = BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "namespace": "shop",
            "active": "blue",
            "blue": {"tag": "v1"},
            "envFrom": [{"secret": "backend-tls"}],
        }
    )
    settings = SimpleNamespace(services={"backend": service}, releases=Releases())
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings))
    result = CliRunner().invoke(app, ["rbac", "--json"])
    report = json.loads(result.stdout)
    assert report["version"] == 1
    _, role = report["objects"]
    assert (role["metadata"]["namespace"], role["metadata"]["name"]) == ("shop", "switchyard-release:switchyard:it")
    [rule] = [rule for rule in role["rules"] if "secrets" in rule["resources"]]
    assert rule["resourceNames"] == ["backend-tls"]


def test_hooks_of_a_stack_give_the_right_to_run_them(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"url": "https://ci.example.org", "secretHeaders": {"Authorization": {"secret": "ci", "key": "token"}}}
    hooks = {"beforeWarm": [{"name": "expand", "job": {}}], "afterSwitch": [{"name": "purge", "http": call}]}
    service = BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "blue", "blue": {"tag": "v1"}, "release": {"hooks": hooks}}
    )
    settings = SimpleNamespace(services={"backend": service}, releases=Releases())
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings))
    _, role = json.loads(CliRunner().invoke(app, ["rbac", "--json"]).stdout)["objects"]
    resources = {resource: rule for rule in role["rules"] for resource in rule["resources"]}
    assert resources["secrets"]["resourceNames"] == ["ci"]
    assert resources["jobs"]["verbs"] == ["get", "list", "watch", "create"]
    assert "pods/log" in resources


@pytest.mark.parametrize(
    ("drain", "verbs"),
    [({}, [["delete"]]), ({"rollbackSeconds": None}, []), ({"method": "endpoint"}, []), ({"method": "none"}, [])],
)
def test_pods_may_be_deleted_only_where_a_rollback_deletes_them(
    monkeypatch: pytest.MonkeyPatch, drain: dict[str, object], verbs: list[list[str]]
) -> None:
    service = BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "blue", "blue": {"tag": "v1"}, "release": {"drain": drain}}
    )
    settings = SimpleNamespace(services={"backend": service}, releases=Releases())
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings))
    _, role = json.loads(CliRunner().invoke(app, ["rbac", "--json"]).stdout)["objects"]
    assert [rule["verbs"] for rule in role["rules"] if "delete" in rule["verbs"]] == verbs


def test_each_namespace_has_the_rights_that_the_switches_of_its_services_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canary = {"image": "org/backend", "strategy": "canary", "tag": "v1", "namespace": "canaries"}
    weights = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1"}, "switchEngine": "albWeights"}
    services = {
        "canary": CanarySettings.model_validate(canary),
        "weighted": BlueGreenSettings.model_validate({**weights, "namespace": "weighted"}),
        "backend": BlueGreenSettings.model_validate({**weights, "switchEngine": "selector", "namespace": "shop"}),
    }
    settings = SimpleNamespace(services=services, releases=Releases())
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings))
    _, *roles = json.loads(CliRunner().invoke(app, ["rbac", "--json"]).stdout)["objects"]
    deleting = [role["metadata"]["namespace"] for role in roles for rule in role["rules"] if "delete" in rule["verbs"]]
    assert (len(roles), deleting) == (3, ["shop"])
    patched = [
        role["metadata"]["namespace"]
        for role in roles
        for rule in role["rules"]
        if rule["resources"] == ["ingresses"] and "patch" in rule["verbs"]
    ]
    assert patched == ["weighted"], "the weights of a load balancer are written where it switches, and only there"
    changed = {
        role["metadata"]["namespace"]: rule["resourceNames"]
        for role in roles
        for rule in role["rules"]
        if rule["resources"] == ["services"] and "patch" in rule["verbs"]
    }
    assert changed == {"weighted": ["weighted"], "shop": ["backend"]}, "the commands change no canary"


def test_only_the_secrets_of_notifications_of_a_service_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1"}}
    services = {
        key: BlueGreenSettings.model_validate({**settings, "namespace": key, "name": key}) for key in ("shop", "api")
    }
    releases = Releases.model_validate(
        {
            "notifications": [
                {"name": "chat", "format": "slack", "secret": {"name": "chat", "key": "url"}},
                {"name": "ci", "format": "json", "secret": {"name": "ci", "key": "url"}, "services": ["api"]},
            ]
        }
    )
    settings_of_stack = SimpleNamespace(services=services, releases=releases)
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings_of_stack))
    _, *roles = json.loads(CliRunner().invoke(app, ["rbac", "--json"]).stdout)["objects"]
    secrets = {
        role["metadata"]["namespace"]: rule
        for role in roles
        for rule in role["rules"]
        if rule["resources"] == ["secrets"]
    }
    assert {namespace: rule["resourceNames"] for namespace, rule in secrets.items()} == {
        "api": ["chat", "ci"],
        "shop": ["chat"],
    }
    assert all(rule["verbs"] == ["get"] for rule in secrets.values())


@pytest.mark.parametrize(
    ("url", "namespaces"),
    [
        ("http://prometheus.monitoring:9090", ["shop", "monitoring"]),
        ("http://prometheus.shop:9090", ["shop"]),
        ("https://prometheus.example.org", ["shop"]),
        (None, ["shop"]),
    ],
)
def test_the_prometheus_of_a_watch_gets_a_role_in_its_namespace(
    monkeypatch: pytest.MonkeyPatch, url: str | None, namespaces: list[str]
) -> None:
    own = {"image": "org/backend", "namespace": "shop", "active": "blue", "blue": {"tag": "v1"}}
    service = BlueGreenSettings.model_validate({**own, "release": {"watch": {"prometheus": url}}})
    settings = SimpleNamespace(services={"backend": service}, releases=Releases())
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("it", settings))
    _, *roles = json.loads(CliRunner().invoke(app, ["rbac", "--json"]).stdout)["objects"]
    assert [role["metadata"]["namespace"] for role in roles] == namespaces
    if len(roles) == 2:
        assert [rule["resourceNames"] for rule in roles[1]["rules"]] == [["prometheus:9090"]]


@pytest.mark.parametrize("namespace", ["x y", "Shop", "-shop", "a" * 64, ""])
def test_a_namespace_that_cannot_exist_is_refused(namespace: str) -> None:
    result = CliRunner().invoke(app, ["rbac", "--namespace", namespace])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must be a DNS label" in " ".join(result.stderr.replace("\u2502", "").split())
