"""Ends a run that would move a stack or a serving service, before anything is registered."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import pulumi

from components.failures import end_if_refused
from switchyard.codes import Code
from switchyard.config.loader import StackSettings
from switchyard.config.models.cluster import ExistingCluster
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.gates.cluster_identity import read_uid
from switchyard.gates.rules.cluster_identity import refuse_unknown_cluster, refuse_unseen, warn_unknown_cluster
from switchyard.gates.rules.deletion import refuse_unconfigured_service
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.relocation import (
    StackLocation,
    no_longer_configured,
    refuse_other_cluster,
    refuse_other_identifier,
    refuse_other_kind,
    refuse_other_name,
    refuse_other_namespace,
    removed_on_purpose,
    warn_nothing_to_remove,
)
from switchyard.gates.rules.running_release import refuse_removal
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.kube.namespace import read_namespace
from switchyard.kube.release_lease import holder_of
from switchyard.kube.serving import service_serves
from switchyard.operation import is_destroy


@cache
def last_outputs() -> Mapping[str, Any]:
    """The outputs of the last update. Secret outputs are in plain text, and stay in memory.

    A program asks the backend once, which may be far away.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value or {}
    outputs: Mapping[str, Any] = answer.get("outputs") or {}
    return outputs


def refuse_moves(settings: StackSettings, access: ClusterAccess) -> StackLocation:
    """Ends a run that would move the stack, or a service that serves.

    Returns:
        The new location of the stack, for its outputs.

    Raises:
        pulumi.RunError: the run would move the stack or a service.
    """
    cluster, last = settings.cluster, StackLocation.of(last_outputs())
    replaces = cluster.replaces if isinstance(cluster, ExistingCluster) else None
    refusals = [
        refuse_other_kind(last, cluster.kind, creates=not isinstance(cluster, ExistingCluster))
        or refuse_other_identifier(last, cluster.identifier, replaces)
    ]
    uid = last.uid
    if access.exists and not access.unreachable and not any(refusals):
        uid, move_refusals = run_blocking(_inspect(settings, access, last))
        refusals += [refuse_other_cluster(last, uid, replaces, access.described), *move_refusals]
    end_if_refused(refusals)
    for line in warn_nothing_to_remove(last, settings.removed):
        pulumi.log.warn(line)
    names = {key: service.name for key, service in settings.services.items() if service.name is not None}
    namespaces = {key: service.namespace for key, service in settings.services.items()}
    return StackLocation(cluster.identifier, uid, namespaces, names)


async def _inspect(
    settings: StackSettings, access: ClusterAccess, last: StackLocation
) -> tuple[str, list[Refusal | None]]:
    """UID of the cluster, and refusals of moves on it."""
    try:
        api = (await Cluster.connect(access)).api
        uid = await read_uid(api)
    except ClusterError as error:
        if access.stack_kubeconfig is not None:
            # The stack created the cluster and its kubeconfig. A machine of a cluster that is down can be replaced.
            if last.namespaces:
                pulumi.log.warn(
                    notice(
                        Code.CLUSTER_UNKNOWN,
                        "",
                        f"whether this is still the stack's cluster is not known: {error}",
                        "The run continues, because the stack created the cluster and its kubeconfig.",
                    )
                )
            return last.uid, []
        if (refusal := refuse_unknown_cluster(last, access, error)) is not None:
            return "", [refusal]
        if not is_destroy():
            pulumi.log.warn(warn_unknown_cluster(access, error))
        uid = ""
    try:
        return uid, await _moved(settings, api, last)
    except ClusterError as error:
        return uid, [refuse_unseen(access, error)]


async def _moved(settings: StackSettings, api: BoundedApi, last: StackLocation) -> list[Refusal | None]:
    """Refusals of other names and namespaces, and of removing services that serve."""
    # A destroy is meant to remove services, unless the stack is marked production.
    is_plain_destroy = is_destroy() and not settings.production
    refusals: list[Refusal | None] = []
    for key, service in settings.services.items():
        name, known = service.named(key), key in last.namespaces
        old = last.namespaces.get(key, service.namespace)
        old_name = last.service(key) if known else name
        if old_name == name and old in {service.namespace, service.leaves}:
            continue
        reason = service_serves(old_name, await read_namespace(api, old))
        if old_name != name:
            refusals.append(refuse_other_name(old_name, name, old, reason))
        else:
            refusals.append(refuse_other_namespace(name, service.namespace, old, reason))
    configured = {key: service.namespaced(key) for key, service in settings.services.items()}
    for key, old in {} if is_plain_destroy else no_longer_configured(last, configured, settings.removed).items():
        reason = service_serves(last.service(key), await read_namespace(api, old))
        refusals.append(refuse_unconfigured_service(last.service(key), old, reason, "this run"))
    left = {key: service.leaves for key, service in settings.services.items()}
    for removed in [] if is_plain_destroy else removed_on_purpose(last, settings.removed, left):
        with suppress(AccessDeniedError):  # a user who may not read Leases may still update
            holder = await holder_of(api, removed.namespace, removed.name)
            refusals.append(refuse_removal(removed.name, removed.namespace, holder))
    return refusals
