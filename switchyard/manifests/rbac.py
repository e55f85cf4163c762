"""The minimum permissions of a user of the commands: a Role for each namespace, and one ClusterRole.

The rights are those of a person who releases, not of a pipeline that creates a stack: nothing can be deleted, and of
Secrets only those that the services refer to can be read.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from switchyard.config.models.pod_settings import PORT
from switchyard.config.models.service import Colour
from switchyard.manifests.labels import MANAGED, colour_name, record_name
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
        names: the objects of a service to which the grant is limited, by the name of the service; None for all objects
            of the namespace.
    """

    version: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str
    names: Callable[[str], tuple[str, ...]] | None = None

    @property
    def group(self) -> str:
        """Group of the API; empty for the core group."""
        return self.version.rpartition("/")[0]


def _records(service: str) -> tuple[str, ...]:
    return (record_name(service),)


def _colours(service: str) -> tuple[str, ...]:
    return tuple(colour_name(service, colour) for colour in Colour)


def _colour_addresses(service: str) -> tuple[str, ...]:
    """The Service of each colour with its port, as the API server's proxy names it; the smoke test may use TLS."""
    return tuple(f"{scheme}{name}:{PORT}" for name in _colours(service) for scheme in ("", "https:"))


READ = ("get", "list")
WATCH = ("get", "list", "watch")

IN_NAMESPACE = (
    Grant(CORE, "configmaps", (*READ, "create"), "record of releases; versions that were rolled back"),
    Grant(COORDINATION, "leases", (*READ, "create"), "one command at a time"),
    Grant(CORE, "services", READ, "selector, which is the switch"),
    Grant(DISCOVERY, "endpointslices", WATCH, "ready endpoints"),
    Grant(CORE, "pods", WATCH, "readiness, versions and restarts"),
    Grant(CORE, "pods/proxy", ("get",), "smoke test, drain, watch and receipt"),
    Grant(CORE, "events", WATCH, "why pods are not ready"),
    Grant(APPS, "deployments", WATCH, "colours"),
    # Without these the wait of the provider (4.25.0) for a Deployment does not end: it had not after four minutes.
    Grant(CORE, "persistentvolumeclaims", WATCH, "the provider's wait for a Deployment"),
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
"""Permissions of the commands in the namespace of a service, on all objects of a kind.

Whoever may list a kind reads every object of it, and RBAC cannot limit a list, a watch or a create to names.
"""

ON_OBJECTS = (
    Grant(CORE, "configmaps", ("patch",), "record of releases; versions that were rolled back", _records),
    Grant(COORDINATION, "leases", ("update",), "one command at a time", _records),
    Grant(CORE, "services", ("patch",), "selector, which is the switch", lambda service: (service,)),
    Grant(CORE, "services/proxy", ("get",), "smoke test of a colour", _colour_addresses),
    Grant(APPS, "deployments", ("patch",), "colours: warm, renew, retire", _colours),
    Grant(
        APPS,
        "deployments/scale",
        ("patch",),
        "a colour that is autoscaled or was scaled down by hand, before a switch",
        _colours,
    ),
)
"""Permissions of the commands on the objects of a service, by name."""

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
    services: Mapping[str, Collection[str]] | None = None,
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
        services: names of the services that the commands release, by their namespace; None if the names are not known,
            so that the Roles permit to change every object of these kinds.
    """
    role = ROLE if stack is None else f"{ROLE}:{stack.project}:{stack.stack}"
    named, own = secrets or {}, set(namespaces)
    addresses: dict[str, set[str]] = {}
    for address in prometheus:
        addresses.setdefault(address.namespace, set()).add(address.resource_name)
    return [
        {**_head("ClusterRole", CLUSTER_ROLE), "rules": [_rule(grant) for grant in IN_CLUSTER]},
        *(
            _in(
                role,
                namespace,
                [
                    *map(_rule, IN_NAMESPACE),
                    *_object_rules(None if services is None else sorted(services.get(namespace, ()))),
                    *map(_rule, FOR_HOOKS if namespace in jobs else ()),
                    *map(_rule, FOR_ROLLBACK if namespace in pods else ()),
                    *map(_rule, FOR_WEIGHTS if namespace in weights else ()),
                    *_named_rule("secrets", named.get(namespace, ())),
                    *_named_rule("services/proxy", addresses.get(namespace, ())),
                ],
            )
            for namespace in sorted(own)
        ),
        *(
            _in(role, namespace, _named_rule("services/proxy", names))
            for namespace, names in sorted(addresses.items())
            if namespace not in own
        ),
    ]


def _object_rules(services: Collection[str] | None) -> list[dict[str, list[str]]]:
    """The rules for the objects of some services; for every object of the namespace if the names are not known."""
    if services is None:
        return [_rule(grant) for grant in ON_OBJECTS]
    # An empty list of names would permit every object.
    return [
        {**_rule(grant), "resourceNames": [name for service in services for name in grant.names(service)]}
        for grant in ON_OBJECTS
        if grant.names is not None and services
    ]


def _named_rule(resource: str, names: Iterable[str]) -> list[dict[str, list[str]]]:
    """The permission to get some objects of the core group by name; none without names."""
    listed = sorted(set(names))
    return [{"apiGroups": [""], "resources": [resource], "resourceNames": listed, "verbs": ["get"]}] if listed else []


def _in(name: str, namespace: str, rules: list[dict[str, list[str]]]) -> Manifest:
    head = _head("Role", name)
    return {**head, "metadata": {**head["metadata"], "namespace": namespace}, "rules": rules}


def _head(kind: str, name: str) -> Manifest:
    return {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "labels": dict(MANAGED)}}


def _rule(grant: Grant) -> dict[str, list[str]]:
    return {"apiGroups": [grant.group], "resources": [grant.resource], "verbs": list(grant.verbs)}
