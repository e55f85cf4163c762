"""Refuses to move a service that serves to another cluster, namespace or name.

The outputs of the last update say where the stack was. A provider of another cluster, or an object of another
namespace, would be a replacement: created there, deleted here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import remove_value, set_value, typed
from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service_name import NamespacedName, ServiceName, key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting, without
from switchyard.gates.runbook import section

CLUSTER_OUTPUT = "cluster"
"""Output of the stack: the identity of its cluster."""

SERVICES_OUTPUT = "services"
"""Output of the stack with the namespace and other facts of each service."""

FIXED_OUTPUT = "identity"
"""Output of a stack that creates its cluster: settings that the cluster is created with, by their keys."""

KUBECONFIG_OUTPUT = "kubeconfig"
"""Output of a stack that creates its cluster: the administrator's kubeconfig, secret."""

NAME_OUTPUT = "name"
"""Output of a service with the name of its objects, if that differs from its key."""


@dataclass(frozen=True)
class StackLocation:
    """The cluster and the namespaces that a stack is in.

    Attributes:
        identifier: identifier of the cluster in the settings; empty if unknown.
        uid: UID of namespace kube-system, which identifies the cluster; empty if unknown.
        namespaces: namespaces of each service, by its key.
        names: names of the objects of each service whose name is not its key.
        created: whether the stack has created the cluster.
    """

    identifier: str = ""
    uid: str = ""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    created: bool = False

    def service(self, key: str) -> ServiceName:
        """The name that the objects of a service had after the last update."""
        return ServiceName(self.names.get(key, key), key)

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> "StackLocation":
        """Reads the outputs of a stack that this version or an earlier version of the program has written."""
        cluster, services = outputs.get(CLUSTER_OUTPUT), outputs.get(SERVICES_OUTPUT)
        known = cluster if isinstance(cluster, Mapping) else {}
        entries = services if isinstance(services, Mapping) else {}
        namespaces = {
            str(name): str(entry["namespace"])
            for name, entry in entries.items()
            if isinstance(entry, Mapping) and entry.get("namespace")
        }
        names = {key: str(entries[key][NAME_OUTPUT]) for key in namespaces if entries[key].get(NAME_OUTPUT)}
        # An earlier version has written the kubeconfig alone.
        created = FIXED_OUTPUT in outputs or KUBECONFIG_OUTPUT in outputs
        return cls(str(known.get("identifier") or ""), str(known.get("uid") or ""), namespaces, names, created)


def refuse_other_kind(last: StackLocation, kind: str, *, creates: bool) -> Refusal | None:
    """Refuses another kind of cluster: the machines of the stack would be deleted, or its services abandoned.

    Args:
        last: where the stack was.
        kind: the kind in the settings.
        creates: whether the stack creates a cluster of this kind.
    """
    # A first update of single resources, or one that continues on errors, leaves the identifier alone of a cluster that
    # it has not yet created.
    if not last.identifier or last.created == creates or not (last.created or last.uid):
        return None
    if last.created:
        observed, before = f"the stack has created its cluster {last.identifier}", "ec2"
        rule = "its machines would be deleted, with everything that serves on them"
    else:
        observed, before = f"the stack is on cluster {last.identifier}, which it has not created", "existing"
        rule = "its services there would be abandoned"
    return Refusal(
        code=Code.OTHER_CLUSTER_KIND,
        step=f"{CLUSTER}.kind: {kind}",
        observed=observed,
        rule=rule,
        remedy=(
            f"Nothing was changed. Set it back, with the other settings of {CLUSTER} as they were: "
            f"{set_value(f'{CLUSTER}.kind', before)}. A cluster of another kind needs a stack of its own."
        ),
    )


def refuse_other_identifier(last: StackLocation, identifier: str, replaces: str | None) -> Refusal | None:
    """Refuses another identifier for the cluster: the provider would replace every object."""
    if last.identifier in {"", identifier} or (replaces and replaces == last.uid):
        return None
    return Refusal(
        code=Code.OTHER_CLUSTER_IDENTIFIER,
        step=f"{CLUSTER}.identifier: {identifier}",
        observed=f"the stack is on the cluster with the identifier {last.identifier}",
        rule="another identifier means another cluster, and everything of the stack would be replaced",
        remedy=(
            f"Nothing was changed. Set it back: {set_value(f'{CLUSTER}.identifier', last.identifier)}. "
            f"To move the stack: {section('Move to another cluster')}."
        ),
    )


