"""Whether the deletion guard deletes an object, keeps it or refuses.

The engine deletes by name what its state has, and the state may be out of date. So the guard identifies the live object
before anything is deleted. See docs/adr, "Deletion by UID behind one guard".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import set_value, typed
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.runbook import section
from switchyard.kube.mark_owner import described, is_own
from switchyard.kube.object_names import ObjectName
from switchyard.kube.records import Record
from switchyard.manifests.ownership_marks import Mark, is_adopted, mark_of


class Action(StrEnum):
    """What happens to an object whose record the engine is about to drop."""

    FORGET = "forget"
    """Nothing is deleted: the object does not exist, or does not belong to this stack."""
    RELEASE = "release"
    """The object stays, without the marks of this stack: it existed before the stack."""
    DELETE = "delete"
    """The object is deleted, by its UID."""
    ASK = "ask"
    """The object is deleted unless it serves, which is read from the cluster."""


@dataclass(frozen=True)
class Run:
    """What this run of the program knows about an object.

    Attributes:
        mark: mark of this stack.
        former: mark of the stack that this one took over from; None for none.
        registered: whether the object is part of the configuration, under any name in the engine.
        configured: whether its service is part of the configuration.
        elsewhere: whether its service is configured in another namespace.
        renamed: whether its service is configured with another name for its objects.
        removed: whether its service is marked to be removed.
        destroying: whether the run is a destroy that may delete services.
    """

    mark: Mark
    former: Mark | None
    registered: bool
    configured: bool
    elsewhere: bool
    removed: bool
    destroying: bool
    renamed: bool = False


@dataclass(frozen=True)
class Decision:
    """The action for an object, and the line that tells the engineer why."""

    action: Action
    line: str


def decide(record: Record, live: Mapping[str, Any] | None, run: Run) -> Decision:
    """Decides what happens to an object, as far as that does not depend on what serves.

    Args:
        record: what the state has of the object.
        live: the object of that name on the cluster; None when there is none.
        run: what this run knows about the object.
    """
    name = record.name
    if live is None:
        return Decision(Action.FORGET, f"{name} no longer exists on the cluster")
    uid, owner = str(live["metadata"]["uid"]), mark_of(live)
    known = bool(record.uid)
    if known and uid != record.uid:
        return Decision(
            Action.FORGET, f"{name} stays: another object has this name now (UID {uid}, the state has {record.uid})"
        )
    if owner is not None and not is_own(owner, run.mark, run.former, known=known):
        return Decision(Action.FORGET, f"{name} stays: it belongs to {described(owner, run.mark)}")
    if owner is None and not known:
        return Decision(Action.FORGET, f"{name} stays: neither its marks nor the state say that it is this stack's")
    if run.registered and not run.destroying:
        return Decision(Action.FORGET, f"{name} stays: it is part of the configuration, only the old record is dropped")
    if is_adopted(live):
        return Decision(Action.RELEASE, f"{name} stays: it existed before this stack adopted it")
    if run.destroying or run.removed:
        return Decision(Action.DELETE, f"{name} is deleted")
    return Decision(Action.ASK, f"{name} is deleted: it does not serve")


def refuse_serving(record: Record, run: Run, reason: str | None) -> Refusal | None:
    """Refuses to delete an object that serves.

    Args:
        record: what the state has of the object.
        run: what this run knows about the object.
        reason: why it serves; None when it does not.
    """
    if reason is None:
        return None
    service, namespace = record.service or record.name.name, record.name.namespace or "default"
    if run.configured:
        return Refusal(
            code=Code.SERVING_OBJECT_DELETED,
            step=f"{key_of(service)}: deleting {record.name}",
            observed=f"it serves users: {reason}",
            rule="an object that serves is not deleted",
            remedy=(
                "The object was not deleted. Switch the service to other pods first; "
                f"see: kubectl -n {namespace} get services,endpointslices -l app={service}"
            ),
        )
    removal = _how_to_remove(service, namespace, elsewhere=run.elsewhere, renamed=run.renamed)
    return refuse_unconfigured_service(service, namespace, reason, f"deleting {record.name}", removal)


def refuse_unconfigured_service(
    service: str, namespace: str, reason: str | None, step: str, removal: str | None = None
) -> Refusal | None:
    """Refuses to delete a service that serves and is no longer in the configuration.

    Args:
        service: name of the service, with its key.
        namespace: namespace of the service.
        reason: why it serves; None when it does not.
        step: the step that would delete it.
        removal: the sentence that says how the service is removed; None for a service whose key is not configured.
    """
    if reason is None:
        return None
    removal = removal or _how_to_remove(service, namespace)
    return Refusal(
        code=Code.SERVING_SERVICE_REMOVED,
        step=f"{key_of(service)}: {step}",
        observed=(
            f"service {service} is no longer in the configuration of namespace {namespace}, and serves: {reason}"
        ),
        rule="a service that serves is deleted only by an explicit setting",
        remedy=(
            f"Nothing of it was deleted. To keep it, put services.{key_of(service)} back. {removal} "
            f'To rename or move it without downtime: {section("Rename a service")} and "Move a service to another '
            'namespace".'
        ),
    )


def _how_to_remove(service: str, namespace: str, *, elsewhere: bool = False, renamed: bool = False) -> str:
    if renamed:
        command = set_value(f"switchyard:services.{key_of(service)}.name", str(service))
        return f"Its entry has another name for its objects now. To set the name back: {command}."
    if elsewhere:
        leaves = set_value(f"switchyard:services.{key_of(service)}.leaves", namespace)
        command = f"{leaves} && {typed('pulumi up')}"
        return f"To delete it in namespace {namespace} and keep it in its new namespace: {command}."
    return f"To remove it: {remove_command(service, namespace)}; delete the entry from the stack file afterwards."


def remove_command(service: str, namespace: str) -> str:
    """The command that removes a service on purpose."""
    path = f"switchyard:services.{key_of(service)}"
    named = [] if service == key_of(service) else [set_value(f"{path}.name", str(service))]
    commands = [
        set_value(f"{path}.remove", True),
        *named,
        set_value(f"{path}.namespace", namespace),
        typed("pulumi up"),
    ]
    return " && ".join(commands)


def refuse_unreachable(record: Record, problem: str) -> Refusal:
    """Refuses to delete an object when it is not known whether it serves."""
    return Refusal(
        code=Code.SERVING_UNKNOWN_BEFORE_DELETION,
        step=f"{key_of(record.service) or record.name.name}: deleting {record.name}",
        observed=problem,
        rule="an object is deleted only when the cluster shows that it does not serve",
        remedy="The object was not deleted. Check the API server and the kubeconfig, then run the command again.",
    )


def refuse_production_destroy(serving: Mapping[str, str], *, readable: bool = True) -> Refusal | None:
    """Refuses to destroy a production stack while its services serve.

    Args:
        serving: by the key of a service, why it serves or why that is not known.
        readable: whether the cluster could be read.
    """
    if not serving:
        return None
    commands = [*(set_value(f"switchyard:services.{name}.remove", True) for name in serving), typed("pulumi up")]
    return Refusal(
        code=Code.PRODUCTION_DESTROYED,
        step="The destroy of this production stack",
        observed="; ".join(f"{name}: {reason}" for name, reason in serving.items()),
        rule="the services of a stack that is marked production are removed one by one before the stack is destroyed",
        remedy=(
            f"Nothing was deleted. Remove the services first: {' && '.join(commands)}; then run the destroy again."
            + (
                ""
                if readable
                else f" If the cluster is permanently lost: {typed('pulumi config set switchyard:production false')}."
            )
        ),
    )


def refuse_deletion_by_name(record: Record, line: str) -> Refusal:
    """Refuses to let the provider delete by name when a live object that must stay has that name."""
    return Refusal(
        code=Code.DELETED_BY_NAME,
        step=f"{record.name}: its deletion by the provider, which knows it by its name alone",
        observed=line,
        rule="the provider would delete the live object",
        remedy=(
            f"The object was not deleted. Revert the change that replaces it, and run `{typed('pulumi up --refresh')}`."
        ),
    )


def refuse_release_deletion(namespace: str, name: str) -> Refusal:
    """Refuses to delete a Helm release that another record of it replaces."""
    return Refusal(
        code=Code.HELM_RELEASE_DELETED,
        step=f"{name}: deleting Helm release {name} in namespace {namespace}",
        observed="the release is part of the configuration",
        rule="Helm deletes a release by its name, and would delete its replacement as well",
        remedy=(
            f"The release was not deleted. Revert the change that replaces it, and run `{typed('pulumi up')}` again."
        ),
    )


def refuse_failed_deletion(name: ObjectName, problem: str) -> Refusal:
    """Ends a run in which the API server did not delete an object.

    Args:
        name: name of the object.
        problem: the answer of the API server.
    """
    return Refusal(
        code=Code.DELETION_FAILED,
        step=f"deleting {name}",
        observed=problem,
        rule="the engine drops its record of an object only when the object is deleted",
        remedy="The object still exists. Correct the cause, then run the command again.",
    )


def refuse_unfinished_deletion(name: ObjectName, seconds: float) -> Refusal:
    """Ends a run in which an object was deleted and still exists after the wait.

    Args:
        name: name of the object.
        seconds: how long the guard waited.
    """
    namespace = f"-n {name.namespace} " if name.namespace else ""
    return Refusal(
        code=Code.DELETION_NOT_FINISHED,
        step=f"deleting {name}",
        observed=f"it was deleted, and still exists after {seconds:.0f} s",
        rule="an object with finalizers exists until their controllers remove them",
        remedy=(
            f"See its finalizers: kubectl get {name.resource} {name.name} {namespace}-o yaml. Then run the command "
            "again."
        ),
    )


def warn_deleted_with_machines(problem: str) -> str:
    """Announces that a destroy does not delete the objects of a cluster whose API server does not answer.

    Args:
        problem: why the API server gave no answer.
    """
    return notice(
        Code.DELETED_WITH_MACHINES,
        "",
        f"the API server does not answer ({problem})",
        "The objects on the cluster are deleted together with its machines.",
    )
