"""Stack `staging`, from its own file: an update that is killed, and a destroy."""

import re
import time
from pathlib import Path
from typing import Any

from tests.integration.rehearsal.whole import Whole, whole

WAIT_SECONDS = 120.0

BOOT_SECONDS = 45
"""`bootTimeoutSeconds` where a single machine does not join: enough for the others, on a busy machine too."""

ORDER = (
    "load-balancer-",
    "backend",
    "aws-load-balancer-controller-release",
    "calico-release",
    "cluster-machines-k8s-master",
    "cluster-network-vpc",
)
"""What a destroy deletes one after the other, by the beginnings of their names."""


def test_an_update_that_was_killed_during_a_chart_is_resumed_and_a_destroy_leaves_nothing(
    tmp_path: Path,
) -> None:
    with whole(tmp_path, "staging") as staging:
        _kill_while_calico_is_installed(staging)
        output = staging.up()
        assert "was left pending-install by an update that did not end, and is deleted" in output
        assert staging.stack.planned() == {}
        assert len(staging.aws.instances()) == 7
        assert staging.kubectl().serving() == "blue"
        assert staging.running.world.problems == []

        _expect_previews(staging)
        balancers = staging.running.world.load_balancers
        assert balancers is not None
        assert len(balancers.load_balancers()) == 1
        result = staging.stack.destroy()
        assert result.ok, result.output
        gone = [line.split()[2] for line in result.output.splitlines() if re.match(r" -  \S+ \S+ deleted", line)]
        places = [next(i for i, name in enumerate(gone) if name.startswith(start)) for start in ORDER]
        assert places == sorted(places), gone
        assert balancers.load_balancers() == []
        assert staging.aws.instances() == []
        created, deleted = (set(staging.record.names(operation)) for operation in ("create", "delete"))
        assert created == deleted


def test_an_api_server_that_never_answers_ends_the_update_with_where_to_look(tmp_path: Path) -> None:
    with whole(tmp_path, "staging") as staging:
        staging.running.world.machines.broken.add("k8s-master")
        staging.stack.set("cluster.machines.bootTimeoutSeconds", 10)
        result = staging.stack.up()
        assert not result.ok
        assert "the API server does not answer yet" in result.output
        assert f"Inspect k8s-master: {_session(staging, 'k8s-master')}, there: cat" in result.output
        assert "Traceback" not in result.output
        assert not [resource for resource in staging.resources() if resource["type"].startswith("kubernetes:")]


def test_a_machine_that_does_not_join_is_named_and_the_next_update_continues(tmp_path: Path) -> None:
    with whole(tmp_path, "staging") as staging:
        staging.running.world.machines.broken.add("k8s-redis")
        staging.stack.set("cluster.machines.bootTimeoutSeconds", BOOT_SECONDS)
        result = staging.stack.up()
        assert not result.ok
        session = _session(staging, "k8s-redis")
        late = f"has not joined yet, after {BOOT_SECONDS} s (SY-K008)"
        assert f"k8s-redis: {late}. Inspect k8s-redis: {session}" in result.output
        names = {resource["urn"].rpartition("::")[2] for resource in staging.resources()}
        assert "placement-k8s-worker-1" in names
        assert not names & {"placement-k8s-redis", "aws-load-balancer-controller-release", "backend"}
        staging.running.world.machines.repair("k8s-redis")
        staging.up()
        assert staging.stack.planned() == {}
        assert staging.kubectl().serving() == "blue"


def test_a_canary_comes_after_argo_rollouts_itself(tmp_path: Path) -> None:
    def with_canary(config: dict[str, Any]) -> None:
        config["switchyard:cluster"]["argoRollouts"] = {"version": "2.41.0"}
        config["switchyard:services"] = {
            "backend": {
                "image": "ghcr.io/org/backend",
                "strategy": "canary",
                "nodePort": 30080,
                "tag": "v1.0.0",
                "replicas": 2,
                "canary": {"steps": [{"weight": 50}, {"pause": 0}, {"analysis": ["success-rate"]}]},
            }
        }

    with whole(tmp_path, "staging", with_canary) as staging:
        staging.up()
        rollout = staging.kubectl().get("rollout", "backend")
        assert rollout["status"]["phase"] == "Healthy"
        assert staging.kubectl().serving() == "rollout"
        assert staging.stack.planned() == {}


