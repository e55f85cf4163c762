"""The minimum permissions of a user of the commands: a Role for each namespace, and one ClusterRole.

The rights are those of a person who releases, not of a pipeline that creates a stack: nothing can be deleted, and of
Secrets only those that the services refer to can be read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from switchyard.config.cluster_address import ServiceAddress
from switchyard.config.kubernetes import (
    APPS,
    AUTOSCALING,
    BATCH,
    COORDINATION,
    CORE,
    DISCOVERY,
    ISTIO,
    NETWORKING,
    POLICY,
    RBAC,
    ROLLOUTS,
    TARGETS,
)
from switchyard.manifests.labels import MANAGED
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.ownership_marks import Mark

ROLE = "switchyard-release"
"""Name of the Role in each namespace, before the project and the name of the stack.

Services of two stacks may be in one namespace, and the Role of one has other rights than that of the other.
"""

CLUSTER_ROLE = "switchyard-release-cluster"
"""Name of the ClusterRole for what belongs to no namespace."""


@dataclass(frozen=True)
class Grant:
    """Verbs on one kind of object.

    Attributes:
        version: group and version of the API.
        resource: plural name of the kind, with its subresource.
        verbs: verbs of Kubernetes' access rules.
        purpose: the step of the commands that needs the permission.
    """

    version: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str

    @property
    def group(self) -> str:
        """Group of the API; empty for the core group."""
        return self.version.rpartition("/")[0]


READ = ("get", "list")
WATCH = ("get", "list", "watch")

IN_NAMESPACE = (
    Grant(CORE, "configmaps", (*READ, "create", "patch"), "record of releases; versions that were rolled back"),
    Grant(COORDINATION, "leases", (*READ, "create", "update"), "one command at a time"),
    Grant(CORE, "services", (*READ, "patch"), "selector, which is the switch"),
    Grant(DISCOVERY, "endpointslices", WATCH, "ready endpoints"),
    Grant(CORE, "pods", WATCH, "readiness, versions and restarts"),
    Grant(CORE, "pods/proxy", ("get",), "smoke test, drain, watch and receipt"),
    Grant(CORE, "services/proxy", ("get",), "smoke test of a colour"),
    Grant(CORE, "events", WATCH, "why pods are not ready"),
    Grant(APPS, "deployments", (*WATCH, "patch"), "colours: warm, renew, retire"),
    # Without these the wait of the provider (4.25.0) for a Deployment does not end: it had not after four minutes.
    Grant(CORE, "persistentvolumeclaims", WATCH, "the provider's wait for a Deployment"),
    Grant(
        APPS, "deployments/scale", ("patch",), "a colour that is autoscaled or was scaled down by hand, before a switch"
    ),
    Grant(APPS, "replicasets", WATCH, "pods of the current template"),
    Grant(AUTOSCALING, "horizontalpodautoscalers", READ, "sizes that autoscalers set"),
    Grant(CORE, "serviceaccounts", READ, "objects that are missing"),
    Grant(POLICY, "poddisruptionbudgets", READ, "objects that are missing"),
    Grant(NETWORKING, "ingresses", READ, "route of the load balancer"),
    Grant(TARGETS, "targetgroupbindings", READ, "target groups of the load balancer"),
    Grant(ROLLOUTS, "rollouts", READ, "services under Argo Rollouts, for status"),
    Grant(ROLLOUTS, "analysistemplates", READ, "services under Argo Rollouts, for status"),
    Grant(ISTIO, "virtualservices", READ, "services with traffic by Istio, for status"),
)
"""Permissions of the commands in the namespace of a service."""

FOR_HOOKS = (
    Grant(BATCH, "jobs", (*WATCH, "create"), "hooks of a release"),
    Grant(CORE, "pods/log", ("get",), "why a hook has failed"),
)
"""Additional permissions in the namespace of a service whose releases have Jobs as hooks.

A user who may create a Job may run it as any ServiceAccount of its namespace.
"""

FOR_ROLLBACK = (Grant(CORE, "pods", ("delete",), "kept connections of a version that was rolled back"),)
"""Additional permissions in the namespace of a service with `release.drain.rollbackSeconds`.

