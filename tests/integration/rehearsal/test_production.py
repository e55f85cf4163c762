"""Stack `production`, from its own file and from nothing, in the real engine: what changes of it do."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devtools.rehearsal.charts import NOTICE
from devtools.rehearsal.providers import AWS_NOTICE, TLS_NOTICE
from switchyard.config.models.nodes import DEFAULT_NODES
from tests.integration.rehearsal.subnets import expect_removal_of_an_empty_subnet
from tests.integration.rehearsal.whole import Whole, parameter, whole

SILENT = "Nothing on the cluster is inspected or changed in this run; its machines can be"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """The stack after its first update. A test may change it, and leaves it whole."""
    with whole(tmp_path_factory.mktemp("production"), "production") as stack:
        output = stack.up()
        assert AWS_NOTICE in output
        assert TLS_NOTICE in output
        assert "the API server does not answer yet" in output
        yield stack
        assert stack.running.world.problems == []


def test_the_machines_are_those_of_the_node_table(production: Whole) -> None:
    assert not production.aws.unchecked
    instances = production.instances()
    assert {
        name: (instance["instanceType"], instance["availabilityZone"], instance["rootBlockDevice"]["volumeSize"])
        for name, instance in instances.items()
        if name in DEFAULT_NODES
    } == {name: (node.type, node.zone, node.disk_gb) for name, node in DEFAULT_NODES.items()}
    assert all(instance["disableApiTermination"] for instance in instances.values())


def test_nodes_have_their_labels_and_taints_and_a_second_preview_is_empty(production: Whole) -> None:
    nodes = {node["metadata"]["name"]: node for node in production.kubectl().get("nodes")}
    ids = {name: instance["id"] for name, instance in production.instances().items()}
    for name, settings in DEFAULT_NODES.items():
        node = nodes[name]
        assert node["metadata"]["labels"].get("workload") == settings.workload
        taints = {taint["key"]: taint.get("value") for taint in node["spec"].get("taints", [])}
        assert taints.get("dedicated") == settings.dedicated
        assert node["spec"]["providerID"] == f"aws:///{settings.zone}/{ids[name]}"
    assert production.stack.planned() == {}


def test_the_load_balancer_routes_to_the_application_nodes_only(production: Whole) -> None:
    balancers = production.running.world.load_balancers
    assert balancers is not None
    [balancer] = balancers.load_balancers()
    assert balancer.attributes["deletion_protection.enabled"] == "true"
    assert balancer.attributes["access_logs.s3.enabled"] == "true"
    application = {
        instance["id"] for name, instance in production.instances().items() if name.startswith("k8s-worker-")
    }
    https = next(listener for listener in balancer.listeners if listener.port == 443)
    [rule] = https.rules
    assert rule.host == "api.example.org"
    assert set(rule.targets) == application
    outputs = production.stack.outputs()
    assert outputs["loadBalancer"] == balancer.hostname
    assert outputs["urls"] == {"backend": ["https://api.example.org/"]}


def test_add_ons_are_small_charts_in_place_of_the_real_ones_with_the_real_values(production: Whole) -> None:
    for namespace in ("tigera-operator", "aws-load-balancer-controller", "metrics-server"):
        [deployment] = production.kubectl(namespace).get("deployments")
        assert NOTICE in deployment["metadata"]["annotations"]
    values = yaml.safe_load(
        production.kubectl("aws-load-balancer-controller").get("configmap", "values")["data"]["values"]
    )
    [vpc] = [resource["id"] for resource in production.resources() if resource["type"] == "aws:ec2/vpc:Vpc"]
    assert values["vpcId"] == vpc


def test_no_secret_is_in_plain_in_state_record_or_user_data(production: Whole) -> None:
    config = yaml.safe_load(production.stack.run("stack", "output", "kubeconfig", "--show-secrets").output)
    key = config["users"][0]["user"]["client-key-data"]
    state = production.stack.run("stack", "export", check=True).output
    record = production.record.file.read_text()
    token = production.aws.call(parameter("/switchyard/production/join/token"))["Parameter"]["Value"]
    for text in (state, record, *(instance["userData"] for instance in production.instances().values())):
        assert "PRIVATE KEY" not in text
        assert key not in text
        assert token not in text


def test_a_switch_of_colour_changes_one_service_and_nothing_at_aws(production: Whole) -> None:
    stack = production.stack
    stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    production.up()
    before = len(production.record.calls("create", "update", "delete"))
    for colour in ("green", "blue"):
        stack.set("services.backend.active", colour)
        assert stack.planned() == {"backend": "update"}
        production.up()
        assert production.kubectl().serving() == colour
    assert len(production.record.calls("create", "update", "delete")) == before


def test_the_command_line_reaches_the_cluster_by_the_stacks_own_kubeconfig(production: Whole) -> None:
    stack = production.stack
    command = [sys.executable, "-m", "switchyard", "status", "--stack", stack.name]
    result = subprocess.run(
        command, cwd=stack.directory, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "v1.0.0  3/3 ready" in result.stdout


def test_an_image_that_moved_changes_nothing(production: Whole) -> None:
    image, production.aws.image = production.aws.image, "ami-00000000000000001"
    try:
        assert production.stack.planned() == {}
    finally:
        production.aws.image = image


def test_another_instance_type_is_reported_and_changes_no_running_instance(production: Whole) -> None:
    table = _table()
    table["k8s-worker-1"]["type"] = "t3.large"
    production.stack.set("cluster.nodes", table)
    try:
        preview = production.stack.preview()
        assert "certificate expires on" not in preview.output, "it was made a minute ago"
        assert "nodes.k8s-worker-1: the machine is a t3.medium in ap-northeast-2b, not a t3.large" in preview.output
        assert production.stack.planned() == {}
    finally:
        production.stack.set("cluster.nodes", None)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("name", "other", "switchyard:cluster.name: 'other': the cluster that runs has 'production'"),
        ("network.pods", "172.16.0.0/16", "cluster.network.pods: '172.16.0.0/16': the cluster that runs has '192.168."),
        (
            "network.subnets",
            {"ap-northeast-2a": "10.0.1.0/24", "ap-northeast-2b": "10.0.12.0/24", "ap-northeast-2c": "10.0.3.0/24"},
            "cluster.network.subnets.ap-northeast-2b: '10.0.12.0/24': the cluster that runs has '10.0.2.0/24'",
        ),
        ("hostname", "k8s.example.org", "switchyard:cluster.hostname: 'k8s.example.org': the cluster that runs has ''"),
    ],
)
def test_a_change_of_immutable_settings_is_refused(production: Whole, key: str, value: Any, line: str) -> None:
    before = production.stack.snapshot()
    production.stack.set(f"cluster.{key}", value)
    try:
        preview = production.stack.preview()
        assert not preview.ok
        assert line in preview.output
        assert "Traceback" not in preview.output
    finally:
        production.stack.restore(before)


def test_a_subnet_is_removed_once_nothing_is_in_it(production: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_removal_of_an_empty_subnet(production, monkeypatch)


def test_a_further_worker_is_one_entry_and_joins_before_the_update_ends(production: Whole) -> None:
    more = {"type": "t3.medium", "zone": "ap-northeast-2a", "diskGb": 40, "workload": "application"}
    production.stack.set("cluster.nodes", _table() | {"k8s-worker-3": more})
    assert production.stack.planned() == {
        "cluster-machines-k8s-worker-3": "create",
        "placement-k8s-worker-3": "create",
    }
    production.up()
    node = production.kubectl().get("node", "k8s-worker-3")
    assert node["metadata"]["labels"]["workload"] == "application"
    assert production.stack.planned() == {}


def test_a_worker_keeps_its_machine_while_pods_that_serve_run_on_it(production: Whole) -> None:
    stack, kubectl = production.stack, production.kubectl()
    stack.set("cluster.machines", {"terminationProtection": False})
    production.up()
    machines = {name: instance["id"] for name, instance in production.instances().items()}
    worker = kubectl.pods(kubectl.serving())[0]["spec"]["nodeName"]
    table = dict(stack.snapshot()["config"]["switchyard:cluster"].get("nodes") or _table())
    table["k8s-worker-9"] = table.pop(worker)
    stack.set("cluster.nodes", table)
    refusal = f"{worker}: deleting machine {machines[worker]} is refused (SY-D017): it runs"
    preview = stack.preview()
    assert not preview.ok
    assert refusal in preview.output
    assert f"kubectl drain {worker} --ignore-daemonsets --delete-emptydir-data" in preview.output
    # The update creates the other machine first, and is asked before it deletes this one.
    result = stack.up("--skip-preview")
    assert not result.ok
    assert refusal in result.output
    assert production.instances()[worker]["id"] == machines[worker]
    kubectl.run("drain", worker, "--ignore-daemonsets", "--delete-emptydir-data")
    production.up()
    assert worker not in production.instances()
    kubectl.run("delete", "node", worker)
    stack.set("cluster.machines", None)
    production.up()
    assert stack.planned() == {}


def test_a_node_is_replaced_only_when_asked_for_and_then_has_the_new_image(production: Whole) -> None:
    before = {name: instance["id"] for name, instance in production.instances().items()}
    image, production.aws.image = production.aws.image, "ami-00000000000000002"
    production.stack.set("cluster.machines", {"terminationProtection": False})
    production.up()
    assert {name: instance["id"] for name, instance in production.instances().items()} == before
    production.kubectl().run("drain", "k8s-redis", "--ignore-daemonsets", "--delete-emptydir-data")
    production.kubectl().run("delete", "node", "k8s-redis")
    [urn] = [
        resource["urn"]
        for resource in production.resources()
        if resource["urn"].endswith("::cluster-machines-k8s-redis")
    ]
    production.up("--target-replace", urn)
    production.stack.set("cluster.machines", None)
    # The update after it waits for the node, and gives it its labels.
    production.up()
    instances = production.instances()
    assert {name for name, instance in instances.items() if instance["id"] != before[name]} == {"k8s-redis"}
    assert instances["k8s-redis"]["ami"] == "ami-00000000000000002"
    node = production.kubectl().get("node", "k8s-redis")
    assert node["spec"]["providerID"].endswith(instances["k8s-redis"]["id"])
    production.aws.image = image
    assert production.stack.planned() == {}


def test_an_unreachable_api_server_blocks_changes_on_the_cluster_but_not_of_instances(
    production: Whole,
) -> None:
    stack = production.stack
    before = production.kubectl().serving()
    other = {"blue": "green", "green": "blue"}[before]
    protected = "cluster.machines.terminationProtection"
    with production.running.world.machines.cut_off():
        stack.set(protected, False)
        [urn] = [
            resource["urn"]
            for resource in production.resources()
            if resource["urn"].endswith("::cluster-machines-k8s-redis")
        ]
        result = stack.up("--target", urn)
        # The machine is changed; what serves is not known, and that is no good end.
        assert not result.ok
        assert SILENT in result.output
        assert "whether blue serves is not known" in result.output or "whether green serves" in result.output
        assert production.instances()["k8s-redis"]["disableApiTermination"] is False
        stack.set("services.backend.active", other)
        result = stack.up()
        assert not result.ok
        assert SILENT in result.output
    assert production.kubectl().serving() == before
    stack.set("services.backend.active", before)
    stack.set("cluster.machines", None)
    production.up()
    assert stack.planned() == {}


def test_a_destroy_is_refused_until_protection_is_off_and_leaves_the_buckets(
    production: Whole,
) -> None:
    """The last test of the module: nothing of the stack exists after it."""
    stack = production.stack
    for remove, reason in (
        (False, "the services of a stack that is marked production are removed one by one"),
        (True, "protect"),
    ):
        if remove:
            stack.set("services.backend.remove", True)
            production.up()
        refused = stack.destroy()
        assert not refused.ok
        assert reason in refused.output
    assert len(production.aws.instances()) == len(production.instances())
    stack.set("cluster.machines", {"terminationProtection": False})
    stack.set("cluster.loadBalancer.deletionProtection", False)
    production.up()
    result = stack.destroy()
    assert result.ok, result.output
    assert production.aws.instances() == []
    created, gone = (set(production.record.names(operation)) for operation in ("create", "delete"))
    assert "cluster-storage-backups" in created - gone
    assert all(name.startswith("cluster-storage-") for name in created - gone), created - gone


def _table() -> dict[str, Any]:
    return {
        name: node.model_dump(mode="json", by_alias=True, exclude_none=True) for name, node in DEFAULT_NODES.items()
    }