def test_errors_are_reported_at_a_preview_together_and_nothing_is_changed(tmp_path: Path) -> None:
    with whole(tmp_path, "staging") as staging:
        staging.stack.set("cluster.network.pods", "10.1.0.0/20")
        staging.stack.set("cluster.nodes.k8s-worker-1.zone", "ap-northeast-2z")
        staging.stack.set("cluster.nodes.k8s-worker-2.type", "t9.huge")
        staging.stack.set("cluster.nodes.k8s-master.role", "worker")
        result = staging.stack.preview()
        assert not result.ok
        for path in ("network.pods", "nodes.k8s-worker-1.zone", "nodes.k8s-worker-2.type"):
            assert f"switchyard:cluster.{path}: " in result.output
        assert "Traceback" not in result.output
        assert staging.record.calls("create") == []


def _session(staging: Whole, node: str) -> str:
    return f"aws ssm start-session --region ap-northeast-2 --target {staging.instances()[node]['id']}"


def _kill_while_calico_is_installed(staging: Whole) -> None:
    staging.stack.saved_at_the_end = False
    engine = staging.stack.start("up", "--yes", "--skip-preview")
    staging.stack.saved_at_the_end = True
    deadline = time.monotonic() + WAIT_SECONDS
    while not _being_installed(staging):
        assert engine.poll() is None, engine.communicate()
        assert time.monotonic() < deadline, "no chart was ever installed"
        time.sleep(0.05)
    staging.stack.kill(engine)
    assert engine.returncode == -9
    assert staging.stack.run("cancel", "--yes").ok


def _being_installed(staging: Whole) -> bool:
    if staging.running.world.machines.sandbox is None:
        return False
    secrets = staging.kubectl("tigera-operator").get("secrets")
    return any(secret["metadata"].get("labels", {}).get("status") == "pending-install" for secret in secrets)


def _expect_previews(staging: Whole) -> None:
    """Previews changes of the cluster with which the service would stop answering, and leaves it as it is."""
    stack, before = staging.stack, staging.stack.snapshot()
    cluster = before["config"]["switchyard:cluster"]
    nodes, worker = cluster["nodes"], staging.kubectl().pods("blue")[0]["spec"]["nodeName"]
    relabelled = {
        name: node | ({"workload": "web"} if node.get("workload") == "application" else {})
        for name, node in nodes.items()
    }
    existing = {"kind": "existing", "identifier": cluster["name"], "nodes": {}}
    kubeconfig = str(staging.kubectl().kubeconfig)
    service = before["config"]["switchyard:services"]["backend"]
    moved = service | {"active": "green", "green": service["blue"], "nodeSelector": {"workload": "web"}}
    routes = [{"service": "backend", "host": "other.example.org"}]
    subnets = cluster["network"]["subnets"] | {"ap-northeast-2b": "10.1.12.0/24"}
    for changes, line in (
        ({"cluster.nodes": _renamed(nodes, worker)}, f"{worker}: deleting machine i-"),
        ({"cluster.nodes": _renamed(nodes, "k8s-master")}, "the control plane that runs is k8s-master, and another"),
        ({"cluster.network.subnets": subnets}, "'10.1.12.0/24': the cluster that runs has '10.1.2.0/24'"),
        ({"cluster.nodes": relabelled, "services.backend": moved}, "nodes with workload=application, and no node of"),
        (
            {"cluster": existing | {"kubeconfig": kubeconfig}},
            "kind: existing is refused (SY-D018): the stack has created its cluster staging",
        ),
        ({"cluster.loadBalancer.routes": routes}, "no longer reach a service at https://api.staging.example.org/"),
        ({"cluster.loadBalancer.inbound": ["203.0.113.0/24"]}, "loadBalancer.inbound: 0.0.0.0/0 will no longer have"),
        ({"cluster.loadBalancer": None}, "no longer reach a service at https://api.staging.example.org/"),
    ):
        for path, value in changes.items():
            stack.set(path, value)
        preview = stack.preview()
        assert line in preview.output, preview.output
        assert preview.ok is ("no longer" in line)
        stack.restore(before)


def _renamed(nodes: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{node}-b" if node == name else node: settings for node, settings in nodes.items()}