def refuse_other_cluster(last: StackLocation, uid: str, replaces: str | None, kubeconfig: str) -> Refusal | None:
    """Refuses another cluster behind the kubeconfig.

    Args:
        last: where the stack was.
        uid: UID of namespace kube-system of the cluster behind the kubeconfig; empty if unknown.
        replaces: UID of a lost cluster in the settings.
        kubeconfig: the kubeconfig and its context, as messages name them.
    """
    if not uid or last.uid in {"", uid} or replaces == last.uid:
        return None
    return Refusal(
        code=Code.OTHER_CLUSTER,
        step="This run",
        observed=f"{kubeconfig} is for another cluster (UID of {KUBE_SYSTEM} {uid}) than the stack ({last.uid})",
        rule="a stack stays on its cluster, because its services there would be abandoned or deleted",
        remedy=(
            f"Nothing was changed. Correct {CLUSTER}.kubeconfig or {CLUSTER}.context. To move the stack: "
            f"{section('Move to another cluster')}. If the old cluster is permanently lost: "
            f"{set_value(f'{CLUSTER}.replaces', last.uid)}, then `{typed('pulumi up')}`."
        ),
    )


def no_longer_configured(
    last: StackLocation, services: Mapping[str, NamespacedName], removed: Mapping[str, NamespacedName]
) -> dict[str, str]:
    """Namespaces of the services that the stack had, and that are neither configured nor marked to be removed.

    A service that is configured under another key, with the same namespace and the same name, keeps all its objects.

    Args:
        last: where the stack was.
        services: namespace and name of the configured services, by their keys.
        removed: namespace and name of the services that are marked to be removed, by their keys.
    """
    before = {key: NamespacedName(namespace, last.service(key)) for key, namespace in last.namespaces.items()}
    return {
        key: service.namespace
        for key, service in before.items()
        if key not in services and service not in services.values() and removed.get(key) != service
    }


def removed_on_purpose(
    last: StackLocation, removed: Mapping[str, NamespacedName], left: Mapping[str, str | None]
) -> list[NamespacedName]:
    """The services that the stack had, and that the settings remove.

    Args:
        last: where the stack was.
        removed: namespace and name of the services that are marked to be removed, by their keys.
        left: the namespace that a configured service leaves, by its key.
    """
    before = {key: NamespacedName(namespace, last.service(key)) for key, namespace in last.namespaces.items()}
    return [
        service for key, service in before.items() if removed.get(key) == service or left.get(key) == service.namespace
    ]


def warn_nothing_to_remove(last: StackLocation, removed: Collection[str]) -> list[str]:
    """Warns of services that are marked to be removed and that the stack does not have.

    Before the first successful update the stack has no outputs, and there is no warning.
    """
    return [
        notice(
            Code.NOTHING_TO_REMOVE,
            f"switchyard:services.{name}.remove",
            f"nothing is removed: the stack has no service {name}",
            f"If it is already removed, delete the entry: {remove_value(f'switchyard:services.{name}')}. Otherwise "
            "correct the name.",
        )
        for name in removed
        if last.uid and name not in last.namespaces
    ]


def refuse_other_namespace(name: str, namespace: str, before: str, reason: str | None) -> Refusal | None:
    """Refuses another namespace for a service that serves in its old namespace.

    Args:
        name: the service's name.
        namespace: the new namespace in the settings.
        before: the old namespace.
        reason: why it serves there; None when it does not.
    """
    if reason is None:
        return None
    return Refusal(
        code=Code.OTHER_NAMESPACE,
        step=f"{key_of(name)}: namespace {namespace}",
        observed=f"it serves in namespace {before}: {reason}",
        rule="an object cannot change its namespace, so the objects that serve would be deleted",
        remedy=(
            "Nothing was changed. Set it back: "
            f"{set_value(f'switchyard:services.{key_of(name)}.namespace', before)}. To move it without downtime: "
            f"{section('Move a service to another namespace')}. To delete it there once it serves in the new "
            "namespace: "
            f"{set_value(f'switchyard:services.{key_of(name)}.leaves', before)}, then `{typed('pulumi up')}`."
        ),
    )


def refuse_other_name(before: ServiceName, name: str, namespace: str, reason: str | None) -> Refusal | None:
    """Refuses another name for the objects of a service that serves under its old name.

    Args:
        before: the old name.
        name: the new name in the settings.
        namespace: namespace in which it serves.
        reason: why it serves there; None when it does not.
    """
    if reason is None:
        return None
    back = without(before, "name") if before == before.key else setting(before, "name", str(before))
    return Refusal(
        code=Code.OTHER_NAME,
        step=f"{before.key}: name {name}",
        observed=f"it serves as {before} in namespace {namespace}: {reason}",
        rule="an object cannot change its name, so the objects that serve would be deleted",
        remedy=(
            f"Nothing was changed. Set it back: {back}. To rename it without downtime, add a service with a key of its "
            f"own: {section('Rename a service')}."
        ),
    )
