"""Whether the deletion guard deletes an object, keeps it or refuses, as pure functions.

The engine deletes by name what its state remembers, and its memory may be of yesterday. So the guard asks who the
live object is, before anything goes. See docs/adr, "Deletion by UID behind one guard".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchyard.config.commands import set_value
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.runbook import section
from switchyard.kube.mark_owner import described, is_own
from switchyard.kube.records import Record
from switchyard.manifests.ownership_marks import Mark, is_adopted, mark_of


class Action(StrEnum):
    """What becomes of an object whose record the engine is about to drop."""

    FORGET = "forget"
    """Nothing is deleted: the record is all that there is of it, or all that belongs to this stack."""
    RELEASE = "release"
    """The object stays, without the marks of this stack: it was there before the stack."""
    DELETE = "delete"
    """It is deleted, by its UID."""
    ASK = "ask"
    """It is deleted unless it serves, which the cluster is to be asked."""


@dataclass(frozen=True)
class Run:
    """What this run of the program has to say about an object.

    Attributes:
        mark: of this stack.
        former: of the stack that this one took over from; None for none.
        registered: the object is part of the configuration, whatever the engine calls it.
        configured: its service is part of the configuration.
        elsewhere: its service is part of the configuration in another namespace.
        renamed: its service is part of the configuration with another name for its objects.
        removed: its service is marked to be taken away.
        destroying: the run is a destroy that may take services down.
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
    """What to do, and in a line why, for the engineer who watches."""

    action: Action
    line: str


def decide(record: Record, live: Mapping[str, Any] | None, run: Run) -> Decision:
    """Decides what becomes of an object, as far as it needs no look at who serves.

    Args:
        record: what the state remembers.
        live: the object of that name on the cluster; None when there is none.
        run: what this run says.
    """
    name = record.name
    if live is None:
        return Decision(Action.FORGET, f"{name} is not on the cluster any more")
    uid, owner = str(live["metadata"]["uid"]), mark_of(live)
    known = bool(record.uid)
    if known and uid != record.uid:
        return Decision(
            Action.FORGET, f"{name} stays: another object has its name by now (UID {uid}, the state has {record.uid})"
        )
    if owner is not None and not is_own(owner, run.mark, run.former, known=known):
        return Decision(Action.FORGET, f"{name} stays: it belongs to {described(owner, run.mark)}")
    if owner is None and not known:
        return Decision(Action.FORGET, f"{name} stays: neither its marks nor the state say that it is this stack's")
    if run.registered and not run.destroying:
        return Decision(Action.FORGET, f"{name} stays: it is part of the configuration, only the old record goes")
    if is_adopted(live):
        return Decision(Action.RELEASE, f"{name} stays: it was there before this stack took it over")
    if run.destroying or run.removed:
        return Decision(Action.DELETE, f"{name} is deleted")
    return Decision(Action.ASK, f"{name} is deleted: it serves nobody")


def refuse_serving(record: Record, run: Run, reason: str) -> Refusal:
    """Refuses to delete what serves.

    Args:
        record: what the state remembers of it.
        run: what this run says.
        reason: why it serves.
    """
    service, namespace = record.service or record.name.name, record.name.namespace or "default"
    if run.configured:
        return Refusal(
            step=f"{key_of(service)}: deleting {record.name}",
            found=f"it serves users: {reason}",
            rule="what serves is not deleted",
            remedy=(
                "It was not touched. Switch the service to other pods first; "
                f"see: kubectl -n {namespace} get services,endpointslices -l app={service}"
            ),
        )
    word = _word_for_it(service, namespace, elsewhere=run.elsewhere, renamed=run.renamed)
    return refuse_vanished(service, namespace, reason, f"deleting {record.name}", word)


def refuse_vanished(service: str, namespace: str, reason: str, step: str, word: str | None = None) -> Refusal:
    """Refuses to lose a service that serves and that is not in the configuration any more.

    Args:
        service: its name, which knows its key.
        namespace: where it is.
        reason: why it serves.
        step: what was about to happen.
        word: the sentence that says how it is taken away; None for a service whose key is not configured.
    """
    word = word or _word_for_it(service, namespace)
    return Refusal(
        step=f"{key_of(service)}: {step}",
        found=f"service {service} is not in the configuration of namespace {namespace} any more, and serves: {reason}",
        rule="a service that serves is taken away only by a word of its own",
        remedy=(
            f"It was not touched. To keep it, put services.{key_of(service)} back. {word} "
            f'To rename or move it without a gap: {section("Rename a service")} and "Move a service to another '
            'namespace".'
        ),
    )


def _word_for_it(service: str, namespace: str, *, elsewhere: bool = False, renamed: bool = False) -> str:
    if renamed:
        command = set_value(f"switchyard:services.{key_of(service)}.name", str(service))
        return f"Its entry names its objects otherwise by now. To set that back: {command}."
    if elsewhere:
        command = f"pulumi config set --path 'switchyard:services.{key_of(service)}.leaves' {namespace} && pulumi up"
        return f"To take it down in namespace {namespace}, and keep the one in its new namespace: {command}."
    return f"To take it away: {remove_command(service, namespace)}; take the entry out afterwards."


def remove_command(service: str, namespace: str) -> str:
    """The command that takes a service away on purpose."""
    path = f"switchyard:services.{key_of(service)}"
    named = "" if service == key_of(service) else f"pulumi config set --path '{path}.name' {service} && "
    return (
        f"pulumi config set --path '{path}.remove' true && {named}"
        f"pulumi config set --path '{path}.namespace' {namespace} && pulumi up"
    )


def refuse_unreachable(record: Record, problem: str) -> Refusal:
    """Refuses to delete what cannot be looked at."""
    return Refusal(
        step=f"{key_of(record.service) or record.name.name}: deleting {record.name}",
        found=problem,
        rule="what cannot be looked at is not deleted",
        remedy="It was not touched. Check the API server and the kubeconfig, then run the command again.",
    )


def refuse_production_destroy(serving: Mapping[str, str], *, seen: bool = True) -> Refusal:
    """Refuses to destroy a production stack while its services serve.

    Args:
        serving: by the key of a service, why it serves or why that is not known.
        seen: whether the cluster could be looked at.
    """
    commands = " && ".join(f"pulumi config set --path 'switchyard:services.{name}.remove' true" for name in serving)
    return Refusal(
        step="The destroy of this production stack",
        found="; ".join(f"{name}: {reason}" for name, reason in serving.items()),
        rule="a stack that is marked production takes its services down one word each, before it goes",
        remedy=(
            f"Nothing was deleted. Remove the services first: {commands} && pulumi up; then destroy."
            + ("" if seen else " If the cluster is lost for good: pulumi config set switchyard:production false.")
        ),
    )


def refuse_deletion_by_name(record: Record, line: str) -> Refusal:
    """Refuses to let the provider delete what is not to go, by a name that the live object has."""
    return Refusal(
        step=f"{record.name}: its deletion by the provider, which knows it by its name alone",
        found=line,
        rule="it would delete the live object",
        remedy="Nothing was deleted by it. Take back the change that replaces it, and run `pulumi up --refresh`.",
    )


def refuse_release_deletion(namespace: str, name: str) -> Refusal:
    """Refuses to delete a Helm release that another record of it replaces."""
    return Refusal(
        step=f"{name}: deleting Helm release {name} in namespace {namespace}",
        found="the release is part of the configuration",
        rule="Helm deletes a release by its name, and what replaces it would go as well",
        remedy="Nothing was deleted by it. Take back the change that replaces it, and run `pulumi up` again.",
    )
