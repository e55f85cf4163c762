"""The rights that `switchyard rbac` prints are enough for each command, and not more than the commands use."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import ProxyRequest
from switchyard.kube.cluster import Cluster
from switchyard.release.drain.drain import drain
from switchyard.release.drain.report import DrainReport
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from tests.support.commands import document, read_back, run_command
from tests.support.kubectl import Kubectl
from tests.support.service_accounts import expect_right, kubeconfig_of
from tests.support.shared import Shared

USER = "releaser"

HOOKS = {"beforeWarm": [{"name": "expand", "job": {"command": ["expand"]}}]}
"""Hooks of the service's releases, whose Jobs the printed roles permit."""


@pytest.fixture(scope="module")
def releaser(of_module: Shared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The stack with green warm, reached as a ServiceAccount that has the printed roles and nothing else."""
    stack, kubectl = of_module.stack, of_module.kubectl
    stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = stack.up()
    assert result.ok, result.output
    stack.set("services.backend.release.hooks", HOOKS)
    printed = run_command(stack, "rbac")
    assert printed.returncode == 0, printed.stderr
    cluster_role, role = yaml.safe_load_all(printed.stdout)
    # Other modules run beside this one on the same cluster.
    cluster_role["metadata"]["name"] = f"{cluster_role['metadata']['name']}-{kubectl.namespace}"
    assert role["metadata"]["namespace"] == kubectl.namespace
    kubectl.apply(cluster_role)
    kubectl.apply(role)
    account = f"{kubectl.namespace}:{USER}"
    kubectl.run("create", "serviceaccount", USER)
    kubectl.run("create", "rolebinding", USER, f"--role={role['metadata']['name']}", f"--serviceaccount={account}")
    name = cluster_role["metadata"]["name"]
    kubectl.run("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount={account}")
    expect_rights(kubectl, role["rules"])
    path = kubeconfig_of(kubectl, USER, tmp_path_factory.mktemp("releaser"))
    stack.set("cluster.kubeconfig", str(path))
    yield of_module
    kubectl.run("delete", "clusterrolebinding,clusterrole", name)


def test_each_command_works_with_the_printed_roles_alone(releaser: Shared) -> None:
    stack, kubectl = releaser.stack, releaser.kubectl
    denied = kubectl.run("auth", "can-i", "--list", f"--as=system:serviceaccount:{kubectl.namespace}:{USER}")
    assert "secrets" not in denied
    assert "*.*" not in denied

    result = run_command(stack, "switch", "backend", "green", "--yes", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    switched = document(result)
    assert (switched["serving"], switched["config"], switched["state"]) == ("green", True, True)
    assert kubectl.serving() == "green"
    read_back(stack)

    result = run_command(stack, "drill", "backend", "--yes", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (document(result)["serving"], kubectl.serving()) == ("green", "green")

    result = run_command(stack, "rollback", "backend", "--yes", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (document(result)["serving"], document(result)["state"]) == ("blue", True)
    drained = document(result)["receipt"]["drain"]
    assert len(drained["reached"]) >= 3  # they were deleted, which takes a right; some of the drill may be among them
    assert (drained["failed"], drained["problem"]) == ([], None)
    assert kubectl.serving() == "blue"
    read_back(stack)

    history = document(run_command(stack, "history", "backend", "--json"))
    assert [release["kind"] for release in history["releases"]] == ["rollback", "drill", "switch"]

    report = document(run_command(stack, "report", "--json"), code=0)
    assert [service["records"] for service in report["services"]] == [3]

    result = run_command(stack, "status", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    [service] = document(result)["services"]
    assert service["notes"] == []
    assert (service["release"]["kind"], service["release"]["result"]) == ("rollback", "succeeded")
    assert service["release"]["attended"] is False


def test_objects_that_are_not_of_the_services_can_be_read_and_not_changed(releaser: Shared) -> None:
    kubectl = releaser.kubectl
    own = {
        "patch": ["configmaps/backend-release", "services/backend", "deployments/backend-green"],
        "update": ["leases/backend-release"],
    }
    for verb, objects in own.items():
        for name in objects:
            expect_right(kubectl, USER, verb, name, permitted=True)
            expect_right(kubectl, USER, verb, f"{name.partition('/')[0]}/other", permitted=False)
            expect_right(kubectl, USER, "get", f"{name.partition('/')[0]}/other", permitted=True)
    expect_right(kubectl, USER, "patch", "services/backend-green", permitted=False)


def test_only_the_services_of_the_colours_are_reached_through_the_api_server(releaser: Shared) -> None:
    config = releaser.stack.snapshot()["config"]["switchyard:cluster"]["kubeconfig"]

    async def is_denied(service: str, *, https: bool) -> bool:
        """No application runs on a simulated node; what matters is whether the user may ask it."""
        cluster = await Cluster.connect(ClusterAccess(config))
        try:
            await cluster.get_from_service(releaser.kubectl.namespace, service, ProxyRequest("/", 2.0, https=https))
        except AccessDeniedError:
            return True
        except ClusterError:
            return False
        return False

    for https in (False, True):
        denied = [asyncio.run(is_denied(name, https=https)) for name in ("backend-blue", "backend-green", "backend")]
        assert denied == [False, False, True]


def test_the_steps_of_a_deploy_may_renew_and_read_the_pods(releaser: Shared) -> None:
    stack, kubectl = releaser.stack, releaser.kubectl
    settings = BlueGreenSettings.model_validate(stack.snapshot()["config"]["switchyard:services"]["backend"])
    config = stack.snapshot()["config"]["switchyard:cluster"]["kubeconfig"]
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("green")}

    async def renew_and_read() -> tuple[DrainReport, Reading]:
        cluster = await Cluster.connect(ClusterAccess(config))
        reading = await PodMetrics(cluster.api, "backend", settings, Track.BLUE).read()
        return await drain(cluster, "backend", settings, Colour.GREEN), reading

    report, reading = asyncio.run(renew_and_read())
    assert (report.method, report.problem) == (DrainMethod.RENEW, None)
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in kubectl.pods("green"))
    # No application runs on a simulated node; what matters is that the user may ask it.
    assert len(reading.failures) == 3
    assert not any("may not" in reason for reason in reading.failures.values())


@pytest.mark.parametrize(
    ("resource", "arguments", "missing"),
    [
        ("leases", ("switch", "backend", "green", "--yes"), "get leases/backend-release"),
        ("configmaps", ("history", "backend"), "get configmaps/backend-release"),
        ("pods", ("status",), "list pods"),
    ],
)
def test_a_command_names_the_permission_that_a_role_lacks(
    releaser: Shared, resource: str, arguments: tuple[str, ...], missing: str
) -> None:
    kubectl = releaser.kubectl
    [role] = kubectl.get("roles")
    rules = [rule for rule in role["rules"] if resource not in rule["resources"]]
    assert len(rules) < len(role["rules"])
    before = kubectl.serving()
    replace(kubectl, rules)
    try:
        result = run_command(releaser.stack, *arguments)
    finally:
        replace(kubectl, role["rules"])
    assert result.returncode == 1
    assert f"may not {missing}" in result.stderr
    assert f"in namespace {kubectl.namespace}" in result.stderr
    assert kubectl.serving() == before


def test_status_shows_the_services_to_a_user_who_may_not_read_records(releaser: Shared) -> None:
    kubectl = releaser.kubectl
    [role] = kubectl.get("roles")
    records = {"configmaps", "leases"}
    replace(kubectl, [rule for rule in role["rules"] if records.isdisjoint(rule["resources"])])
    try:
        result = run_command(releaser.stack, "status", "--json")
    finally:
        replace(kubectl, role["rules"])
    assert result.returncode == 0, result.stdout + result.stderr
    [service] = document(result)["services"]
    assert (service["release"], service["serving"]) == (None, "blue")
    [note] = service["notes"]
    assert f"may not list configmaps in namespace {kubectl.namespace}" in note


def test_a_release_is_deployed_retired_and_rolled_back_with_the_printed_roles(releaser: Shared) -> None:
    stack, kubectl = releaser.stack, releaser.kubectl
    # Watched by nobody: the nodes are simulated, and their pods do not answer.
    stack.set("services.backend.release", {"watch": {"seconds": 0}, "drain": {"method": "none"}, "hooks": HOOKS})
    # The state has the kubeconfig of whoever updated last, which a release does not change.
    updated = stack.up()
    assert updated.ok, updated.output
    for arguments in (("deploy", "backend", "v3.0.0"), ("retire", "backend")):
        result = run_command(stack, *arguments, "--yes", "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        read_back(stack)
        assert kubectl.serving() == "green"
        assert [(hook["name"], hook["outcome"]) for hook in document(result)["hooks"]] == [("expand", "passed")]
    kubectl.expect_pods(blue=0, green=3)
    result = run_command(stack, "rollback", "backend", "--yes", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    kubectl.expect_pods(blue=3, green=3)
    assert kubectl.serving() == "blue"
    read_back(stack)


def test_a_release_is_resumed_aborted_and_judged_with_the_printed_roles(releaser: Shared) -> None:
    stack, kubectl = releaser.stack, releaser.kubectl
    held = run_command(stack, "deploy", "backend", "v4.0.0", "--hold-after", "prove", "--yes", "--json")
    assert (document(held, code=0)["held"], kubectl.serving()) == (True, "blue")
    resumed = document(run_command(stack, "resume", "backend", "--yes", "--json"), code=0)
    assert (resumed["phase"], resumed["serving"]["colour"], kubectl.serving()) == ("bake", "green", "green")
    judged = run_command(stack, "analyze", "backend", "--seconds", "1", "--json")
    # Nothing answers for its metrics; what matters is that the user may ask.
    assert "may not" not in judged.stdout + judged.stderr
    assert document(judged, code=1)["colour"] == "green"
    aborted = document(run_command(stack, "abort", "backend", "--yes", "--json"), code=0)
    assert (aborted["result"], kubectl.serving()) == ("rolledBack", "blue")
    read_back(stack)


def replace(kubectl: Kubectl, rules: list[dict[str, Any]]) -> None:
    [role] = kubectl.get("roles")
    kubectl.run("patch", "role", role["metadata"]["name"], "--type=merge", "-p", json.dumps({"rules": rules}))
    expect_rights(kubectl, rules)


def expect_rights(kubectl: Kubectl, rules: list[dict[str, Any]]) -> None:
    """Waits until the API server decides by these rules."""
    for resource in ("configmaps", "leases", "pods"):
        permitted = any(resource in rule["resources"] for rule in rules)
        expect_right(kubectl, USER, "list", resource, permitted=permitted)