Without it the pods are renewed as after a switch, which takes about a minute. Who may patch Deployments can end their
pods in any case.
"""

FOR_WEIGHTS = (Grant(NETWORKING, "ingresses", ("patch",), "weights of the load balancer, which are the switch"),)
"""Additional permissions of the commands in the namespace of a service with `switchEngine: albWeights`."""

IN_CLUSTER = (
    Grant(CORE, "namespaces", ("get",), "identity of the cluster; whether the namespace exists"),
    Grant(CORE, "nodes", READ, "which nodes take traffic"),
    Grant(CORE, "nodes/proxy", ("get",), "whether each node follows a switch"),
)
"""Permissions of the commands for cluster-wide objects.

The NodePort of a node and the health of its kube-proxy have no finer right than ``nodes/proxy``, by which the kubelet's
API can be read as well. Without it the commands work, and say that they did not see the nodes.
"""


def roles(
    namespaces: Iterable[str],
    secrets: Mapping[str, Sequence[str]] | None = None,
    jobs: Collection[str] = (),
    pods: Collection[str] = (),
    prometheus: Iterable[ServiceAddress] = (),
    weights: Collection[str] = (),
    stack: Mark | None = None,
) -> list[Manifest]:
    """The ClusterRole, the Role of each namespace, and one of each other namespace that has a Prometheus.

    Args:
        namespaces: namespaces of the services.
        secrets: names of the Secrets that the services of a namespace refer to, whose metadata a program reads, and of
            those that calls of hooks have in their headers, or that have the URLs of notifications.
        jobs: the namespaces of services whose releases have Jobs as hooks.
        pods: the namespaces of services whose pods are deleted after a rollback.
        prometheus: the Services of Prometheus that watches read through the API server.
        weights: the namespaces of services that the load balancer switches.
        stack: the stack of the services; None for Roles that belong to no stack.
    """
    role = ROLE if stack is None else f"{ROLE}:{stack.project}:{stack.stack}"
    named, own = secrets or {}, set(namespaces)
    others: dict[str, set[str]] = {}
    for address in prometheus:
        if address.namespace not in own:  # whose Role permits the proxy of every Service
            others.setdefault(address.namespace, set()).add(address.resource_name)
    return [
        {**_head("ClusterRole", CLUSTER_ROLE), "rules": [_rule(grant) for grant in IN_CLUSTER]},
        *(
            _role(
                role,
                namespace,
                named.get(namespace, ()),
                (
                    *(FOR_HOOKS if namespace in jobs else ()),
                    *(FOR_ROLLBACK if namespace in pods else ()),
                    *(FOR_WEIGHTS if namespace in weights else ()),
                ),
            )
            for namespace in sorted(own)
        ),
        *(_in(role, namespace, [_proxy_rule(names)]) for namespace, names in sorted(others.items())),
    ]


def _role(name: str, namespace: str, secrets: Sequence[str], more: Iterable[Grant]) -> Manifest:
    rules = [_rule(grant) for grant in (*IN_NAMESPACE, *more)]
    if secrets:
        rules.append(
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": sorted(set(secrets)), "verbs": ["get"]}
        )
    return _in(name, namespace, rules)


def _proxy_rule(names: Iterable[str]) -> dict[str, list[str]]:
    """The permission to reach some Services by name and port through the API server."""
    return {"apiGroups": [""], "resources": ["services/proxy"], "resourceNames": sorted(names), "verbs": ["get"]}


def _in(name: str, namespace: str, rules: list[dict[str, list[str]]]) -> Manifest:
    head = _head("Role", name)
    return {**head, "metadata": {**head["metadata"], "namespace": namespace}, "rules": rules}


def _head(kind: str, name: str) -> Manifest:
    return {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "labels": dict(MANAGED)}}


def _rule(grant: Grant) -> dict[str, list[str]]:
    return {"apiGroups": [grant.group], "resources": [grant.resource], "verbs": list(grant.verbs)}
