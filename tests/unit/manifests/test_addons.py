"""The add-ons that a stack installs on its cluster."""

from typing import Any, get_args

import kubernetes_validate
import pulumi
import pytest
from pydantic.alias_generators import to_camel

from components.cluster.addons import ChartAddon, addons
from devtools.toolchain.versions import KUBERNETES
from switchyard.aws.security_groups import WEBHOOK
from switchyard.config.errors import SettingsError
from switchyard.config.kinds import Cluster
from switchyard.config.loader import load
from switchyard.config.models.addons import CALICO, LOAD_BALANCER_CONTROLLER, METRICS_SERVER, ArgoRolloutsChart
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.addons import (
    Addon,
    argo_rollouts,
    argo_rollouts_values,
    calico,
    existing_addons,
    namespace_labels,
    platform,
)
from tests.support.charts import chart_fields
from tests.support.configuration import BACKEND
from tests.support.ec2_configuration import cluster_errors
from tests.support.engine import record


def test_the_crds_of_argo_rollouts_outlive_its_release() -> None:
    values = argo_rollouts_values(ArgoRolloutsChart(version="2.41.0", dashboard=True))
    assert (values["installCRDs"], values["keepCRDs"]) == (True, True)
    assert values["dashboard"] == {"enabled": True}


@pytest.mark.parametrize("version", ["2.40.5", "2.40.9", "2.41.0"])
def test_target_group_checks_are_set_in_a_form_that_every_chart_version_knows(version: str) -> None:
    # `controller.awsVerifyTargetGroup` is in the chart from 2.40.9 on; both at once would be one flag twice.
    asked = argo_rollouts_values(ArgoRolloutsChart(version=version, aws_verify_target_group=True))
    assert asked["controller"] == {"extraArgs": ["--aws-verify-target-group"]}
    assert argo_rollouts_values(ArgoRolloutsChart(version=version))["controller"] == {"extraArgs": []}


def test_the_check_of_target_groups_is_refused_where_its_pods_have_no_role() -> None:
    chart = {"version": "2.41.0", "awsVerifyTargetGroup": True}
    [line] = cluster_errors(("argoRollouts", chart))
    assert line.startswith("switchyard:cluster.argoRollouts.awsVerifyTargetGroup: true: the controller would ask AWS,")
    assert line.endswith("pulumi config set --path 'switchyard:cluster.argoRollouts.awsVerifyTargetGroup' false")
    assert load({"kind": "existing", "argoRollouts": chart}, {"backend": BACKEND}, "staging")


@pytest.mark.parametrize(("chart", "path"), [("argo-rollouts", False), ("./charts/argo", True), ("/charts/argo", True)])
def test_a_chart_is_a_name_or_a_path(chart: str, path: bool) -> None:
    assert ArgoRolloutsChart(version="2.41.0", chart=chart).is_path is path


