"""An add-on is not deleted while objects on the cluster need it, nor its namespace while others run pods in it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pydantic.alias_generators import to_camel

from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import ApiStatusError, GateRefusedError, UnreachableError
from switchyard.gates.addons import before_release_deletion
from switchyard.gates.guard import Guard
from switchyard.gates.rules.addons import NEEDS
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.ownership_marks import ADOPTED, Mark
from tests.support.charts import chart_fields
from tests.support.guarded_objects import OURS, THEIRS, Table
from tests.support.guards import Make, delete, make

__all__ = ["make"]

Objects = Mapping[tuple[str, str], dict[str, Any]]


@dataclass
class Connected:
    """A cluster with this API server."""

    api: Table


def stored(name: str, spec: Mapping[str, Any] | None = None, mark: Mark | None = None, **more: Any) -> dict[str, Any]:
    """An object of a list, which has neither kind nor version."""
    annotations = dict(mark.annotations) if mark else {}
    metadata = {"name": name, "namespace": "default", "annotations": annotations, **more}
    return {"metadata": metadata, "spec": dict(spec or {})}


def rollout(mark: Mark | None = OURS, **more: Any) -> Objects:
    return {("rollouts", "backend"): stored("backend", {"replicas": 3}, mark, **more)}


def registered(guard: Guard) -> None:
    """Makes the Rollout part of the configuration."""
    metadata = {"name": "backend", "namespace": "default", "labels": {"app": "backend"}}
    guard.register({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata})


def removal(
    monkeypatch: pytest.MonkeyPatch,
    built: tuple[Guard, Table, list[str]],
    name: str = "argo-rollouts",
    *,
    preview: bool = False,
) -> None:
    guard, table, _ = built

    async def connect(_: ClusterAccess) -> Connected:
        return Connected(table)

    monkeypatch.setattr(Cluster, "connect", connect)
    asyncio.run(before_release_deletion(guard, {"namespace": name, "name": name}, preview=preview))


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("mark", [OURS, THEIRS, None])
def test_argo_rollouts_is_not_deleted_under_a_rollout(
    monkeypatch: pytest.MonkeyPatch, make: Make, mark: Mark | None, *, preview: bool
) -> None:
    built = make(rollout(mark))
    registered(built[0])
    with pytest.raises(GateRefusedError) as refused:
        removal(monkeypatch, built, preview=preview)
    assert str(refused.value).startswith(
        "switchyard:cluster.argoRollouts: deleting Helm release argo-rollouts is refused (SY-D019): "
        "Rollout/backend in namespace default needs it; without its controller no Rollout is released"
    )


def test_one_update_may_migrate_a_service_and_remove_argo_rollouts(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """The preview still sees the Rollout, which the update deletes before the release."""
    removal(monkeypatch, make(rollout()), preview=True)
    with pytest.raises(GateRefusedError, match="SY-D019"):
        removal(monkeypatch, make(rollout()))
    removal(monkeypatch, make({}))


@pytest.mark.parametrize("status", [{}, {"replicas": 0}])
def test_a_rollout_without_pods_needs_no_controller(
    monkeypatch: pytest.MonkeyPatch, make: Make, status: dict[str, int]
) -> None:
    empty = {("rollouts", "idle"): {**stored("idle", {"replicas": 0}), "status": status}}
    removal(monkeypatch, make(empty))
    with pytest.raises(GateRefusedError, match="Rollout/idle"):
        removal(
            monkeypatch, make({("rollouts", "idle"): {**stored("idle", {"replicas": 0}), "status": {"replicas": 1}}})
        )
    removal(monkeypatch, make(rollout(THEIRS, deletionTimestamp="2026-11-30T00:00:00Z")))


@pytest.mark.parametrize("preview", [True, False])
def test_a_destroy_keeps_the_controller_of_others(
    monkeypatch: pytest.MonkeyPatch, make: Make, *, preview: bool
) -> None:
    with pytest.raises(GateRefusedError, match="SY-D019"):
        removal(monkeypatch, make(rollout(THEIRS), destroy_asked=True), preview=preview)
    # A destroy deletes no machines of an existing cluster, and all those of a cluster of the stack.
    removal(monkeypatch, make(rollout(THEIRS), destroy_asked=True, own_machines=True), preview=preview)
    with pytest.raises(GateRefusedError, match="SY-D019"):  # one of single resources keeps the machines
        removal(monkeypatch, make(rollout(THEIRS), destroying=True, own_machines=True), preview=preview)


def test_a_destroy_with_rollouts_of_this_stack_alone_deletes_the_controller(
    monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    built = make(rollout(), destroy_asked=True)
    registered(built[0])
    removal(monkeypatch, built, preview=True)
    adopted = make(rollout(), destroy_asked=True)
    adopted[1].objects["rollouts", "backend"]["metadata"]["annotations"][ADOPTED] = "true"
    with pytest.raises(GateRefusedError, match="SY-D019"):
        removal(monkeypatch, adopted, preview=True)


ALB = "aws-load-balancer-controller"


@pytest.mark.parametrize(
    ("release", "resource", "item", "needed"),
    [
        (ALB, "ingresses", stored("web", {"ingressClassName": "alb"}), True),
        (ALB, "ingresses", stored("web", {"ingressClassName": "nginx"}), False),
        (ALB, "services", stored("web", {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}), True),
        (ALB, "services", stored("web", {"type": "LoadBalancer"}), False),
        (ALB, "targetgroupbindings", stored("web"), True),
        (ALB, "targetgroupbindings", stored("web", labels={"ingress.k8s.aws/stack-name": "web"}), False),
        ("metrics-server", "horizontalpodautoscalers", stored("web", {"metrics": [{"type": "Resource"}]}), True),
        ("metrics-server", "horizontalpodautoscalers", stored("web"), True),
        ("metrics-server", "horizontalpodautoscalers", stored("web", {"metrics": [{"type": "External"}]}), False),
        ("tigera-operator", "rollouts", stored("web"), False),
    ],
)
def test_each_addon_stays_under_the_objects_that_need_it(
    monkeypatch: pytest.MonkeyPatch, make: Make, release: str, resource: str, item: dict[str, Any], *, needed: bool
) -> None:
    built = make({(resource, "web"): item})
    if not needed:
        removal(monkeypatch, built, release)
        return
    with pytest.raises(GateRefusedError, match=rf"deleting Helm release {release} is refused \(SY-D019\)"):
        removal(monkeypatch, built, release)


def test_an_old_annotation_of_the_class_counts(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    ingress = stored("web")
    ingress["metadata"]["annotations"]["kubernetes.io/ingress.class"] = "alb"
    with pytest.raises(GateRefusedError, match="Ingress/web"):
        removal(monkeypatch, make({("ingresses", "web"): ingress}), ALB)


def test_a_message_names_five_objects(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    many = {("rollouts", f"r{number}"): stored(f"r{number}") for number in range(7)}
    with pytest.raises(GateRefusedError, match=r"Rollout/r4 in namespace default and 2 more need it"):
        removal(monkeypatch, make(many))


def test_an_addon_stays_while_the_cluster_cannot_be_read(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    built = make({})

    async def connect(_: ClusterAccess) -> Connected:
        raise UnreachableError("no answer")

    monkeypatch.setattr(Cluster, "connect", connect)
    release = {"namespace": "argo-rollouts", "name": "argo-rollouts"}
    with pytest.raises(GateRefusedError, match=r"whether objects on the cluster need it is not known: no answer"):
        asyncio.run(before_release_deletion(built[0], release, preview=True))


def test_a_cluster_without_the_kind_has_no_objects_of_it(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    class Missing(Table):
        async def find_all(self, resource: str, *_: object) -> Any:
            raise ApiStatusError("list", resource, 404, "not found")

    guard, _, said = make({})
    removal(monkeypatch, (guard, Missing({}), said))


def test_a_helm_release_of_the_configuration_is_not_deleted_but_at_a_destroy(
    monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    built = make({})
    built[0].releases.add(("argo-rollouts", "argo-rollouts"))
    with pytest.raises(GateRefusedError, match=r"deleting Helm release argo-rollouts .*SY-D006"):
        removal(monkeypatch, built)
    removal(monkeypatch, built, "old")
    built[0].destroying = True
    removal(monkeypatch, built)


def test_every_addon_that_the_settings_may_leave_out_is_kept_under_what_needs_it() -> None:
    optional = {
        to_camel(field)
        for model in (Ec2Cluster, ExistingCluster)
        for field in chart_fields(model)
        if type(None) in get_args(model.model_fields[field].annotation)
    }
    assert {need.key for need in NEEDS.values()} == optional


NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "argo-rollouts", "uid": "uid-n", "annotations": dict(OURS.annotations)},
}


def pod(release: str | None, **more: Any) -> dict[str, Any]:
    labels = {} if release is None else {"app.kubernetes.io/instance": release}
    return {"metadata": {"name": "worker-1", "labels": labels, **more}, "spec": {}}


@pytest.mark.parametrize("destroying", [True, False])
@pytest.mark.parametrize(
    ("running", "kept"),
    [
        (pod(None), True),
        (pod("another"), True),
        (pod("argo-rollouts"), False),
        (pod(None, deletionTimestamp="2026-11-30T00:00:00Z"), False),
    ],
)
def test_a_namespace_of_an_addon_stays_under_pods_of_others(
    make: Make, running: dict[str, Any], *, kept: bool, destroying: bool
) -> None:
    objects = {("namespaces", "argo-rollouts"): NAMESPACE, ("pods", "worker-1"): running}
    guard, table, _ = make(objects, destroying=destroying)
    if kept:
        with pytest.raises(GateRefusedError, match=r"deleting Namespace/argo-rollouts is refused \(SY-D001\)"):
            delete(guard, NAMESPACE)
    else:
        delete(guard, NAMESPACE)
    assert table.deleted == ([] if kept else [("namespaces", "argo-rollouts")])
