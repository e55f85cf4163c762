"""How a rehearsal changes a stack's file, and reads an instance's user data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from devtools.rehearsal import __main__ as command
from devtools.rehearsal import charts
from devtools.rehearsal.charts import NotRehearsableError
from devtools.rehearsal.configuration import read
from devtools.rehearsal.machines.user_data import node_object, read_user_data
from devtools.toolchain.paths import PROJECT
from switchyard.bootstrap.cloud_init import user_data
from switchyard.config.errors import SettingsError
from switchyard.config.models.addons import CALICO, Chart
from switchyard.config.models.nodes import Role

PRODUCTION = PROJECT / "Pulumi.production.yaml"


def paths(wanted: Mapping[str, Chart]) -> Mapping[str, Path]:
    return {key: Path("/charts") / key for key in wanted}


def changed(tmp_path: Path, **cluster: Any) -> Path:
    document = yaml.safe_load(PRODUCTION.read_text())
    document["config"]["switchyard:cluster"] |= cluster
    file = tmp_path / "Pulumi.production.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_charts_become_paths_of_the_same_version_and_nothing_else_changes() -> None:
    raw = yaml.safe_load(PRODUCTION.read_text())["config"]
    rehearsed = read(PRODUCTION, "production", paths)
    cluster = dict(rehearsed.config["switchyard:cluster"])
    assert cluster.pop("calico") == {
        "version": CALICO.version,
        "chart": "/charts/calico",
        "repository": CALICO.repository,
    }
    assert {cluster.pop(key)["chart"] for key in ("loadBalancerController", "metricsServer")} == {
        "/charts/loadBalancerController",
        "/charts/metricsServer",
    }
    assert cluster == raw["switchyard:cluster"]
    assert rehearsed.config["switchyard:services"] == raw["switchyard:services"]
    [line] = rehearsed.changes
    assert line.startswith("charts calico, loadBalancerController, metricsServer: replaced by small charts")


@pytest.mark.parametrize("engine", ["albTargets", "albWeights"])
def test_a_rehearsal_leaves_out_switch_engines_that_call_aws(tmp_path: Path, engine: str) -> None:
    document = yaml.safe_load(PRODUCTION.read_text())
    document["config"]["switchyard:services"]["backend"]["switchEngine"] = engine
    file = tmp_path / "Pulumi.production.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(NotRehearsableError, match=rf"backend.switchEngine is '{engine}'.* Rehearse it with 'selector'"):
        read(file, "production", paths)


def test_a_hostname_is_left_out_with_a_notice(tmp_path: Path) -> None:
    rehearsed = read(changed(tmp_path, hostname="k8s.example.org"), "production", paths)
    assert "hostname" not in rehearsed.config["switchyard:cluster"]
    assert any(line.startswith("hostname k8s.example.org: ignored") for line in rehearsed.changes)


def test_a_stack_without_a_file_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotRehearsableError, match=r"there is no Pulumi\.none\.yaml here"):
        read(tmp_path / "Pulumi.none.yaml", "none", paths)
    with pytest.raises(NotRehearsableError, match="kind is 'existing'"):
        read(PROJECT / "Pulumi.local.yaml", "local", paths)


def test_errors_are_those_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="kubernetes"):
        read(changed(tmp_path, kubernetes="1.20.0"), "production", paths)


def test_two_nodes_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.production.yaml"
    file.write_text(PRODUCTION.read_text().replace("    name: production\n", "    name: production\n    name: other\n"))
    with pytest.raises(NotRehearsableError, match=r"'name' is there twice"):
        read(file, "production", paths)


@pytest.mark.parametrize(("stack", "said"), [("none", "there is no Pulumi.none.yaml"), ("local", "kind is 'existing'")])
def test_a_configuration_error_ends_the_command_with_2_and_a_line(stack: str, said: str) -> None:
    result = CliRunner().invoke(command.app, [stack])
    assert result.exit_code == 2
    assert said in result.output


def test_a_small_chart_has_the_name_and_version_of_the_real_one(tmp_path: Path) -> None:
    folders = charts.write(tmp_path, {"calico": CALICO})
    about = yaml.safe_load((folders["calico"] / "Chart.yaml").read_text())
    assert (about["name"], about["version"]) == (CALICO.chart, CALICO.version)
    workloads = list(yaml.safe_load_all((folders["calico"] / "templates" / "workloads.yaml").read_text()))
    assert {workload["kind"] for workload in workloads} == {"Deployment", "DaemonSet"}
    assert all(charts.NOTICE in workload["metadata"]["annotations"] for workload in workloads)


def test_a_machine_becomes_the_node_of_its_user_data() -> None:
    cluster = read(PRODUCTION, "production", paths).cluster
    boots = {
        name: read_user_data(user_data(cluster, name, endpoint="127.1.2.3", backup_bucket="bucket"))
        for name in cluster.nodes
    }
    assert {name: boot.role for name, boot in boots.items()} == {n: node.role for n, node in cluster.nodes.items()}
    assert "127.1.2.3" in boots["k8s-master"].server_names
    assert "ca.key" in boots["k8s-master"].pki_files
    assert boots["k8s-redis"].pki_files == ()
    instance = {
        "instanceType": "t3.small",
        "availabilityZone": "ap-northeast-2c",
        "privateIp": "10.0.3.7",
        "rootBlockDevice": {"volumeSize": 30},
    }
    node = node_object(boots["k8s-redis"], instance, "i-1")
    assert boots["k8s-redis"].role is Role.WORKER
    assert node["spec"]["providerID"] == "aws:///ap-northeast-2c/i-1"
    assert node["metadata"]["labels"]["workload"] == "redis"
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["dedicated"]
    other = node_object(boots["k8s-redis"], instance | {"instanceType": "i4i.xlarge"}, "i-1")
    assert other["status"]["capacity"]["cpu"] == "4"


@pytest.mark.parametrize("text", ["", "#cloud-config\n{}", "#!/bin/sh\n"])
def test_other_user_data_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no user data of a node"):
        read_user_data(text)