@pytest.mark.parametrize(
    ("chart", "line"),
    [
        ({}, "argoRollouts.version: missing: the key has no default"),
        ({"version": "2.x"}, "argoRollouts.version: '2.x': must be one version of a chart, not a range"),
        (
            {"version": "2.41.0", "repository": "argo"},
            "argoRollouts.repository: 'argo': must be an http or https address",
        ),
        ({"version": "2.41.0", "values": {}}, "argoRollouts.values: unknown key"),
    ],
)
def test_an_error_in_a_chart_is_reported(chart: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load({"kind": "existing", "argoRollouts": chart}, {"backend": BACKEND}, "staging")
    assert line in str(raised.value)


CLUSTER = Ec2Cluster.model_validate(
    {
        "kind": "ec2",
        "name": "production",
        "region": "eu-west-1",
        "tags": {"team": "shop"},
        "network": {"pods": "172.20.0.0/16"},
        "metricsServer": METRICS_SERVER.model_dump(),
        "argoRollouts": {"version": "2.41.0"},
    }
)
WAF = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1"
NAMESPACE = "kubernetes:core/v1:Namespace"
RELEASE = "kubernetes:helm.sh/v3:Release"
ALL = (calico(CLUSTER), *platform(CLUSTER, "vpc-1"))

PUBLISHED = {
    "calico": {"installation", "apiServer", "goldmane", "whisker"},
    "aws-load-balancer-controller": {
        "clusterName", "region", "vpcId", "hostNetwork", "dnsPolicy", "replicaCount", "podDisruptionBudget",
        "updateStrategy", "resources", "webhookBindPort", "keepTLSSecret", "ingressClass",
        "createIngressClassResource", "defaultTargetType", "enableServiceMutatorWebhook",
        "enablePodReadinessGateInject", "enableBackendSecurityGroup", "enableShield", "enableWaf", "enableWafv2",
        "defaultTags",
    },
    "metrics-server": {"args"},
    "argo-rollouts": {"installCRDs", "keepCRDs", "controller", "dashboard"},
}  # fmt: skip
"""Keys that the charts' own values.yaml have, as read in their repositories: a misspelt one is none of them."""


def test_a_value_has_a_key_that_its_chart_publishes() -> None:
    for addon in ALL:
        assert addon.values.keys() <= PUBLISHED[addon.name]


@pytest.mark.parametrize("addon", ALL, ids=lambda addon: addon.name)
def test_the_namespace_of_an_addon_is_valid_and_enforces_a_level_of_pod_security(addon: Addon) -> None:
    labels = namespace_labels(addon.level)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": addon.namespace, "labels": labels}}
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    assert labels["pod-security.kubernetes.io/enforce"] == addon.level


def test_only_what_is_on_the_nodes_own_network_has_the_privileged_level() -> None:
    assert {addon.name for addon in ALL if addon.level == "privileged"} == {"calico", "aws-load-balancer-controller"}


def test_charts_are_pinned_in_one_file_and_the_settings_may_give_another() -> None:
    assert [addon.chart for addon in ALL[:3]] == [CALICO, LOAD_BALANCER_CONTROLLER, CLUSTER.metrics_server]
    own = {"version": "9.9.9", "chart": "./charts/own", "repository": "https://example.org"}
    changed = Ec2Cluster.model_validate(
        {"kind": "ec2", "name": "production", "calico": own, "loadBalancerController": own, "metricsServer": own}
    )
    assert {addon.chart.version for addon in (calico(changed), *platform(changed, "vpc-1"))} == {"9.9.9"}


def addons_of(cluster: Cluster) -> list[Addon]:
    """Every add-on of a cluster, of any kind."""
    if isinstance(cluster, ExistingCluster):
        return existing_addons(cluster)
    return [calico(cluster), *platform(cluster, "vpc-1")]


@pytest.mark.parametrize(
    ("model", "field"), [(model, field) for model in get_args(Cluster) for field in chart_fields(model)]
)
def test_a_chart_of_the_settings_is_installed(model: type[Cluster], field: str) -> None:
    chart = {"version": "9.9.9", "chart": "./charts/own", "repository": "https://example.org"}
    name = {"name": "production"} if "name" in model.model_fields else {}
    cluster = model.model_validate({"kind": model.kind_name(), **name, to_camel(field): chart})
    installed = [addon for addon in addons_of(cluster) if addon.chart is getattr(cluster, field)]
    assert len(installed) == 1, f"no function of switchyard/manifests/addons.py installs {field} of {model.__name__}"


def test_an_addon_that_is_not_configured_is_not_rendered() -> None:
    bare = Ec2Cluster(kind="ec2", name="production", load_balancer_controller=None, metrics_server=None)
    assert platform(bare, "vpc-1") == []
    assert existing_addons(ExistingCluster(kind="existing")) == []


def test_all_pods_of_two_nodes_talk_by_vxlan_and_there_is_no_bgp() -> None:
    network = calico(CLUSTER).values["installation"]["calicoNetwork"]
    assert network["bgp"] == "Disabled"
    (pool,) = network["ipPools"]
    assert (pool["cidr"], pool["encapsulation"]) == ("172.20.0.0/16", "VXLAN")


def test_the_load_balancers_controller_gets_what_it_would_ask_the_metadata_service() -> None:
    values = platform(CLUSTER, "vpc-1")[0].values
    assert (values["clusterName"], values["region"], values["vpcId"]) == ("production", "eu-west-1", "vpc-1")
    assert values["hostNetwork"] is True
    assert values["webhookBindPort"] == WEBHOOK.first == 9443
    assert values["defaultTags"] == {"team": "shop"}


def test_one_of_two_controllers_stays_when_a_node_is_drained_or_the_chart_changes() -> None:
    values = platform(CLUSTER, "vpc-1")[0].values
    assert (values["replicaCount"], values["podDisruptionBudget"]) == (2, {"maxUnavailable": 1})
    assert values["updateStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_the_webhooks_certificate_is_kept_by_an_update() -> None:
    assert platform(CLUSTER, "vpc-1")[0].values["keepTLSSecret"] is True


def test_the_controller_does_nothing_that_its_role_does_not_allow() -> None:
    def values(waf: str | None) -> dict[str, Any]:
        alb = {"routes": [{"service": "backend"}], "waf": waf}
        cluster = Ec2Cluster.model_validate({"kind": "ec2", "name": "production", "loadBalancer": alb})
        return platform(cluster, "vpc-1")[0].values

    off = ("enableShield", "enableWaf", "enableBackendSecurityGroup", "enableServiceMutatorWebhook")
    assert not any(values(WAF)[key] for key in off)
    assert (values(None)["enableWafv2"], values(WAF)["enableWafv2"]) == (False, True)


def test_an_addon_is_a_namespace_and_a_release_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(
        monkeypatch, lambda: [ChartAddon(addon.name, addon=addon, access=ClusterAccess()) for addon in ALL]
    )
    for addon in ALL:
        component = f"switchyard:addons:{addon.kind}"
        assert recording.names(component) == {addon.name}
        namespace = recording.requests[NAMESPACE, f"{addon.name}-namespace"]
        release = recording.requests[RELEASE, f"{addon.name}-release"]
        assert namespace.parent.endswith(f"{component}::{addon.name}")
        assert release.parent.endswith(f"{component}::{addon.name}")
        assert namespace.object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == addon.level
        assert (release.object["namespace"], release.object["version"]) == (addon.namespace, addon.chart.version)
        assert release.object["repositoryOpts"]["repo"] == addon.chart.repository
        assert release.object["timeout"] == addon.timeout_seconds
        assert recording.dependencies(RELEASE, f"{addon.name}-release") == {f"{addon.name}-namespace"}
        assert recording.outputs[addon.name] == ["version"]


def test_a_chart_in_a_directory_is_not_looked_for_in_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    addon = argo_rollouts(ArgoRolloutsChart(version="2.41.0", chart="./charts/argo"))
    recording = record(monkeypatch, lambda: ChartAddon("it", addon=addon, access=ClusterAccess()))
    assert "repositoryOpts" not in recording.requests[RELEASE, "it-release"].object


def test_argo_rollouts_is_on_both_kinds_of_cluster_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = ArgoRolloutsChart(version="2.41.0")
    existing = ExistingCluster(kind="existing", argo_rollouts=chart)
    assert existing_addons(existing) == [platform(CLUSTER, "vpc-1")[-1]]
    recording = record(monkeypatch, lambda: addons(existing, ClusterAccess(), pulumi.ResourceOptions()))
    assert recording.names("switchyard:addons:ArgoRollouts") == {"argo-rollouts"}
    assert recording.names(RELEASE) == {"argo-rollouts-release"}
